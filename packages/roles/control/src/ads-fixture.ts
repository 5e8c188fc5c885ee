import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CertificateAuthority, makeRoot, mintNodeToken, verifyNodeToken } from '@tulle/ca'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import { err, must, ok, PausingClock, seededRng, systemClock, TestClock } from '@tulle/core'
import { adsClient } from '@tulle/control-client'
import type { AdsClient, AdsClientOptions, RejectedResource } from '@tulle/control-client'
import { defaultTrustDomain, noRevocations } from '@tulle/identity'
import { addressType, authorizationType, digestsKey, parseDigestMark } from '@tulle/mesh-xds'
import type { MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import { aggregatedDiscoveryService } from '@tulle/proto'
import { MetricsRegistry, silentLog } from '@tulle/runtime'
import { GrpcServer, xdsServer } from '@tulle/xds'
import type { GrpcCall, GrpcMethods, XdsServer } from '@tulle/xds'

const tokenKey = { secret: new Uint8Array(32).fill(7) }

/** `+w1@1` adds a resource, with `=ALIAS` one with an alias, with `<WHOLE` a part of another; `-w1` takes it away; `policy:` before it for a policy. */
function resource(text: string): MeshResource {
  const [rest = '', whole] = text.split('<')
  const [id = '', alias] = rest.split('=')
  const [name = '', version = ''] = id.split('@')
  const made = { name, version, aliases: alias === undefined ? [] : [alias], bytes: Buffer.from(text) }
  return whole === undefined ? made : { ...made, partOf: [whole] }
}

/**
 * A configuration server on loopback TLS with collections to change, and clients of it. What crosses the stream
 * is written down at the server, one line a message: `→` to the node, `←` from it.
 */
export class AdsFixture implements AsyncDisposable {
  readonly graph: Graph = createGraph()
  readonly policies: Source<MeshResource> = this.graph.source<MeshResource>('policies')
  readonly addresses: Source<MeshResource> = this.graph.source<MeshResource>('addresses')
  readonly clock: TestClock = new TestClock(systemClock.nowMs())
  readonly xds: XdsServer
  readonly folder: string
  readonly #authority: CertificateAuthority
  readonly #trace: string[] = []
  readonly #stack: AsyncDisposableStack = new AsyncDisposableStack()
  #server: GrpcServer | undefined
  #port: number = 0
  /** Of all clients, which pause between tries alone. */
  readonly #clientClock: PausingClock = new PausingClock(this.clock)

  private constructor(folder: string) {
    this.folder = folder
    const { clock, graph } = this
    const root = makeRoot({ name: 'root', trustDomain: defaultTrustDomain, nowMs: clock.nowMs() })
    const state = { roots: [root], signer: 'root', revocations: noRevocations }
    this.#authority = new CertificateAuthority(
      { trustDomain: defaultTrustDomain, state },
      { clock, save: () => Promise.resolve() },
    )
    const resources = [
      { typeUrl: authorizationType, collection: this.policies },
      { typeUrl: addressType, collection: this.addresses },
    ]
    this.xds = this.#stack.use(
      xdsServer(
        { resources },
        {
          graph,
          clock,
          log: silentLog,
          metrics: new MetricsRegistry(),
          authenticate: async (token) => {
            const caller = await verifyNodeToken(tokenKey, token, clock)
            return caller.ok ? ok(caller.value.node) : caller
          },
        },
      ),
    )
    this.xds.open()
  }

  static async create(): Promise<AdsFixture> {
    const folder = await mkdtemp(join(tmpdir(), 'tulle-ads-'))
    const fixture = new AdsFixture(folder)
    fixture.#stack.defer(() => rm(folder, { recursive: true }))
    await writeFile(fixture.rootsFile, fixture.#authority.rootsPem)
    await fixture.writeToken('n1')
    await fixture.listen()
    fixture.#stack.defer(() => fixture.#server?.[Symbol.dispose]())
    return fixture
  }

  get rootsFile(): string {
    return join(this.folder, 'roots.pem')
  }

  async writeToken(node: string): Promise<void> {
    const token = await mintNodeToken(tokenKey, { node, ttlMs: 60_000, clock: this.clock })
    await writeFile(join(this.folder, `${node}.token`), token)
  }

  /** Listens, after `hangUp` on the same port again. */
  async listen(): Promise<void> {
    const issued = this.#authority.issueServingCertificate({ names: ['tulle-control'], ips: [] })
    const certificate = must(issued.ok ? issued : err('no certificate for the server'))
    const server = new GrpcServer(
      { methods: this.#tap(this.xds.methods), certificate, maxMessageBytes: 1 << 20 },
      { clock: this.clock, rng: seededRng(1) },
    )
    this.#port = await server.listen('127.0.0.1', this.#port)
    this.#server = server
  }

  hangUp(): void {
    this.#server?.[Symbol.dispose]()
  }

  /** Ends all connections, changes something while nobody is there, and waits until somebody is back. */
  async comeBack(...steps: readonly string[]): Promise<void> {
    this.hangUp()
    await this.until(() => this.xds.receipts.nodes().every((node) => !node.connected))
    this.change(...steps)
    await this.listen()
    await this.somebodyConnected()
  }

  /** Time goes on until a try of somebody's succeeds. */
  async somebodyConnected(): Promise<void> {
    await this.#letTry(() => this.xds.receipts.nodes().some((node) => node.connected))
  }

  /** Time goes on until so many further tries have failed. */
  async triesFailed(tries: number): Promise<void> {
    const enough = this.#clientClock.pauses + tries
    await this.#letTry(() => this.#clientClock.pauses >= enough)
  }

  /** One transaction. */
  change(...steps: readonly string[]): void {
    this.graph.transaction(() => {
      for (const step of steps) {
        const isPolicy = step.startsWith('policy:')
        const text = isPolicy ? step.slice('policy:'.length) : step
        const collection = isPolicy ? this.policies : this.addresses
        if (text.startsWith('-')) collection.delete(text.slice(1))
        else collection.set(resource(text.slice(1)).name, resource(text.slice(1)))
      }
    })
  }

  client(options: Partial<AdsClientOptions> = {}, node: string = 'n1'): AdsClient {
    const client = adsClient(
      {
        address: `127.0.0.1:${this.#port}`,
        rootsFile: this.rootsFile,
        tokenFile: join(this.folder, `${node}.token`),
        node: { name: node },
        typeUrls: [authorizationType, addressType],
        apply: () => Promise.resolve([]),
        ...options,
      },
      { clock: this.#clientClock, rng: seededRng(1), log: silentLog, metrics: new MetricsRegistry() },
    )
    return this.#stack.use(client)
  }

  /** Time passes between tries alone. */
  async #letTry(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      if (this.#clientClock.isPausing) await this.clock.advance(100)
      else await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Waits until every connected node has applied what there is now, then says what was written down since. */
  async settled(): Promise<readonly string[]> {
    await this.until(() =>
      this.xds.receipts
        .nodes()
        .some(
          ({ connected, types }) =>
            connected && types.length > 0 && types.every((type) => type.appliedAtMs > 0),
        ),
    )
    await this.xds.receipts.applied(this.graph.revision, { signal: new AbortController().signal })
    return this.#trace.splice(0)
  }

  /** Resolves when this line has crossed the stream; of what came before nothing is said any more. */
  async saw(line: string): Promise<void> {
    while (!this.#trace.includes(line)) await new Promise((resolve) => setImmediate(resolve))
    this.#trace.splice(0, this.#trace.indexOf(line) + 1)
  }

  /** Resolves once the receipts say so. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return
        subscription[Symbol.dispose]()
        resolve()
      }
      const subscription = this.xds.receipts.subscribe(look)
      look()
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }

  #tap(methods: GrpcMethods): GrpcMethods {
    const tapped = Object.entries(methods).map(([path, method]) => {
      return [path, (call: GrpcCall) => method(this.#tapCall(call))] as const
    })
    return Object.fromEntries(tapped)
  }

  #tapCall(call: GrpcCall): GrpcCall {
    return {
      peer: call.peer,
      header: (name) => call.header(name),
      listen: ({ onMessage, ...others }) =>
        call.listen({
          ...others,
          onMessage: (message) => {
            this.#trace.push(describeRequest(message))
            onMessage(message)
          },
        }),
      send: (parts) => {
        this.#trace.push(describeResponse(Buffer.concat(parts)))
        call.send(parts)
      },
      end: (code, details) => call.end(code, details),
      settled: () => call.settled(),
    }
  }
}

function shortType(typeUrl: string): string {
  return typeUrl === addressType ? 'addresses' : 'policies'
}

function describeResponse(message: Buffer): string {
  const response = aggregatedDiscoveryService.deltaAggregatedResources.responseDeserialize(message)
  const names = [
    ...response.resources.map(({ name, version }) => `+${name}@${version}`),
    ...response.removedResources.map((name) => `-${name}`),
  ]
  const asks = parseDigestMark(response.controlPlane?.identifier)?.kind === 'tell' ? ['tell'] : []
  return ['→', shortType(response.typeUrl), ...asks, ...names].join(' ')
}

function describeRequest(message: Uint8Array): string {
  const { requestDeserialize } = aggregatedDiscoveryService.deltaAggregatedResources
  const request = requestDeserialize(Buffer.from(message))
  const known = Object.entries(request.initialResourceVersions).map(
    ([name, version]) => `has:${name}@${version}`,
  )
  const names = [
    ...request.resourceNamesSubscribe.map((name) => `want:${name}`),
    ...request.resourceNamesUnsubscribe.map((name) => `drop:${name}`),
  ]
  const kind =
    request.responseNonce === ''
      ? 'ask'
      : request.errorDetail === undefined
        ? 'ack'
        : `nack ${request.errorDetail.message}`
  const digests = request.node?.metadata?.[digestsKey] === undefined ? [] : ['digests']
  return ['←', shortType(request.typeUrl), kind, ...digests, ...names, ...known].join(' ')
}

/** Applies by hand: each update waits until `release` is called. */
export class SlowApply {
  readonly updates: ResourceUpdate[] = []
  readonly #waiting: (() => void)[] = []
  readonly #arrived: Set<() => void> = new Set()

  readonly apply = (update: ResourceUpdate): Promise<readonly RejectedResource[]> => {
    this.updates.push(update)
    for (const run of this.#arrived) run()
    return new Promise((resolve) => this.#waiting.push(() => resolve([])))
  }

  /** Resolves when an update waits. */
  arrival(): Promise<void> {
    if (this.#waiting.length > 0) return Promise.resolve()
    return new Promise((resolve) => {
      const run = (): void => {
        this.#arrived.delete(run)
        resolve()
      }
      this.#arrived.add(run)
    })
  }

  release(): void {
    this.#waiting.shift()?.()
  }
}
