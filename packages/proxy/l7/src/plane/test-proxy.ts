import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect } from 'node:net'
import type { AccessPolicy } from '@tulle/access'
import type { Attempt, Balancer, Endpoint } from '@tulle/balance'
import { must, systemClock, systemRng } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import { silentLog } from '@tulle/runtime'
import type { Log } from '@tulle/runtime'
import type { HttpEntry, Resilience, TlsTerms } from '@tulle/traffic'
import { defaultLimits } from '../limits.ts'
import type { L7Limits } from '../limits.ts'
import type { UpstreamSpec } from '../upstream/cluster.ts'
import type { ListenerPlan } from './http-plan.ts'
import { HttpWorker } from './http-worker.ts'

type RequestMatch = NonNullable<AccessPolicy['rules'][number]['requests']>[number]

/** An access policy with one rule, on requests alone. */
export function onRequests(
  action: AccessPolicy['action'],
  name: string,
  match: Partial<RequestMatch>,
): AccessPolicy {
  const requests = [{ methods: [], headers: [], query: [], ...match }]
  const rules = [{ connection: { clauses: [] }, requests }]
  return { name, namespace: 'test', scope: 'namespace', action, dryRun: false, rules }
}

/** A backend that shows the raw bytes of what it is sent, and answers each head by a function. */
export class RawBackend implements AsyncDisposable {
  readonly received: string[] = []
  readonly sockets: Set<Socket> = new Set()
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** `onBytes` is given all that came on the connection so far, and the socket to answer on. */
  static async listen(onBytes: (text: string, socket: Socket) => void): Promise<RawBackend> {
    const server = createServer({ allowHalfOpen: true })
    const backend = new RawBackend(server)
    server.on('connection', (socket) => {
      backend.sockets.add(socket)
      const at = backend.received.push('') - 1
      socket.on('error', () => undefined)
      socket.on('close', () => backend.sockets.delete(socket))
      socket.on('end', () => socket.end())
      socket.on('data', (bytes) => {
        const text = (backend.received[at] ?? '') + bytes.toString('latin1')
        backend.received[at] = text
        onBytes(text, socket)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return backend
  }

  get port(): number {
    // Listening on TCP.
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const socket of this.sockets) socket.destroy()
  }
}

/** Answers each complete request without a body. */
export function answering(answer: string): (text: string, socket: Socket) => void {
  const answered = new WeakMap<Socket, number>()
  return (text, socket) => {
    const heads = text.split('\r\n\r\n').length - 1
    for (let i = answered.get(socket) ?? 0; i < heads; i++) socket.write(answer, 'latin1')
    answered.set(socket, heads)
  }
}

export const okAnswer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** Each in turn, leaving out those that were tried. */
export class TurnBalancer implements Balancer<UpstreamSpec> {
  readonly outcomes: string[] = []
  #endpoints: readonly Endpoint<UpstreamSpec>[] = []
  #next: number = 0

  constructor(specs: readonly UpstreamSpec[]) {
    this.replace(specs)
  }

  replace(specs: readonly UpstreamSpec[]): void {
    this.#endpoints = specs.map((spec) => ({
      key: spec.key,
      spec,
      active: 0,
      ejected: false,
      gone: false,
      latencyMs: undefined,
    }))
  }

  pick(
    query: { readonly exclude?: readonly Endpoint<UpstreamSpec>[] } = {},
  ): Endpoint<UpstreamSpec> | undefined {
    const left = this.#endpoints.filter((endpoint) => query.exclude?.includes(endpoint) !== true)
    const from = left.length === 0 ? this.#endpoints : left
    return from[this.#next++ % Math.max(1, from.length)]
  }

  find(key: string): Endpoint<UpstreamSpec> | undefined {
    return this.#endpoints.find((endpoint) => endpoint.key === key)
  }

  begin(endpoint: Endpoint<UpstreamSpec>): Attempt<UpstreamSpec> {
    return { endpoint }
  }

  answered(_attempt: Attempt<UpstreamSpec>, outcome: string): void {
    this.outcomes.push(outcome)
  }

  finished(): void {
    this.outcomes.push('finished')
  }

  get size(): number {
    return this.#endpoints.length
  }

  get endpoints(): Iterable<Endpoint<UpstreamSpec>> {
    return this.#endpoints
  }
}

/**
 * A loopback address of this test process alone: listeners share ports (SO_REUSEPORT), so that two processes on one port would be
 * given one another's connections without a word.
 */
export const proxyIp: string = `127.${16 + ((process.pid >> 8) % 200)}.${process.pid & 255}.9`

export interface TestProxyPlan {
  readonly entries: readonly HttpEntry[]
  /** Ports of endpoints, by the service of rules. */
  readonly clusters: Readonly<Record<string, readonly number[]>>
  readonly access?: readonly AccessPolicy[]
  readonly limits?: Partial<L7Limits>
  readonly protocol?: ListenerPlan['protocol']
  readonly upstream?: UpstreamSpec['protocol']
  readonly tls?: TlsTerms
  readonly log?: Log
  readonly clock?: Clock
  readonly resilience?: Resilience
  /** Absent: one that nobody else has. */
  readonly sessionSecret?: Uint8Array
  /** Of how many this is one; absent: the only one. */
  readonly workers?: number
  /** Absent: one that nobody listens on. */
  readonly port?: number
}

export class TestProxy implements AsyncDisposable {
  readonly port: number
  readonly logged: string[]
  readonly worker: HttpWorker
  readonly balancers: readonly TurnBalancer[]

  private constructor(port: number, parts: Pick<TestProxy, 'logged' | 'worker' | 'balancers'>) {
    this.port = port
    this.logged = parts.logged
    this.worker = parts.worker
    this.balancers = parts.balancers
  }

  static async start(plan: TestProxyPlan): Promise<TestProxy> {
    const port = plan.port ?? (await freePort())
    const logged: string[] = []
    const protocol = plan.protocol ?? 'http'
    const listener: ListenerPlan = {
      name: 'test',
      ip: proxyIp,
      port,
      protocol,
      certificate: undefined,
      traffic: {
        service: 'test/front',
        ports: [
          { port, protocol: 'http', consumers: new Map(), producer: { kind: 'http', entries: plan.entries } },
        ],
      },
      access: plan.access ?? [],
    }
    const clusters = Object.entries(plan.clusters).map(([service, ports]) => ({
      service,
      port: 80,
      ...(plan.resilience === undefined ? {} : { resilience: plan.resilience }),
      endpoints: ports.map((one): UpstreamSpec => ({
        key: `127.0.0.1:${one}`,
        ip: must(parseIpAddress('127.0.0.1')),
        port: one,
        ready: true,
        protocol: plan.upstream ?? 'http1',
        ...(plan.tls === undefined ? {} : { tls: plan.tls }),
      })),
    }))
    const limits = { ...defaultLimits, ...plan.limits }
    const balancers: TurnBalancer[] = []
    const worker = new HttpWorker(
      {
        index: 0,
        workers: plan.workers ?? 1,
        plan: { listeners: [listener], clusters },
        limits,
        accessLog: true,
        sessionSecret: plan.sessionSecret ?? randomBytes(32),
      },
      {
        clock: plan.clock ?? systemClock,
        rng: systemRng,
        log: plan.log ?? silentLog,
        makeBalancer: (specs) => {
          const balancer = new TurnBalancer(specs)
          balancers.push(balancer)
          return balancer
        },
        onAccessLog: (lines) => logged.push(...lines.toString().trimEnd().split('\n')),
      },
    )
    await worker.start()
    return new TestProxy(port, { logged, worker, balancers })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.close()
  }
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, proxyIp)
  await once(server, 'listening')
  // Listening on TCP.
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Sends bytes and resolves with all that comes back until `enough` says so, or the proxy closes. */
export async function exchange(
  port: number,
  bytes: string,
  enough: (text: string) => boolean = () => false,
): Promise<string> {
  const socket = connect({ host: proxyIp, port })
  let text = ''
  const done = Promise.withResolvers<string>()
  socket.on('data', (piece) => {
    text += piece.toString('latin1')
    if (enough(text)) done.resolve(text)
  })
  socket.on('close', () => done.resolve(text))
  socket.on('error', () => done.resolve(text))
  socket.write(bytes, 'latin1')
  try {
    return await done.promise
  } finally {
    socket.destroy()
  }
}

/** One answer whose body is `ok`, or any head without a body. */
export const answered = (text: string): boolean =>
  text.endsWith('\r\n\r\nok') || (text.includes('content-length: 0\r\n') && text.endsWith('\r\n\r\n'))
