import { connect } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { addressType, authorizationType, revocationType, trustBundleType } from '@tulle/mesh-xds'
import type { Buckets } from '@tulle/mesh-xds'
import { accessType, serviceTrafficType } from '@tulle/traffic-xds'
import { MessageReader } from './message-reader.ts'
import type { Arrived } from './message-reader.ts'
import { encodeAck, encodeFirstRequest, readHead } from './wire.ts'

export interface PeerPlan {
  readonly node: string
  readonly token: string
  /** Names of addresses to subscribe to one by one; everything where absent. */
  readonly names?: readonly string[]
  /** A waypoint, which is told the traffic of these services. */
  readonly traffic?: readonly string[]
  /** Reads nothing, once it has asked. */
  readonly slow?: boolean
}

/** What a peer has of a type from an earlier connection, in the form in which it is brought along. */
export interface Brought {
  /** Encoded; none for a fresh peer. */
  readonly versions: Uint8Array
  /** Instead of them. */
  readonly digests?: Uint8Array | undefined
}

export interface PeerDeps {
  readonly port: number
  /** One for all peers: on machines of their own each would make it once. */
  readonly secureContext: SecureContext
  readonly bring: (plan: PeerPlan, typeUrl: string) => Brought
  /** Encoded versions of what is in these buckets. */
  readonly versionsIn: (typeUrl: string, buckets: Buckets) => Uint8Array
  /** The server takes digests. */
  readonly onDigestsTaken: () => void
  readonly onMessage: (peer: Peer, typeUrl: string, message: Arrived) => void
  readonly onEnd: (peer: Peer) => void
}

const nodeTypes: readonly string[] = [authorizationType, addressType]
/** As `tulle waypoint` asks for them. */
const waypointTypes: readonly string[] = [
  trustBundleType,
  revocationType,
  accessType,
  addressType,
  serviceTrafficType,
]
/** Messages above this are full states, of which one peer's are enough. */
const maxKeptBytes = 64 * 1024

/** A node's configuration stream: it asks, and acknowledges each answer at once. */
export class Peer {
  readonly plan: PeerPlan
  /** Types that were answered. */
  readonly answered: Set<string> = new Set()
  /** Types of which digests were brought and nothing was said yet. */
  readonly #digested: Set<string> = new Set()
  readonly #socket: Socket
  #session: ClientHttp2Session | undefined
  #ended: boolean = false

  constructor(plan: PeerPlan, deps: PeerDeps, keepAll: boolean) {
    this.plan = plan
    this.#socket = connectTcp({ host: '127.0.0.1', port: deps.port, noDelay: true })
    // While a control plane starts nobody listens, ten times for each node: TLS and HTTP/2 would be made for nothing.
    this.#socket.once('connect', () => this.#begin(deps, keepAll))
    this.#socket.on('error', () => this.#end(deps))
    this.#socket.on('close', () => this.#end(deps))
  }

  get settled(): boolean {
    return this.answered.size === this.#types.length
  }

  /** All that came, encrypted. */
  get socketBytes(): number {
    return this.#socket.bytesRead
  }

  get #types(): readonly string[] {
    return this.plan.traffic === undefined ? nodeTypes : waypointTypes
  }

  close(): void {
    this.#session?.destroy()
    this.#socket.destroy()
  }

  #begin(deps: PeerDeps, keepAll: boolean): void {
    const session = connect(`https://127.0.0.1:${deps.port}`, {
      // As gRPC clients do: otherwise a request waits 40 ms for the kernel's acknowledgement of the preface.
      createConnection: () =>
        connectTls({
          socket: this.#socket,
          servername: 'tulle-control',
          secureContext: deps.secureContext,
          ALPNProtocols: ['h2'],
        }),
      settings: { initialWindowSize: 1 << 20 },
    })
    this.#session = session
    session.on('error', () => this.#end(deps))
    session.on('close', () => this.#end(deps))
    session.on('connect', () => session.setLocalWindowSize(1 << 20))
    const stream = session.request({
      ':method': 'POST',
      ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${this.plan.token}`,
    })
    stream.on('error', () => this.#end(deps))
    stream.on('close', () => this.#end(deps))
    // A server that ends the call leaves the other half of the stream to us.
    stream.on('trailers', () => this.#end(deps))
    stream.on('response', (headers) => {
      if (headers['grpc-status'] !== undefined) this.#end(deps)
    })
    this.#ask(stream, deps)
    if (this.plan.slow === true) return
    const kept = keepAll ? Infinity : maxKeptBytes
    const reader = new MessageReader(kept, (message) => this.#answer(stream, message, deps))
    stream.on('data', (chunk: Buffer) => reader.push(chunk))
  }

  #answer(stream: ClientHttp2Stream, message: Arrived, deps: PeerDeps): void {
    const head = readHead(message.bytes)
    if (head === undefined) throw new Error(`a response without a nonce (${message.sizeBytes} bytes)`)
    const wereBrought = this.#digested.delete(head.typeUrl)
    if (head.mark?.kind === 'tell') {
      for (const part of encodeAck(head, deps.versionsIn(head.typeUrl, head.mark.buckets))) stream.write(part)
      return
    }
    if (wereBrought && head.mark?.kind !== 'resumed') throw new Error('digests were not understood')
    if (head.mark !== undefined) deps.onDigestsTaken()
    for (const part of encodeAck(head)) stream.write(part)
    this.answered.add(head.typeUrl)
    deps.onMessage(this, head.typeUrl, message)
  }

  #ask(stream: ClientHttp2Stream, deps: PeerDeps): void {
    const { node } = this.plan
    for (const typeUrl of this.#types) {
      const onDemand = this.#namesOf(typeUrl)
      const { versions, digests } = deps.bring(this.plan, typeUrl)
      if (digests !== undefined) this.#digested.add(typeUrl)
      const parts = encodeFirstRequest({
        node,
        typeUrl,
        subscribe: onDemand === undefined ? [] : ['*', ...onDemand],
        unsubscribe: onDemand === undefined ? [] : ['*'],
        initialVersions: versions,
        digests,
      })
      for (const part of parts) stream.write(part)
    }
  }

  /** Undefined: everything of that type. */
  #namesOf(typeUrl: string): readonly string[] | undefined {
    if (typeUrl === serviceTrafficType) return this.plan.traffic
    return typeUrl === addressType ? this.plan.names : undefined
  }

  #end(deps: PeerDeps): void {
    if (this.#ended) return
    this.#ended = true
    this.close()
    deps.onEnd(this)
  }
}
