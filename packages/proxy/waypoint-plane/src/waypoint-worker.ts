import { createBalancer } from '@tulle/balance'
import { errorText, flushNow } from '@tulle/core'
import type { Clock, Rng } from '@tulle/core'
import { encodeBaggage, hbonePort } from '@tulle/hbone'
import { trimHttp1Batches } from '@tulle/http1'
import { trimBatches } from '@tulle/http2'
import { spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { listenTcp, openTcpSocket, PlainListener } from '@tulle/kernel'
import { expectedIdentities, handshakeRests, defaultLimits as l4Limits } from '@tulle/l4'
import type { RejectedResource } from '@tulle/l4'
import {
  AccessLog,
  ActiveRequests,
  defaultLimits,
  dialSocket,
  Rates,
  ReadBuffer,
  RequestTelemetry,
  Sessions,
  Timeouts,
  tlsFailureLog,
  withTls,
  windowSettings,
} from '@tulle/l7'
import type { Dial, Dialled, L7Environment, L7Limits, RequestRecord, UpstreamSpec } from '@tulle/l7'
import { workloadIdentity } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import { addressType } from '@tulle/mesh-xds'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { listenerProblems } from '@tulle/runtime'
import type { Log, MetricsSlice } from '@tulle/runtime'
import { defaultOutliers } from '@tulle/traffic'
import { accessType, tracingType } from '@tulle/traffic-xds'
import {
  ByteBudget,
  ClientPool,
  CredentialHolder,
  HandshakeGate,
  LastServed,
  HboneServer,
  HeldBytes,
  ReceiveSlabs,
  SessionKeeper,
} from '@tulle/tunnel'
import type { Revocations, ServedWorkload, WorkloadCertificate } from '@tulle/tunnel'
import { dialHbone } from './hbone-dial.ts'
import { idleDrainMs, InboundCalls } from './inbound-calls.ts'
import { MeshAuthorizer } from './mesh-authorizer.ts'
import { MeshClusters } from './mesh-clusters.ts'
import type { DefaultProtocol, MeshEndpoint } from './mesh-endpoints.ts'
import { MeshRoutes } from './mesh-routes.ts'
import { MeshTracing } from './tracing/mesh-tracing.ts'
import { EdgeMeters } from './tap/edge-meter.ts'
import type { EdgeLine } from './tap/edge-meter.ts'
import { RequestTap } from './tap/request-tap.ts'
import { tapTest } from './tap/tap-filter.ts'
import type { TapLine } from './tap/tap-lines.ts'
import type { TapWanted, WaypointCommands, WaypointSettings } from './waypoint-commands.ts'
import { WaypointState } from './waypoint-state.ts'

export interface WaypointWorkerDeps {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  /** Asks the control plane for a service's traffic. */
  demand(service: string): void
  /** The identity that it runs as: a certificate of it is wanted. Called once. */
  onIdentity(identity: SpiffeId): void
  /** Takes access log lines; done with the bytes when it returns. */
  onAccessLog(lines: Buffer): void
}

/** Connections that idled, requests that hang and buffers of bursts are looked for so often. */
const sweepMs = 5000

/** One worker of a waypoint in the mesh, on whatever thread it runs: HBONE in, the way of requests, HBONE out. */
export class WaypointWorker implements WaypointCommands {
  readonly #settings: WaypointSettings
  readonly #deps: WaypointWorkerDeps
  readonly #state: WaypointState
  readonly #credentials: CredentialHolder
  readonly #keeper: SessionKeeper
  readonly #pool: ClientPool
  readonly #dial: Dial
  readonly #server: HboneServer
  readonly #calls: InboundCalls
  readonly #clusters: readonly MeshClusters[]
  readonly #telemetry: RequestTelemetry = new RequestTelemetry()
  readonly #accessLog: AccessLog | undefined
  readonly #tracing: MeshTracing
  readonly #tap: RequestTap
  readonly #edges: EdgeMeters
  readonly #active: ActiveRequests = new ActiveRequests()
  readonly #sweeper: Disposable
  readonly #seen: Set<string> = new Set()
  readonly #limits: L7Limits = defaultLimits
  readonly #buffer: ReadBuffer = new ReadBuffer()
  readonly #timeouts: Timeouts
  readonly #sessions: Sessions
  readonly #rates: Rates
  readonly #opened: PromiseWithResolvers<boolean> = Promise.withResolvers()
  /** It listens, or never will. */
  readonly #mayAnswer: PromiseWithResolvers<void> = Promise.withResolvers()
  #listener: PlainListener | undefined
  #identity: SpiffeId | undefined

  constructor(settings: WaypointSettings, deps: WaypointWorkerDeps) {
    const { clock, log } = deps
    this.#settings = settings
    this.#deps = deps
    this.#timeouts = new Timeouts(clock)
    this.#sessions = new Sessions(settings.sessionSecret, clock)
    this.#rates = new Rates(clock, settings.workers)
    this.#state = new WaypointState({
      uid: settings.uid,
      clock,
      demand: (service) => deps.demand(service),
      log: (problem) => log.warn('part of a route is not in force', { problem }),
    })
    this.#credentials = new CredentialHolder(clock)
    this.#keeper = new SessionKeeper(clock, l4Limits.expiredSessionMs)
    this.#tap = new RequestTap(clock)
    this.#edges = new EdgeMeters(clock)
    this.#accessLog = settings.accessLog
      ? new AccessLog(clock, (lines) => deps.onAccessLog(lines))
      : undefined
    const shares = {
      credentials: this.#credentials,
      keeper: this.#keeper,
      clock,
      windowBudget: new ByteBudget(Math.floor(l4Limits.maxWindowBytes / settings.workers)),
      held: new HeldBytes(clock, Math.floor(l4Limits.maxHeldBytes / settings.workers)),
      slabs: new ReceiveSlabs(),
      served: new LastServed().workload(),
    }
    this.#pool = this.#makePool(shares)
    this.#tracing = new MeshTracing(settings, {
      ...deps,
      state: this.#state,
      clusters: () => http1.clusters,
    })
    this.#dial = withTls((spec) => this.#dialPlain(spec), {
      environment: { timeouts: this.#timeouts, limits: this.#limits },
      buffer: this.#buffer,
      onTlsFailure: tlsFailureLog(log, clock),
    })
    const http1 = this.#makeEnvironment('http1')
    const http2 = this.#makeEnvironment('http2')
    this.#clusters = [http1.clusters, http2.clusters]
    this.#calls = new InboundCalls({
      clock,
      state: this.#state,
      environments: { http1: http1.environment, http2: http2.environment },
      tcp: {
        rng: deps.rng,
        clusters: http1.clusters,
        authorizer: http1.authorizer,
        dial: this.#dial,
        refused: ({ principal, service, port }, why) =>
          log.warn('a stream was refused', { src: principal, dst: `${service}:${port}`, why }),
      },
      onConnections: (change) => this.#telemetry.onConnection(change),
      refused: (why, { sourceIp }) => log.warn('a tunnel was refused', { src: sourceIp, why }),
    })
    this.#server = this.#makeServer(shares)
    this.#sweeper = clock.every(sweepMs, () => this.#sweep())
  }

  opened(): Promise<boolean> {
    return this.#opened.promise
  }

  async apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    const rejected = update.typeUrl === tracingType ? this.#tracing.apply(update) : this.#state.apply(update)
    this.#seen.add(update.typeUrl)
    this.#learnIdentity()
    if (update.typeUrl !== accessType) for (const clusters of this.#clusters) clusters.refresh()
    this.#calls.meshChanged()
    this.#tryOpen()
    if (this.#isFull) await this.#mayAnswer.promise
    return rejected
  }

  async setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void> {
    const own = this.#identity
    const certificate = certificates.find(({ identity }) => identity === own)
    if (certificate === undefined) return
    try {
      this.#credentials.set(certificate)
    } catch (error) {
      // The one before stays in force until it ends: no better one is to be had here.
      this.#deps.log.error('certificate not usable', { identity: own, error: errorText(error) })
    }
    this.#tryOpen()
  }

  async setRevocations(revocations: Revocations): Promise<void> {
    this.#credentials.setRevocations(revocations)
  }

  async *metrics(): AsyncGenerator<MetricsSlice, void> {
    yield* this.#telemetry.slices()
    yield* this.#tracing.metrics()
  }

  async *tap(
    { filter, maxPerSecond }: TapWanted,
    signal: AbortSignal,
  ): AsyncGenerator<readonly TapLine[], void> {
    yield* this.#tap.open({ test: tapTest(filter), maxPerSecond }, signal) ?? []
  }

  async *edges(intervalMs: number, signal: AbortSignal): AsyncGenerator<EdgeLine, void> {
    yield* this.#edges.open(intervalMs, signal) ?? []
  }

  async drain(deadlineMs: number): Promise<number> {
    this.#mayAnswer.resolve()
    this.#listener?.close()
    this.#server.drain()
    const late = Promise.withResolvers<void>()
    using _timer = this.#deps.clock.after(deadlineMs, () => late.resolve())
    const finished = this.#calls.drain(Math.min(deadlineMs / 2, idleDrainMs))
    // Who was on the way here when it was told to go elsewhere is still served.
    await Promise.race([Promise.all([finished, this.#server.whenEmpty()]), late.promise])
    await Promise.race([this.#tracing.flush(), late.promise])
    this.#pool.drain()
    this.#accessLog?.flush()
    return this.#active.size
  }

  async close(): Promise<void> {
    this.#opened.resolve(false)
    this.#mayAnswer.resolve()
    this.#listener?.close()
    this.#sweeper[Symbol.dispose]()
    this.#calls.destroy()
    for (const clusters of this.#clusters) clusters.destroy()
    this.#server.destroy()
    this.#pool.destroy()
    this.#keeper[Symbol.dispose]()
    this.#accessLog?.flush()
  }

  /** Whether it knows who there is and who may. */
  get #isFull(): boolean {
    return this.#seen.has(addressType) && this.#seen.has(accessType)
  }

  #learnIdentity(): void {
    const { own } = this.#state
    if (own === undefined || this.#identity !== undefined) return
    this.#identity = spiffeId(workloadIdentity(own))
    this.#deps.onIdentity(this.#identity)
  }

  #tryOpen(): void {
    if (this.#listener !== undefined || this.#credentials.current === undefined || !this.#isFull) return
    const { ip, port } = this.#settings.listen
    try {
      const fd = listenTcp({ address: ip, port, reusePort: true })
      this.#listener = new PlainListener(fd, {
        onConnection: (socket, peer) => this.#server.accept(socket, peer),
        ...listenerProblems(this.#deps.log, this.#deps.clock),
      })
      this.#opened.resolve(true)
      this.#mayAnswer.resolve()
    } catch (error) {
      this.#opened.reject(error)
    }
  }

  #dialPlain(spec: UpstreamSpec): Dialled {
    // Clusters of the mesh are made of nothing else.
    const { workload, service, ip, port } = spec as MeshEndpoint
    if (workload.tunnel === 'none')
      return dialSocket(spec, {
        environment: { timeouts: this.#timeouts, limits: this.#limits },
        buffer: this.#buffer,
      })
    return dialHbone(
      {
        address: ip,
        port: hbonePort,
        sourceAddress: this.#state.own?.addresses[0] ?? '',
        destinationIdentities: expectedIdentities(workload, service),
        // An endpoint's address was read from its resource.
        authority: { kind: 'address', address: ip as IpAddress, port },
      },
      { pool: this.#pool, rng: this.#deps.rng, baggage: this.#baggage() },
    )
  }

  #baggage(): string {
    const { own } = this.#state
    return own === undefined ? '' : encodeBaggage(own)
  }

  #makePool(shares: Shares): ClientPool {
    return new ClientPool({
      ...shares,
      connectTimeoutMs: this.#limits.connectTimeoutMs,
      maxStreamsPerSession: l4Limits.maxStreamsPerSession,
      idleSessionMs: l4Limits.idleSessionMs,
      maxSessionsPerTarget: l4Limits.maxSessionsPerTarget,
      windows: windowSettings(this.#limits),
      openSocket: ({ address }) => openTcpSocket({ family: address.includes(':') ? 6 : 4 }),
    })
  }

  #makeServer(shares: Shares): HboneServer {
    return new HboneServer({
      ...shares,
      gate: new HandshakeGate({
        maxPerTurn: l4Limits.maxHandshakesPerTurn,
        rests: waypointRests,
        beforeSome: flushNow,
      }),
      maxHandshakes: l4Limits.maxHandshakes,
      maxHandshakesPerSource: l4Limits.maxHandshakesPerSource,
      maxSessions: l4Limits.maxInboundSessions,
      maxSessionsPerSource: l4Limits.maxSessionsPerSource,
      handshakeTimeoutMs: l4Limits.handshakeTimeoutMs,
      maxStreamsPerSession: l4Limits.maxInboundStreamsPerSession,
      maxHeaderBytes: l4Limits.maxHeaderBytes,
      maxEarlyBytes: l4Limits.maxEarlyBytes,
      windows: windowSettings(this.#limits),
      onTunnel: (tunnel, address) => this.#calls.accept(tunnel, address),
      onRefused: ({ reason, message }, { sourceIp }) =>
        this.#deps.log.warn('HBONE connection refused', { src: sourceIp, reason, error: message }),
    })
  }

  #makeEnvironment(undeclared: DefaultProtocol): {
    readonly environment: L7Environment
    readonly clusters: MeshClusters
    readonly authorizer: MeshAuthorizer
  } {
    const { clock, rng } = this.#deps
    const limits = this.#limits
    const clusters = new MeshClusters(
      {
        state: this.#state,
        clock,
        limits,
        workers: this.#settings.workers,
        dial: this.#dial,
        makeBalancer: (specs, { outliers = defaultOutliers }, place) => {
          const balancer = createBalancer<UpstreamSpec>({ outliers, ...place }, { clock, rng })
          balancer.replace(specs)
          return balancer
        },
      },
      undeclared,
    )
    const authorizer = new MeshAuthorizer(this.#state, (service, port) => clusters.endpointsOf(service, port))
    const environment: L7Environment = {
      clock,
      rng,
      limits,
      timeouts: this.#timeouts,
      routes: new MeshRoutes(this.#state),
      clusters,
      authorizer,
      sessions: this.#sessions,
      tracer: this.#tracing.tracer,
      rates: this.#rates,
      active: this.#active,
      onDone: (record) => this.#onDone(record),
      onUnread: ({ reason }) => this.#telemetry.onUnread(reason),
    }
    return { environment, clusters, authorizer }
  }

  #onDone(record: RequestRecord): void {
    this.#telemetry.onDone(record)
    this.#accessLog?.write(record)
    this.#tap.onDone(record)
    this.#edges.onDone(record)
    this.#tracing.onDone(record)
  }

  #sweep(): void {
    for (const clusters of this.#clusters) clusters.trim()
    trimBatches()
    trimHttp1Batches()
    const oldestMs = this.#deps.clock.monotonicMs() - this.#limits.requestIdleMs
    this.#active.endIdleSince(oldestMs)
  }
}

/** All of a waypoint's sessions are of one workload: what its handshakes leave time to are its own requests, at any time. */
const waypointRests = { ...handshakeRests(l4Limits), factorBeyond: 2, othersMs: Number.POSITIVE_INFINITY }

interface Shares {
  readonly credentials: CredentialHolder
  readonly keeper: SessionKeeper
  readonly clock: Clock
  readonly windowBudget: ByteBudget
  readonly held: HeldBytes
  readonly slabs: ReceiveSlabs
  readonly served: ServedWorkload
}
