/** A waypoint with workers, what it is told, who calls it over HBONE, and who answers: all of it real but the control plane. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import { connect } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { AccessPolicy } from '@tulle/access'
import { must, systemClock } from '@tulle/core'
import { allRoots, parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { defaultLimits } from '@tulle/l4'
import { parsePort } from '@tulle/mesh'
import { addressResource, addressType } from '@tulle/mesh-xds'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { policyKey } from '@tulle/policy'
import { MetricsRegistry, silentLog } from '@tulle/runtime'
import { accessResource, accessType, serviceTrafficType } from '@tulle/traffic-xds'
import type { WorkloadCertificate } from '@tulle/tunnel'
import { certificatePem, createLeaf, createRoot, generateKeyPair, keyPem } from '@tulle/x509'
import type { Signer } from '@tulle/x509'
import { ip, ownAddress, ownUid, service, throughUs, workload } from './test-mesh.ts'
import { ThreadWaypointWorker } from './thread-waypoint-worker.ts'
import type { WaypointCommands, WaypointSaid } from './waypoint-commands.ts'
import { WaypointPlane } from './waypoint-plane.ts'

const hourMs = 3_600_000
const trustDomain = must(parseTrustDomain('td'))
const listenPort = 15_008
export const books = 'shop/books.shop.svc.cluster.local'

/** A loopback address of this test process alone, since listeners share ports. */
export const testAddress = (last: number): string =>
  `127.${16 + ((process.pid >> 8) % 200)}.${process.pid & 255}.${last}`

const identityOf = (account: string): SpiffeId =>
  spiffeId(must(parseSpiffeId(`spiffe://td/ns/shop/sa/${account}`)))

const root: Signer = createRoot({
  subject: { organization: 'test' },
  notBeforeMs: systemClock.nowMs() - hourMs,
  notAfterMs: systemClock.nowMs() + 24 * hourMs,
})

function certificateOf(account: string): WorkloadCertificate {
  const identity = identityOf(account)
  const nowMs = systemClock.nowMs()
  const [notBeforeMs, notAfterMs] = [nowMs - hourMs, nowMs + hourMs]
  const { publicKey, privateKey } = generateKeyPair()
  const leaf = createLeaf({ issuer: root, publicKey, notBeforeMs, notAfterMs, uriSans: [identity] })
  return {
    identity,
    chainPem: certificatePem(leaf),
    keyPem: keyPem(privateKey),
    bundle: { roots: new Map([[trustDomain, [certificatePem(root.certificate)]]]) },
    notBeforeMs,
    notAfterMs,
    serial: leaf.serial,
  }
}

/** The workers of a waypoint, each within reach, and the plane over them. */
export class TestWaypoint implements AsyncDisposable {
  readonly plane: WaypointPlane
  readonly workers: readonly WaypointCommands[]
  readonly said: WaypointSaid[] = []
  readonly #ip: string

  /** `last`: of the address, so that tests of one file do not meet. */
  constructor(workers: number, last: number) {
    this.#ip = testAddress(last)
    const settings = {
      workers,
      uid: ownUid,
      listen: { ip: this.#ip, port: listenPort },
      maxHeapBytes: defaultLimits.maxHeapBytes,
      accessLog: false,
      sessionSecret: Buffer.alloc(32, 1),
      instanceId: 'test',
    }
    const deps = {
      log: silentLog,
      onSaid: (said: WaypointSaid) => void this.said.push(said),
      onAccessLog: (_lines: Uint8Array, done: () => void) => done(),
      onFailed: (error: Error) => {
        throw error
      },
    }
    this.workers = Array.from(
      { length: workers },
      (_, index) => new ThreadWaypointWorker({ index, ...settings }, deps),
    )
    const registry = new MetricsRegistry()
    this.plane = new WaypointPlane(this.workers, { clock: systemClock, registry, accessLog: undefined })
  }

  /** One that serves Service books, whose endpoint listens at this port. */
  static async serving(workers: number, last: number, backend: Backend): Promise<TestWaypoint> {
    const waypoint = new TestWaypoint(workers, last)
    const { plane } = waypoint
    await plane.apply({ typeUrl: accessType, upserts: [], removed: [] })
    // It is acknowledged when it listens, for which it needs the certificate that it asks for by then.
    const applied = plane.apply(addressesOf(backend))
    await plane.setCertificates([certificateOf('w')])
    await applied
    await plane.apply({ typeUrl: serviceTrafficType, upserts: [], removed: [books] })
    return waypoint
  }

  /** A session with each worker, in their order: the kernel chooses, until each has been chosen. */
  async sessions(): Promise<readonly HboneClient[]> {
    const found = new Map<number, HboneClient>()
    while (found.size < this.workers.length) {
      const before = await this.requests()
      const client = new HboneClient(this.#ip)
      await client.get('/which')
      const after = await this.counted(before, 1)
      const worker = after.findIndex((count, index) => count > (before[index] ?? 0))
      if (found.has(worker)) client.close()
      else found.set(worker, client)
    }
    return this.workers.map((_, index) => found.get(index) as HboneClient)
  }

  /** That each worker has answered. */
  async requests(): Promise<readonly number[]> {
    return Promise.all(
      this.workers.map(async (worker) => {
        let count = 0
        for await (const { shape, values } of worker.metrics())
          if (shape.name === 'istio_requests') count += sum([...values])
        return count
      }),
    )
  }

  /** The same when there are so many more in all: a request is counted just after its answer has left. */
  async counted(before: readonly number[], more: number): Promise<readonly number[]> {
    for (;;) {
      const now = await this.requests()
      if (sum(now) >= sum(before) + more) return now
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane[Symbol.asyncDispose]()
  }
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** Of the waypoint itself, Service books and its endpoint. */
function addressesOf(backend: Backend): ResourceUpdate {
  const mapping = { servicePort: must(parsePort(80)), targetPort: must(parsePort(backend.port)) }
  const entries = [
    workload('w', ownAddress, { uid: ownUid }),
    workload('books', backend.ip, { tunnel: 'none', services: new Map([[books, [mapping]]]) }),
  ].map((one) => addressResource({ kind: 'workload', workload: one }))
  const bound = service('books', '10.1.0.1', {
    waypoint: throughUs,
    ports: [{ ...mapping, appProtocol: 'http11' }],
  })
  return {
    typeUrl: addressType,
    upserts: [...entries, addressResource({ kind: 'service', service: bound })],
    removed: [],
  }
}

const closed = 'closed'

/** A policy of the whole mesh that refuses everybody. */
export function refusal(): ResourceUpdate {
  const policy: AccessPolicy = {
    name: closed,
    namespace: '',
    scope: 'global',
    action: 'deny',
    dryRun: false,
    rules: [{ connection: { clauses: [] } }],
  }
  return { typeUrl: accessType, upserts: [accessResource(policy)], removed: [] }
}

export const noRefusal: ResourceUpdate = {
  typeUrl: accessType,
  upserts: [],
  removed: [policyKey({ namespace: '', name: closed })],
}

/** A caller's node proxy: one session of HBONE, with a tunnel for each request. */
export class HboneClient {
  readonly #session: ClientHttp2Session

  constructor(host: string) {
    const { keyPem: key, chainPem: cert, bundle } = certificateOf('reader')
    this.#session = connect(`https://${host}:${listenPort}`, {
      key,
      cert,
      ca: [...allRoots(bundle)],
      ALPNProtocols: ['h2'],
      checkServerIdentity: () => undefined,
    })
    this.#session.on('error', () => undefined)
  }

  /** Asks service books; the status of the answer. */
  async get(path: string): Promise<number> {
    const tunnel = this.begin(path)
    let text = ''
    for await (const bytes of tunnel) {
      text += String(bytes)
      if (text.includes('\r\n\r\n')) break
    }
    return Number(text.slice(9, 12))
  }

  /** The tunnel of a request that is on its way. */
  begin(path: string): ClientHttp2Stream {
    const tunnel = this.#session.request({ ':method': 'CONNECT', ':authority': '10.1.0.1:80' })
    tunnel.on('error', () => undefined)
    tunnel.write(`GET ${path} HTTP/1.1\r\nHost: books\r\n\r\n`)
    return tunnel
  }

  close(): void {
    this.#session.destroy()
  }
}

/** An application that answers at once, but for what is asked below /held: that it keeps. */
export class Backend implements AsyncDisposable {
  readonly ip: string
  readonly #server: Server
  readonly #held: ServerResponse[] = []
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()

  private constructor(server: Server, address: string) {
    this.#server = server
    this.ip = ip(address)
  }

  static async listen(address: string): Promise<Backend> {
    const server = createServer((request, response) => {
      if (request.url?.startsWith('/held') === true) backend.#hold(response)
      else response.end('ok')
    })
    const backend = new Backend(server, address)
    server.listen(0, address)
    await once(server, 'listening')
    return backend
  }

  get port(): number {
    // Listening on TCP.
    return (this.#server.address() as AddressInfo).port
  }

  /** Resolves when so many requests are kept. */
  async holds(count: number): Promise<void> {
    while (this.#held.length < count) await this.#wake.promise
  }

  #hold(response: ServerResponse): void {
    this.#held.push(response)
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
