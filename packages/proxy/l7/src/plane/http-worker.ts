import { compileAccess } from '@tulle/access'
import type { ApplicableAccess } from '@tulle/access'
import type { Balancer } from '@tulle/balance'
import type { Clock, Rng } from '@tulle/core'
import { trimHttp1Batches } from '@tulle/http1'
import { trimBatches } from '@tulle/http2'
import { policyKey } from '@tulle/policy'
import { listenerProblems, nextTurn } from '@tulle/runtime'
import type { Log, MetricsSlice } from '@tulle/runtime'
import { HttpCollector } from '@tulle/span-export'
import type { Resilience } from '@tulle/traffic'
import { AccessLog } from '../access-log.ts'
import { ActiveRequests } from '../active-requests.ts'
import { accessAuthorizer } from '../authorizer.ts'
import type { L7Environment } from '../environment.ts'
import type { L7Limits } from '../limits.ts'
import { Listener } from '../net/listener.ts'
import { ReadBuffer } from '../net/read-buffer.ts'
import type { RequestRecord } from '../request-record.ts'
import { RouteTable } from '../routing/route-table.ts'
import { Rates } from '../resilience.ts'
import { Sessions } from '../sessions.ts'
import { shareOfResilience } from '../share-of-worker.ts'
import { RequestTelemetry } from '../telemetry.ts'
import { Timeouts } from '../timeouts.ts'
import { Tracing } from '../tracing/tracing.ts'
import type { UpstreamSpec } from '../upstream/cluster.ts'
import { dialSocket } from '../upstream/dial.ts'
import { StaticClusters } from '../upstream/static-clusters.ts'
import { withTls } from '../upstream/tls-dial.ts'
import { tlsFailureLog } from '../upstream/tls-failures.ts'
import { Connections } from './connections.ts'
import type { HttpPlan, ListenerPlan } from './http-plan.ts'

/** Without a mesh, nothing is known of whom a request comes from or goes to but their addresses. */
const nothing = {}

/** Connections that idled, requests that hang and buffers of bursts are looked for so often. */
const sweepMs = 5000

export interface HttpWorkerSettings {
  readonly index: number
  /** Of the process: what a cluster may use is divided among them. */
  readonly workers: number
  readonly plan: HttpPlan
  readonly limits: L7Limits
  readonly accessLog: boolean
  /** Of all workers alike: a client that comes back may come to another one. */
  readonly sessionSecret: Uint8Array
}

export interface HttpWorkerDeps {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  makeBalancer(specs: readonly UpstreamSpec[], resilience: Resilience): Balancer<UpstreamSpec>
  /** Takes access log lines; done with the bytes when it returns. */
  onAccessLog(lines: Buffer): void
}

/** What a thread is asked to do. */
export interface HttpWorkerCommands {
  /** Opens the listeners. Rejects where one cannot be had. */
  start(): Promise<void>
  metrics(): AsyncGenerator<MetricsSlice, void>
  /** Takes nothing new, lets requests finish within the time; resolves with how many were cut off. */
  drain(deadlineMs: number): Promise<number>
  close(): Promise<void>
}

/** One thread of the L7 data path. */
export class HttpWorker implements HttpWorkerCommands {
  readonly #settings: HttpWorkerSettings
  readonly #deps: HttpWorkerDeps
  readonly #environment: L7Environment
  readonly #clusters: StaticClusters
  readonly #telemetry: RequestTelemetry = new RequestTelemetry()
  readonly #accessLog: AccessLog | undefined
  readonly #tracing: Tracing
  readonly #buffer: ReadBuffer = new ReadBuffer()
  readonly #connections: Connections
  readonly #sweeper: Disposable
  #listeners: Listener[] = []

  constructor(settings: HttpWorkerSettings, deps: HttpWorkerDeps) {
    const { clock, rng, log } = deps
    const { plan, limits, workers } = settings
    this.#settings = settings
    this.#deps = deps
    this.#accessLog = settings.accessLog
      ? new AccessLog(clock, (lines) => deps.onAccessLog(lines))
      : undefined
    this.#tracing = new Tracing({
      clock,
      rng,
      log,
      parties: { source: () => nothing, destination: () => nothing },
      collectorAt: (url) => new HttpCollector(url),
    })
    if (plan.tracing !== undefined) this.#tracing.configure(plan.tracing.settings, plan.tracing.resource)
    const timeouts = new Timeouts(clock)
    const dialDeps = {
      buffer: this.#buffer,
      environment: { timeouts, limits },
      onTlsFailure: tlsFailureLog(log, clock),
    }
    const shares = plan.clusters.map((one) => ({
      ...one,
      resilience: shareOfResilience(one.resilience ?? {}, workers),
    }))
    this.#clusters = new StaticClusters(shares, {
      clock,
      environment: { limits },
      dial: withTls((spec) => dialSocket(spec, dialDeps), dialDeps),
      makeBalancer: (specs, resilience) => deps.makeBalancer(specs, resilience),
    })
    const tables = new Map(
      plan.listeners.map((listener) => [listener.traffic.service, tableOf(listener, log)]),
    )
    const access = new Map(
      plan.listeners.map((listener) => [listener.traffic.service, accessOf(listener, log)]),
    )
    this.#environment = {
      clock,
      rng,
      limits,
      timeouts,
      routes: { portOf: (service, port) => tables.get(service)?.port(port) },
      clusters: this.#clusters,
      authorizer: accessAuthorizer((service) => access.get(service)),
      sessions: new Sessions(settings.sessionSecret, clock),
      tracer: this.#tracing.tracer,
      rates: new Rates(clock, workers),
      active: new ActiveRequests(),
      onDone: (record) => this.#onDone(record),
      onUnread: ({ reason }) => this.#telemetry.onUnread(reason),
    }
    this.#connections = new Connections(this.#environment, (change) => this.#telemetry.onConnection(change))
    this.#sweeper = clock.every(sweepMs, () => this.#sweep())
  }

  async start(): Promise<void> {
    for (const plan of this.#settings.plan.listeners) this.#listeners.push(this.#listen(plan))
  }

  async *metrics(): AsyncGenerator<MetricsSlice, void> {
    for (const source of [this.#telemetry.slices(), this.#tracing.metrics()])
      for (const slice of source) {
        yield slice
        await nextTurn()
      }
  }

  /** Hands on the access log's lines so far. */
  async flushLog(): Promise<void> {
    this.#accessLog?.flush()
  }

  async drain(deadlineMs: number): Promise<number> {
    for (const listener of this.#listeners.splice(0)) listener.close()
    const late = Promise.withResolvers<void>()
    const timer = this.#deps.clock.after(deadlineMs, () => late.resolve())
    await Promise.race([this.#connections.drain(), late.promise])
    await Promise.race([this.#tracing.flush(), late.promise])
    timer[Symbol.dispose]()
    this.#accessLog?.flush()
    return this.#environment.active.size
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners.splice(0)) listener.close()
    this.#sweeper[Symbol.dispose]()
    this.#connections.destroy()
    this.#clusters.destroy()
    void this.#tracing.flush()
    this.#accessLog?.flush()
  }

  #listen(plan: ListenerPlan): Listener {
    const { limits } = this.#settings
    return new Listener(plan, {
      buffer: this.#buffer,
      handshakeTimeoutMs: limits.connectTimeoutMs,
      mayArrive: () => this.#connections.size < limits.maxConnections,
      onArrival: (arrival) => this.#connections.add(arrival, plan),
      problems: listenerProblems(this.#deps.log.child({ listener: plan.name }), this.#deps.clock),
    })
  }

  #onDone(record: RequestRecord): void {
    this.#telemetry.onDone(record)
    this.#accessLog?.write(record)
    this.#environment.tracer.onDone(record)
  }

  #sweep(): void {
    this.#clusters.trim()
    trimBatches()
    trimHttp1Batches()
    const { active, clock, limits } = this.#environment
    const oldestMs = clock.monotonicMs() - limits.requestIdleMs
    active.endIdleSince(oldestMs)
  }
}

function tableOf({ traffic }: ListenerPlan, log: Log): RouteTable {
  const { table, problems } = RouteTable.compile(traffic)
  for (const problem of problems) log.warn('part of a route is not in force', { problem })
  return table
}

/** A policy that cannot be understood closes what names it. */
function accessOf({ access }: ListenerPlan, log: Log): ApplicableAccess {
  const compiled = access.map((policy) => ({ policy, result: compileAccess(policy) }))
  for (const { policy, result } of compiled)
    if (!result.ok)
      log.error('a policy is not understood', { policy: policyKey(policy), problem: result.error })
  return {
    known: compiled.flatMap(({ result }) => (result.ok ? [result.value] : [])),
    unknown: compiled.flatMap(({ policy, result }) => (result.ok ? [] : [policyKey(policy)])),
  }
}
