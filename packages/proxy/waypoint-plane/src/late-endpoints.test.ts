import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { test } from 'node:test'
import type { AccessPolicy } from '@tulle/access'
import { createBalancer } from '@tulle/balance'
import { must, systemClock, systemRng } from '@tulle/core'
import { createHttp1Server } from '@tulle/http1'
import type { Http1Transport } from '@tulle/http1'
import { parseTrustDomain } from '@tulle/identity'
import {
  ActiveRequests,
  defaultLimits,
  dialSocket,
  Rates,
  ReadBuffer,
  RequestRun,
  RouteTable,
  Sessions,
  Timeouts,
  Tracer,
} from '@tulle/l7'
import type { L7Environment, RequestRecord, UpstreamSpec } from '@tulle/l7'
import { parsePort } from '@tulle/mesh'
import { addressResource, addressType } from '@tulle/mesh-xds'
import { anyRequest } from '@tulle/traffic'
import type { HttpRule } from '@tulle/traffic'
import { accessResource, accessType } from '@tulle/traffic-xds'
import { MeshAuthorizer } from './mesh-authorizer.ts'
import { MeshClusters } from './mesh-clusters.ts'
import { ip, service, stateOf, workload } from './test-mesh.ts'
import type { WaypointState } from './waypoint-state.ts'

const trustDomain = must(parseTrustDomain('td'))
const books = 'shop/books.shop.svc.cluster.local'
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const bad = 'HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n'
const get = 'GET /books HTTP/1.1\r\nHost: books\r\nx-role: reader\r\n\r\n'

/** An allow rule for requests that say in a header that they are a reader's, or for nobody at all. */
function policy(name: string, covers: 'readers' | 'nobody'): AccessPolicy {
  const headers = [{ name: 'x-role', value: { kind: 'exact', value: 'reader' } }] as const
  const requests = covers === 'readers' ? [{ ...anyRequest, headers }] : []
  return {
    name,
    namespace: 'shop',
    scope: 'workload',
    action: 'allow',
    dryRun: false,
    rules: [{ connection: { clauses: [] }, requests }],
  }
}

/** A backend at a loopback address of its own that shows what came, and answers by a function. */
class Backend implements AsyncDisposable {
  readonly received: string[] = []
  readonly sockets: Set<Socket> = new Set()
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async listen(address: string, port: number, answer: (socket: Socket) => void): Promise<Backend> {
    const server = createServer()
    const backend = new Backend(server)
    server.on('connection', (socket) => {
      backend.sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('data', (bytes) => {
        backend.received.push(bytes.toString())
        answer(socket)
      })
    })
    server.listen(port, address)
    await once(server, 'listening')
    return backend
  }

  get port(): number {
    // Listening on TCP.
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
  }
}

function transportOf(socket: Socket): Http1Transport {
  return {
    write: (bytes, done) => {
      const hasRoom = socket.write(bytes)
      socket.write(Buffer.alloc(0), () => done?.())
      return hasRoom
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    pauseReading: () => void socket.pause(),
    resumeReading: () => void socket.resume(),
  }
}

/** The requests of one waypoint, from real sockets to real sockets; mTLS around them is left out. */
class Requests implements AsyncDisposable {
  readonly records: RequestRecord[] = []
  /** A request has been judged, and is on its way or waits. */
  onBegun: () => void = () => undefined
  readonly #state: WaypointState
  readonly #clusters: MeshClusters
  readonly #server: Server

  constructor(state: WaypointState, rule: HttpRule) {
    const limits = defaultLimits
    const timeouts = new Timeouts(systemClock)
    const buffer = new ReadBuffer()
    this.#state = state
    this.#clusters = new MeshClusters(
      {
        state,
        clock: systemClock,
        limits,
        workers: 1,
        dial: (spec) => dialSocket(spec, { buffer, environment: { timeouts, limits } }),
        makeBalancer: (specs) => {
          const balancer = createBalancer<UpstreamSpec>({}, { clock: systemClock, rng: systemRng })
          balancer.replace(specs)
          return balancer
        },
      },
      'http1',
    )
    const producer = { kind: 'http', entries: [{ match: anyRequest, rule }] } as const
    const ports = [{ port: 80, protocol: 'http', producer, consumers: new Map() }] as const
    const { table } = RouteTable.compile({ service: books, ports })
    const environment: L7Environment = {
      clock: systemClock,
      rng: systemRng,
      limits,
      timeouts,
      routes: { portOf: (_service, port) => table.port(port) },
      clusters: this.#clusters,
      authorizer: new MeshAuthorizer(state, (name, port) => this.#clusters.endpointsOf(name, port)),
      sessions: new Sessions(randomBytes(32), systemClock),
      tracer: new Tracer({
        clock: systemClock,
        rng: systemRng,
        parties: { source: () => ({}), destination: () => ({}) },
      }),
      rates: new Rates(systemClock),
      active: new ActiveRequests(),
      onDone: (record) => this.records.push(record),
      onUnread: () => undefined,
    }
    this.#server = createServer((socket) => serve(socket, environment, () => this.onBegun()))
  }

  /** Endpoints from now on, by address, with the policies of each. */
  endpoints(
    port: number,
    byAddress: Readonly<Record<string, readonly string[]>>,
    gone: readonly string[],
  ): void {
    const mapping = { servicePort: must(parsePort(80)), targetPort: must(parsePort(port)) }
    const workloads = Object.entries(byAddress).map(([address, policies]) =>
      workload(`w-${address}`, address, {
        policies,
        services: new Map([[books, [mapping]]]),
      }),
    )
    const upserts = [
      addressResource({
        kind: 'service',
        service: service('books', '10.1.0.1', { ports: [{ ...mapping, appProtocol: 'http11' }] }),
      }),
      ...workloads.map((one) => addressResource({ kind: 'workload', workload: one })),
    ]
    const removed = gone.map((address) => `tulle//Workload/shop/w-${address}`)
    assert.deepEqual(this.#state.apply({ typeUrl: addressType, upserts, removed }), [])
    this.#clusters.refresh()
  }

  /** Asks, with the rest of the request when it is there, and resolves with the status. */
  async ask(begin: string = get, rest?: Promise<string>): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    // Listening on TCP.
    const socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(begin)
    void rest?.then((bytes) => socket.write(bytes))
    const answered = Promise.withResolvers<string>()
    socket.on('data', (bytes) => answered.resolve(bytes.toString()))
    const text = await answered.promise
    socket.destroy()
    return text.slice(9, 12)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clusters.destroy()
    this.#server.close()
  }
}

function serve(socket: Socket, environment: L7Environment, onBegun: () => void): void {
  const downstream = {
    facts: {
      identity: { trustDomain, namespace: 'shop', serviceAccount: 'caller' },
      sourceIp: ip('10.0.0.1'),
      destinationIp: ip('10.1.0.1'),
      destinationPort: 80,
    },
    sourcePort: 1,
    principal: 'spiffe://td/ns/shop/sa/caller',
    namespace: 'shop',
    scheme: 'http',
    service: books,
    logged: undefined,
    port: 80,
  } as const
  const connection = createHttp1Server({
    transport: transportOf(socket),
    clock: systemClock,
    scheme: 'http',
    onRequest: (head, exchange, end) => {
      const run = new RequestRun(environment, downstream, head, exchange)
      run.begin(end)
      onBegun()
      return run
    },
    onClose: () => undefined,
  })
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => void connection.receive(bytes, 0, bytes.length))
  socket.on('close', () => connection.onTransportClose())
}

const loopback = (last: number): string =>
  `127.${16 + ((process.pid >> 8) % 200)}.${process.pid & 255}.${last}`

function ruleWith(more: Partial<HttpRule>): HttpRule {
  return {
    origin: { kind: 'HTTPRoute', namespace: 'shop', name: 'r', rule: 0 },
    filters: [],
    backends: [{ backend: { kind: 'service', service: books, port: 80 }, weight: 1, filters: [] }],
    noBackendStatus: 500,
    requestTimeoutMs: 0,
    attemptTimeoutMs: 0,
    ...more,
  }
}

const retry = { attempts: 3, backoffMs: 1, statusCodes: [503], onConnectionError: true, onReset: true }

function stateWith(...policies: readonly AccessPolicy[]): WaypointState {
  const state = stateOf()
  const upserts = policies.map(accessResource)
  assert.deepEqual(state.apply({ typeUrl: accessType, upserts, removed: [] }), [])
  return state
}

test('a repeat does not reach an endpoint that came after the request was judged and would refuse it', async () => {
  const state = stateWith(policy('closed', 'nobody'))
  await using requests = new Requests(state, ruleWith({ retry }))
  await using open = await Backend.listen(loopback(2), 0, (socket) => {
    requests.endpoints(open.port, { [loopback(3)]: ['shop/closed'] }, [loopback(2)])
    socket.write(bad)
  })
  await using closed = await Backend.listen(loopback(3), open.port, (socket) => socket.write(ok))
  requests.endpoints(open.port, { [loopback(2)]: [] }, [])
  assert.equal(await requests.ask(), '403')
  assert.deepEqual([open.received.length, closed.received.length], [1, 0])
  assert.equal(requests.records[0]?.request.verdict?.policy, 'shop/closed')
})

test('a repeat does not reach an endpoint whose policy closed meanwhile', async () => {
  const state = stateWith(policy('books', 'readers'))
  await using requests = new Requests(state, ruleWith({ retry }))
  await using back = await Backend.listen(loopback(2), 0, (socket) => {
    const upserts = [accessResource(policy('books', 'nobody'))]
    state.apply({ typeUrl: accessType, upserts, removed: [] })
    socket.write(bad)
  })
  requests.endpoints(back.port, { [loopback(2)]: ['shop/books'] }, [])
  assert.equal(await requests.ask(), '403')
  assert.equal(back.received.length, 1)
})

test('a delayed request is judged by who is there when it is sent', async () => {
  const state = stateWith(policy('closed', 'nobody'))
  const fraction = { numerator: 1, denominator: 1 }
  const resilience = { fault: { delay: { ms: 30, fraction } } }
  await using requests = new Requests(state, ruleWith({ resilience }))
  await using closed = await Backend.listen(loopback(3), 0, (socket) => socket.write(ok))
  requests.endpoints(closed.port, { [loopback(2)]: [] }, [])
  requests.onBegun = () => requests.endpoints(closed.port, { [loopback(3)]: ['shop/closed'] }, [loopback(2)])
  assert.equal(await requests.ask(), '403')
  assert.equal(closed.received.length, 0)
})

test('a hedge asks nobody who would refuse it, and the first goes on', async () => {
  const state = stateWith(policy('closed', 'nobody'))
  const resilience = { hedging: { delayMs: 20, maxAttempts: 3 } }
  await using requests = new Requests(state, ruleWith({ resilience }))
  await using open = await Backend.listen(loopback(2), 0, (socket) => {
    requests.endpoints(open.port, { [loopback(2)]: [], [loopback(3)]: ['shop/closed'] }, [])
    systemClock.after(100, () => socket.write(ok))
  })
  await using closed = await Backend.listen(loopback(3), open.port, (socket) => socket.write(ok))
  requests.endpoints(open.port, { [loopback(2)]: [] }, [])
  assert.equal(await requests.ask(), '200')
  assert.deepEqual([open.received.length, closed.received.length], [1, 0])
})

test('a repeat is judged as the request came, not as filters made it', async () => {
  const state = stateWith(policy('one', 'readers'), policy('two', 'readers'))
  const changes = { set: [{ name: 'x-role', value: 'writer' }], add: [], remove: [] }
  const rule = ruleWith({ retry, filters: [{ kind: 'request-headers', changes }] })
  await using requests = new Requests(state, rule)
  await using first = await Backend.listen(loopback(2), 0, (socket) => {
    requests.endpoints(first.port, { [loopback(3)]: ['shop/two'] }, [loopback(2)])
    socket.write(bad)
  })
  await using second = await Backend.listen(loopback(3), first.port, (socket) => socket.write(ok))
  requests.endpoints(first.port, { [loopback(2)]: ['shop/one'] }, [])
  assert.equal(await requests.ask(), '200')
  assert.match(second.received[0] ?? '', /x-role: writer/u)
})

test('case 13: what comes behind the payload does not reach an endpoint that would refuse it, though another lets it in', async () => {
  const state = stateWith(policy('books', 'readers'))
  await using requests = new Requests(state, ruleWith({}))
  const rest = Promise.withResolvers<string>()
  await using guarded = await Backend.listen(loopback(3), 0, () => {
    requests.endpoints(guarded.port, { [loopback(2)]: [], [loopback(3)]: ['shop/books'] }, [])
    rest.resolve('0\r\nx-role: admin\r\n\r\n')
  })
  await using open = await Backend.listen(loopback(2), guarded.port, (socket) => socket.write(ok))
  requests.endpoints(guarded.port, { [loopback(3)]: ['shop/books'] }, [])
  const begin = get.replace('GET', 'POST').replace('\r\n\r\n', '\r\ntransfer-encoding: chunked\r\n\r\n')
  assert.equal(await requests.ask(begin, rest.promise), '403')
  assert.doesNotMatch(guarded.received.join(''), /admin/u)
  assert.deepEqual(open.received, [])
})
