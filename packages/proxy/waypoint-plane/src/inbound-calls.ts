import type { Clock, Result } from '@tulle/core'
import { createHttp1Server } from '@tulle/http1'
import type { Refusal, RequestHead, ServerExchange, ServerHandler } from '@tulle/http1'
import { spiffeId } from '@tulle/identity'
import { createHttp2Server, RequestRun, windowSettings } from '@tulle/l7'
import type { Downstream, L7Environment } from '@tulle/l7'
import { parseIpAddress } from '@tulle/mesh'
import type { PortProtocol } from '@tulle/traffic'
import type { InboundTunnel, PeerAddress, RefusalStatus } from '@tulle/tunnel'
import { destinationOf } from './destination.ts'
import type { Dialed } from './destination.ts'
import { spokenIn } from './detect-protocol.ts'
import type { Spoken } from './detect-protocol.ts'
import { FirstBytes } from './first-bytes.ts'
import { StreamLink } from './stream-link.ts'
import { readHello } from './server-name.ts'
import type { HelloReading } from './server-name.ts'
import { routesOf, TcpCalls } from './tcp-call.ts'
import type { TcpDeps } from './tcp-call.ts'
import type { KnownTraffic, WaypointState } from './waypoint-state.ts'

export interface InboundDeps {
  readonly clock: Clock
  readonly state: WaypointState
  /** By what the client speaks, which endpoints that declare nothing are spoken to as well. */
  readonly environments: Readonly<Record<'http1' | 'http2', L7Environment>>
  readonly tcp: TcpDeps
  /** Connections that carry requests. */
  onConnections(change: 1 | -1): void
  /** A tunnel that came to nothing. */
  refused(why: string, address: PeerAddress): void
}

interface OpenConnection {
  drain(idleMs?: number): void
  destroy(): void
}

/** A client that idles may have sent a request just when it is told to go: it is waited for so long. */
export const idleDrainMs = 3000

/** A stream may come before the traffic of what it is for: then it waits so long for it. */
const trafficWaitMs = 3000
/** Where the server may be the one that begins, it is waited for no longer. */
const detectSilenceMs = 500
/** A caller's node proxy may hear before us that callers of something come here. */
const bindingWaitMs = 1000
/** A client of TLS speaks first. */
const helloSilenceMs = 10_000
/** Where it is known that the client begins: pools open connections before they have anything to say. */
const httpSilenceMs = 60_000

/** The tunnels that clients' node proxies open here, each for one connection of a client. */
export class InboundCalls {
  readonly #deps: InboundDeps
  readonly #tcp: TcpCalls
  /** With the key of what each is for. */
  readonly #open: Map<OpenConnection, string> = new Map()
  /** Those that have not shown yet what they are. */
  readonly #silent: Set<StreamLink> = new Set()
  /** What comes for something that is not known to be bound here: each looks again. */
  readonly #early: Set<() => void> = new Set()
  #drainMs: number | undefined
  #emptied: PromiseWithResolvers<void> | undefined

  constructor(deps: InboundDeps) {
    this.#deps = deps
    this.#tcp = new TcpCalls(deps.tcp, () => this.#tellIfEmpty())
  }

  get size(): number {
    return this.#open.size
  }

  accept(tunnel: InboundTunnel, address: PeerAddress): void {
    const dialed = this.#destinationOf(tunnel)
    if (dialed.ok) this.#take(tunnel, address, dialed.value)
    else this.#awaitBinding(tunnel, address, dialed.error)
  }

  #destinationOf(tunnel: InboundTunnel): Result<Dialed> {
    const { request, peer } = tunnel
    return destinationOf(this.#deps.state, request.authority, peer.identity.namespace)
  }

  #take(tunnel: InboundTunnel, address: PeerAddress, to: Dialed): void {
    const { state } = this.#deps
    if (to.service === undefined) {
      this.#begin(tunnel, address, to, undefined)
      return
    }
    const known = state.trafficOf(to.key)
    if (known === undefined) this.#wait(tunnel, address, to)
    else this.#begin(tunnel, address, to, known === 'none' ? undefined : known)
  }

  /** Lets requests finish and says so to clients, those that idle within `idleMs`; resolves when nothing is open. */
  drain(idleMs: number): Promise<void> {
    this.#drainMs = idleMs
    for (const connection of this.#open.keys()) connection.drain(idleMs)
    this.#deps.clock.after(idleMs, () => {
      for (const link of this.#silent) link.destroy()
    })
    this.#emptied ??= Promise.withResolvers()
    this.#tellIfEmpty()
    return this.#emptied.promise
  }

  /**
   * The mesh or its policies have changed. Requests are judged one by one; streams that nobody reads are, again. Callers of what
   * is no longer bound here are sent away when their requests are done.
   */
  meshChanged(): void {
    for (const look of this.#early) look()
    this.#tcp.decideAgain()
    for (const [connection, key] of this.#open)
      if (!this.#deps.state.keeps(key)) connection.drain(idleDrainMs)
  }

  destroy(): void {
    this.#tcp.destroy()
    for (const connection of this.#open.keys()) connection.destroy()
  }

  #awaitBinding(tunnel: InboundTunnel, address: PeerAddress, why: string): void {
    const end = (): void => {
      this.#early.delete(look)
      timer[Symbol.dispose]()
    }
    const look = (): void => {
      const dialed = this.#destinationOf(tunnel)
      if (!dialed.ok) return
      end()
      this.#take(tunnel, address, dialed.value)
    }
    const timer = this.#deps.clock.after(bindingWaitMs, () => {
      end()
      this.#refuse(tunnel, '401', { why, address })
    })
    this.#early.add(look)
    tunnel.onAbandoned = end
  }

  #wait(tunnel: InboundTunnel, address: PeerAddress, to: Dialed): void {
    const { clock, state } = this.#deps
    const end = (): void => {
      waiting[Symbol.dispose]()
      timer[Symbol.dispose]()
    }
    const waiting = state.whenKnown(to.key, () => {
      end()
      const known = state.trafficOf(to.key)
      this.#begin(tunnel, address, to, known === 'none' ? undefined : known)
    })
    const timer = clock.after(trafficWaitMs, () => {
      end()
      this.#refuse(tunnel, '503', { why: `the traffic of ${to.key} is not known`, address })
    })
    tunnel.onAbandoned = end
  }

  #begin(tunnel: InboundTunnel, address: PeerAddress, to: Dialed, traffic: KnownTraffic | undefined): void {
    const downstream = downstreamOf(tunnel, address, to)
    if (downstream === undefined) {
      this.#refuse(tunnel, '400', { why: 'the peer has no address', address })
      return
    }
    const link = new StreamLink()
    tunnel.onAbandoned = undefined
    tunnel.accept(link, () => link.attachStream(tunnel.stream))
    const protocol = protocolOf(to, traffic)
    const none = Buffer.alloc(0)
    if (routesOf(traffic, downstream)?.kind === 'tls') {
      this.#byServerName({ link, downstream, traffic })
      return
    }
    if (protocol === 'tcp' || protocol === 'tls') {
      this.#tcp.begin({ link, early: none, downstream, traffic })
      return
    }
    const { clock } = this.#deps
    const silenceMs = protocol === 'detect' ? detectSilenceMs : httpSilenceMs
    // Whoever says nothing speaks no HTTP: it waits for the server to begin.
    const onGone = this.#awaitBytes(link)
    new FirstBytes<Spoken>(
      { link, clock, silenceMs, read: spokenIn, silent: 'other', onGone },
      (spoken, early) => {
        this.#silent.delete(link)
        const wanted = protocol === 'detect' || spoken === 'http1' || spoken === 'http2'
        if (wanted) this.#read(spoken, { link, early, downstream, traffic })
        else {
          // Said to be HTTP, and is not: nothing of it is passed on unread.
          link.destroy()
          this.#tellIfEmpty()
          this.#deps.refused(`the stream to ${to.key} port ${to.port} is no HTTP`, address)
        }
      },
    )
  }

  /** Routes of TLS go by the name that the client asks for, which it says before anything is encrypted. */
  #byServerName({ link, downstream, traffic }: Omit<Parameters<TcpCalls['begin']>[0], 'early'>): void {
    const read = (bytes: Buffer): HelloReading | undefined => {
      const reading = readHello(bytes)
      return reading.kind === 'more' ? undefined : reading
    }
    const { clock } = this.#deps
    const onGone = this.#awaitBytes(link)
    new FirstBytes<HelloReading>(
      { link, clock, silenceMs: helloSilenceMs, read, silent: { kind: 'other' }, onGone },
      (reading, early) => {
        this.#silent.delete(link)
        if (reading.kind === 'hello') {
          this.#tcp.begin({ link, early, downstream, traffic, serverName: reading.serverName })
          return
        }
        link.destroy()
        this.#tellIfEmpty()
        this.#deps.tcp.refused(downstream, 'the stream is no TLS')
      },
    )
  }

  /** Counts the link as open until it is known what it is; what to call when it is gone before. */
  #awaitBytes(link: StreamLink): () => void {
    this.#silent.add(link)
    return () => {
      this.#silent.delete(link)
      this.#tellIfEmpty()
    }
  }

  #read(
    spoken: Spoken,
    stream: {
      readonly link: StreamLink
      readonly early: Buffer
      readonly downstream: Downstream
      readonly traffic: KnownTraffic | undefined
    },
  ): void {
    const { link, early, downstream } = stream
    if (spoken === 'other') {
      this.#tcp.begin(stream)
      return
    }
    const environment = this.#deps.environments[spoken]
    const options = {
      transport: link,
      clock: environment.clock,
      settings: windowSettings(environment.limits),
      patience: environment,
      scheme: downstream.scheme,
      onRequest: (head: RequestHead, exchange: ServerExchange, end: boolean): ServerHandler => {
        const run = new RequestRun(environment, downstream, head, exchange)
        run.begin(end)
        return run
      },
      onRefused: (refusal: Refusal) => environment.onUnread(refusal),
      onClose: () => this.#remove(connection),
    }
    const connection = spoken === 'http2' ? createHttp2Server(options) : createHttp1Server(options)
    this.#open.set(connection, downstream.service)
    this.#deps.onConnections(1)
    connection.receive(early, 0, early.length)
    link.attachUser(connection)
    if (this.#drainMs !== undefined) connection.drain(this.#drainMs)
    else if (!this.#deps.state.keeps(downstream.service)) connection.drain(idleDrainMs)
  }

  #remove(connection: OpenConnection): void {
    if (!this.#open.delete(connection)) return
    this.#deps.onConnections(-1)
    this.#tellIfEmpty()
  }

  #tellIfEmpty(): void {
    if (this.#open.size + this.#silent.size + this.#tcp.size === 0) this.#emptied?.resolve()
  }

  #refuse(
    tunnel: InboundTunnel,
    status: RefusalStatus,
    { why, address }: { readonly why: string; readonly address: PeerAddress },
  ): void {
    tunnel.refuse(status)
    this.#deps.refused(why, address)
  }
}

/** What routes say of the port, else what the service says of it, else what the client shows. */
function protocolOf({ service, port }: Dialed, traffic: KnownTraffic | undefined): PortProtocol {
  const routed = traffic?.traffic.ports.find((one) => one.port === port)
  if (routed !== undefined) return routed.protocol
  switch (service?.ports.find(({ servicePort }) => servicePort === port)?.appProtocol) {
    case 'http11':
      return 'http'
    case 'http2':
    case 'grpc':
      return 'http2'
    case 'tcp':
      return 'tcp'
    case 'tls':
      return 'tls'
    case 'unknown':
    case undefined:
      return 'detect'
  }
}

function downstreamOf(tunnel: InboundTunnel, address: PeerAddress, to: Dialed): Downstream | undefined {
  const { identity } = tunnel.peer
  const sourceIp = parseIpAddress(address.sourceIp)
  const localIp = parseIpAddress(address.localIp)
  if (!sourceIp.ok || !localIp.ok) return undefined
  return {
    facts: {
      identity,
      sourceIp: sourceIp.value,
      destinationIp: to.ip ?? localIp.value,
      destinationPort: to.port,
    },
    sourcePort: address.sourcePort,
    principal: spiffeId(identity),
    namespace: identity.namespace,
    scheme: 'http',
    service: to.key,
    port: to.port,
    logged: undefined,
  }
}
