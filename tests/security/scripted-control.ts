import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createSecureServer } from 'node:http2'
import type { Http2SecureServer, ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { CertificateAuthority, makeRoot } from '@tulle/ca'
import { adsClient, IdentityUpdates } from '@tulle/control-client'
import type { AdsClient } from '@tulle/control-client'
import { must, PausingClock, seededRng, systemClock, TestClock } from '@tulle/core'
import { defaultTrustDomain, noRevocations } from '@tulle/identity'
import { createDataPlane } from '@tulle/l4'
import type { DataPlane } from '@tulle/l4'
import type { MeshResource } from '@tulle/mesh-xds'
import { aggregatedDiscoveryService, DeltaDiscoveryResponseSchema } from '@tulle/proto'
import type { DeltaDiscoveryRequest } from '@tulle/proto'
import { createLog, MetricsRegistry } from '@tulle/runtime'
import { LastGoodState } from '../../packages/roles/node/src/last-good-state.ts'
import { MeshUpdates } from '../../packages/roles/node/src/mesh-updates.ts'

/** What a control plane says in one message; the test decides every word of it. */
export interface Said {
  readonly type: string
  readonly version?: string
  readonly add?: readonly MeshResource[]
  readonly remove?: readonly string[]
  /** Another type than the resources' own. */
  readonly resourceType?: string
}

/**
 * A configuration server that says exactly what it is told to, good or bad: gRPC by hand over HTTP/2 and TLS, on
 * loopback. @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class ScriptedControl implements AsyncDisposable {
  readonly clock: TestClock
  readonly folder: string
  /** Every request since the last stream was opened, in order. */
  requests: DeltaDiscoveryRequest[] = []
  streams: number = 0
  readonly #authority: CertificateAuthority
  readonly #sockets: Set<Socket> = new Set()
  #server: Http2SecureServer | undefined
  #stream: ServerHttp2Stream | undefined
  #port: number = 0
  #nonce: number = 0

  private constructor(folder: string, clock: TestClock) {
    this.folder = folder
    this.clock = clock
    const root = makeRoot({ name: 'root', trustDomain: defaultTrustDomain, nowMs: clock.nowMs() })
    this.#authority = new CertificateAuthority(
      {
        trustDomain: defaultTrustDomain,
        state: { roots: [root], signer: 'root', revocations: noRevocations },
      },
      { clock, save: () => Promise.resolve() },
    )
  }

  static async create(): Promise<ScriptedControl> {
    const folder = await mkdtemp(join(tmpdir(), 'tulle-bad-control-'))
    const control = new ScriptedControl(folder, new TestClock(systemClock.nowMs()))
    await writeFile(join(folder, 'roots.pem'), control.#authority.rootsPem)
    await writeFile(join(folder, 'token'), 'token')
    await control.listen()
    return control
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** Again on the same port, after `goAway`. */
  async listen(): Promise<void> {
    const serving = must(this.#authority.issueServingCertificate({ names: ['tulle-control'], ips: [] }))
    const server = createSecureServer({ cert: serving.chainPem, key: serving.keyPem })
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    server.on('stream', (stream: ServerHttp2Stream) => this.#accept(stream))
    server.on('sessionError', () => undefined)
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  goAway(): void {
    this.#server?.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#stream = undefined
  }

  /** Ends the stream; the node comes back. */
  hangUp(): void {
    this.#stream?.end()
    this.#stream = undefined
  }

  /** Returns the nonce. */
  say({ type, version = '', add = [], remove = [], resourceType = type }: Said): string {
    const nonce = String(++this.#nonce)
    const response = create(DeltaDiscoveryResponseSchema, {
      typeUrl: type,
      systemVersionInfo: version,
      nonce,
      resources: add.map(({ name, version: own, aliases, bytes }) => ({
        name,
        version: own,
        aliases: [...aliases],
        resource: { typeUrl: resourceType, value: Uint8Array.from(bytes) },
      })),
      removedResources: [...remove],
    })
    this.sayBytes(aggregatedDiscoveryService.deltaAggregatedResources.responseSerialize(response))
    return nonce
  }

  /** A message as it is on the wire: anything. */
  sayBytes(bytes: Buffer): void {
    const head = Buffer.alloc(5)
    head.writeUInt32BE(bytes.length, 1)
    this.#stream?.write(Buffer.concat([head, bytes]))
  }

  /** Says it, and waits for the answer: '' for an acknowledgement, else the reasons. */
  async tell(said: Said): Promise<string> {
    const nonce = this.say(said)
    const answer = await this.#request(({ responseNonce }) => responseNonce === nonce)
    return answer.errorDetail?.message ?? ''
  }

  /** The first request of the open stream for this type. */
  ask(type: string): Promise<DeltaDiscoveryRequest> {
    return this.#request(({ typeUrl, responseNonce }) => typeUrl === type && responseNonce === '')
  }

  async #request(isIt: (request: DeltaDiscoveryRequest) => boolean): Promise<DeltaDiscoveryRequest> {
    for (;;) {
      const found = this.requests.find(isIt)
      if (found !== undefined) return found
      await turn()
    }
  }

  #accept(stream: ServerHttp2Stream): void {
    this.#stream = stream
    this.requests = []
    this.streams++
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.on('error', () => undefined)
    let waiting = Buffer.alloc(0)
    stream.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk])
      while (waiting.length >= 5 && waiting.length >= 5 + waiting.readUInt32BE(1)) {
        const end = 5 + waiting.readUInt32BE(1)
        this.requests.push(requestOf(waiting.subarray(5, end)))
        waiting = waiting.subarray(end)
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goAway()
    await rm(this.folder, { recursive: true })
  }
}

function requestOf(bytes: Buffer): DeltaDiscoveryRequest {
  return aggregatedDiscoveryService.deltaAggregatedResources.requestDeserialize(bytes)
}

/** What a node proxy is made of, between the control plane's stream and the data path; its disk is the folder. */
export class ScriptedNode implements AsyncDisposable {
  readonly client: AdsClient
  readonly plane: DataPlane
  readonly identities: IdentityUpdates
  readonly lines: Record<string, unknown>[] = []
  readonly metrics: MetricsRegistry = new MetricsRegistry()
  /** Tells whether the client waits for its next try. */
  readonly #clientClock: PausingClock
  readonly #control: ScriptedControl

  private constructor(control: ScriptedControl) {
    this.#control = control
    const { clock, folder } = control
    this.#clientClock = new PausingClock(clock)
    const log = createLog({
      level: 'info',
      clock,
      write: (line) => void this.lines.push(JSON.parse(line) as Record<string, unknown>),
    })
    this.plane = createDataPlane({ workers: 0 }, { log, clock, onIdentityNeeded: () => undefined })
    const certificates = { current: [], setBundles: () => undefined, setRevocations: () => undefined }
    this.identities = new IdentityUpdates({ dataPath: this.plane, certificates, metrics: this.metrics })
    const updates = new MeshUpdates({
      dataPlane: this.plane,
      lastGood: new LastGoodState({ folder, clock, log }),
      identities: this.identities,
      addresses: undefined,
    })
    this.client = adsClient(
      {
        address: control.address,
        rootsFile: join(folder, 'roots.pem'),
        tokenFile: join(folder, 'token'),
        historyFile: join(folder, 'history'),
        node: { name: 'n1' },
        apply: (update) => updates.apply(update),
      },
      { clock: this.#clientClock, log, metrics: this.metrics, rng: seededRng(1) },
    )
    this.restore = async () => {
      await updates.restore((update, rejected) => this.client.resume(update, rejected))
    }
  }

  readonly restore: () => Promise<void>

  static async start(control: ScriptedControl): Promise<ScriptedNode> {
    const node = new ScriptedNode(control)
    await node.restore()
    await node.client.start(new AbortController().signal)
    return node
  }

  /** Names of what the data path has in force. */
  async inForce(): Promise<{
    readonly addresses: readonly string[]
    readonly policies: readonly string[]
    readonly refused: readonly string[]
  }> {
    const [worker] = await this.plane.dump()
    const names = (list: readonly unknown[], key: string): readonly string[] =>
      list.map((item) => String((item as Record<string, unknown>)[key])).toSorted()
    return {
      addresses: [...names(worker?.workloads ?? [], 'uid'), ...names(worker?.services ?? [], 'hostname')],
      policies: names(worker?.policies ?? [], 'name'),
      refused: names(worker?.refusedPolicies ?? [], 'name'),
    }
  }

  metric(name: string): number {
    const family = this.metrics.snapshot().families.find((candidate) => candidate.name === name)
    return (family?.series ?? []).reduce((sum, { values }) => sum + (values[0] ?? 0), 0)
  }

  /** Lets time pass until something is so, but not while a try is on its way: that takes as long as the machine makes it. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#clientClock.isPausing) await this.#control.clock.advance(100)
      else await turn()
    }
  }

  /** As kill -9 leaves it: what was written is there, nothing was said. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]()
    await this.plane[Symbol.asyncDispose]()
  }
}

/** Lets sockets be read and written. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
