import type { Service } from '@tulle/mesh'
import { MetricsRegistry } from '@tulle/runtime'
import type { Child, Family, MetricsSlice } from '@tulle/runtime'
import { unknown } from './party.ts'
import type { Party } from './party.ts'

/** Istio's label set for TCP metrics, in ztunnel's order. */
export const tcpLabels: readonly string[] = [
  'reporter',
  'source_workload',
  'source_canonical_service',
  'source_canonical_revision',
  'source_workload_namespace',
  'source_principal',
  'source_app',
  'source_version',
  'source_cluster',
  'destination_service',
  'destination_service_namespace',
  'destination_service_name',
  'destination_workload',
  'destination_canonical_service',
  'destination_canonical_revision',
  'destination_workload_namespace',
  'destination_principal',
  'destination_app',
  'destination_version',
  'destination_cluster',
  'request_protocol',
  'response_flags',
  'connection_security_policy',
  'source_region',
  'source_zone',
  'destination_region',
  'destination_zone',
]

export type ResponseFlags =
  | '-'
  | 'DENY'
  | 'CONNECT'
  | 'TLS_FAILURE'
  | 'H2_HANDSHAKE_FAILURE'
  | 'IDENTITY_ERROR'

export interface ConnectionLabels {
  /** The enrolled workload whose connection it is. */
  readonly uid: string
  readonly reporter: 'source' | 'destination'
  readonly source: Party
  readonly destination: Party
  readonly service: Service | undefined
  readonly flags: ResponseFlags
  readonly mutualTls: boolean
}

/** The counters of all connections that look alike. */
export interface TcpSeries {
  readonly opened: Child
  readonly closed: Child
  readonly sentBytes: Child
  readonly receivedBytes: Child
}

/** Series that are let go of with their workload; of what is beyond, the registry frees itself when it is full. */
const maxOwned = 20_000

/** Kinds of connections that are remembered with their series; all are forgotten when there are more. */
const maxBound = 20_000

/** Connections that look alike. */
interface Bound {
  readonly labels: ConnectionLabels
  series: TcpSeries | undefined
  failed: Child | undefined
}

/** Istio's TCP metrics of one worker. Series are bound once for each kind of connection. */
export class Telemetry {
  readonly #registry: MetricsRegistry = new MetricsRegistry()
  readonly #opened: Family
  readonly #closed: Family
  readonly #sentBytes: Family
  readonly #receivedBytes: Family
  readonly #failed: Family
  readonly #open: { readonly source: Child; readonly destination: Child }
  readonly #refusedPeers: Family
  readonly #buffersHeld: Child
  readonly #heldBytes: Child
  readonly #freeBytes: Child
  readonly #windowBytes: Child
  readonly #closedWorkloads: Child
  /** By source and destination. Parties are made once, so that no label is looked at for a connection like others. */
  #bound: Map<Party, Map<Party, Bound[]>> = new Map()
  #boundCount: number = 0
  /** What each enrolled workload's connections count on, so that it can be let go of with the workload. */
  readonly #owned: Map<string, Map<Child, Family>> = new Map()
  /** How many of `#owned` have it. */
  readonly #owners: Map<Child, number> = new Map()

  constructor() {
    const counter = (name: string, help: string): Family =>
      this.#registry.counter(`istio_tcp_${name}`, help, tcpLabels)
    this.#opened = counter('connections_opened', 'TCP connections opened.')
    this.#closed = counter('connections_closed', 'TCP connections closed.')
    this.#sentBytes = counter('sent_bytes', 'Bytes sent to the side that called, as responses.')
    this.#receivedBytes = counter('received_bytes', 'Bytes received from the side that called, as requests.')
    this.#failed = counter('connections_failed', 'TCP connections that were refused or could not be made.')
    const open = this.#registry.gauge('istio_tcp_sockets_open', 'Connections open now.', ['reporter'])
    this.#open = { source: open.bind('source'), destination: open.bind('destination') }
    this.#refusedPeers = this.#registry.counter(
      'tulle_hbone_refused',
      'HBONE connections that ended before a tunnel was asked for, by reason.',
      ['reason'],
    )
    this.#buffersHeld = this.#registry
      .gauge('tulle_copy_buffers_held', 'Copy buffers that connections hold now.')
      .bind()
    this.#heldBytes = this.#registry
      .gauge('tulle_copy_buffers_held_bytes', 'Memory of the copy buffers in use.')
      .bind()
    this.#freeBytes = this.#registry
      .gauge('tulle_copy_buffers_free_bytes', 'Memory of copy buffers that lie free.')
      .bind()
    this.#windowBytes = this.#registry
      .gauge('tulle_window_bytes_promised', 'Bytes that sessions promise to take beyond their first windows.')
      .bind()
    this.#closedWorkloads = this.#registry
      .gauge(
        'tulle_workloads_closed',
        'Workloads closed for new connections because a policy is missing or was refused, once for each data path thread.',
      )
      .bind()
  }

  /** A policy that holds for a workload is missing or was refused. */
  workloadClosed(): void {
    this.#closedWorkloads.inc(1)
  }

  workloadOpened(): void {
    this.#closedWorkloads.inc(-1)
  }

  /** The series for a connection. */
  bind(labels: ConnectionLabels): TcpSeries {
    const bound = this.#boundFor(labels)
    bound.series ??= this.#bindSeries(labels)
    return bound.series
  }

  failed(labels: ConnectionLabels): void {
    const bound = this.#boundFor(labels)
    bound.failed ??= this.#bindFor(labels.uid, this.#failed, labelValues(labels))
    bound.failed.inc()
  }

  /** Forgets the series of a workload that left, but for those that another one here counts on too. */
  release(uid: string): void {
    const owned = this.#owned.get(uid)
    if (owned === undefined) return
    this.#owned.delete(uid)
    this.#forgetBound()
    for (const [child, family] of owned) if (this.#disown(child)) family.release(child)
  }

  refusedPeer(reason: string): void {
    this.#refusedPeers.bind(reason).inc()
  }

  opened(reporter: 'source' | 'destination'): void {
    this.#open[reporter].inc(1)
  }

  closed(reporter: 'source' | 'destination'): void {
    this.#open[reporter].inc(-1)
  }

  /** What connections hold now: copy buffers, and bytes that sessions promise to take beyond their first windows. */
  held(
    buffers: { readonly held: number; readonly heldBytes: number; readonly freeBytes: number },
    windowBytes: number,
  ): void {
    this.#buffersHeld.set(buffers.held)
    this.#heldBytes.set(buffers.heldBytes)
    this.#freeBytes.set(buffers.freeBytes)
    this.#windowBytes.set(windowBytes)
  }

  /** Everything counted, some hundred series at a time. */
  slices(): Generator<MetricsSlice> {
    return this.#registry.slices()
  }

  #boundFor(labels: ConnectionLabels): Bound {
    let byDestination = this.#bound.get(labels.source)
    if (byDestination === undefined) {
      byDestination = new Map()
      this.#bound.set(labels.source, byDestination)
    }
    const alike = byDestination.get(labels.destination) ?? []
    for (const bound of alike) if (sameSeries(bound.labels, labels)) return bound
    if (this.#boundCount >= maxBound) {
      this.#forgetBound()
      return this.#boundFor(labels)
    }
    const bound: Bound = { labels, series: undefined, failed: undefined }
    alike.push(bound)
    byDestination.set(labels.destination, alike)
    this.#boundCount++
    return bound
  }

  #forgetBound(): void {
    this.#bound = new Map()
    this.#boundCount = 0
  }

  #bindSeries(labels: ConnectionLabels): TcpSeries {
    const values = labelValues(labels)
    return {
      opened: this.#bindFor(labels.uid, this.#opened, values),
      closed: this.#bindFor(labels.uid, this.#closed, values),
      sentBytes: this.#bindFor(labels.uid, this.#sentBytes, values),
      receivedBytes: this.#bindFor(labels.uid, this.#receivedBytes, values),
    }
  }

  #bindFor(uid: string, family: Family, values: readonly string[]): Child {
    const child = family.bind(...values)
    const owned = this.#owned.get(uid) ?? new Map<Child, Family>()
    this.#owned.set(uid, owned)
    if (owned.has(child)) return child
    owned.set(child, family)
    this.#owners.set(child, (this.#owners.get(child) ?? 0) + 1)
    if (owned.size > maxOwned) {
      const [eldest] = owned.keys()
      if (eldest !== undefined && owned.delete(eldest)) this.#disown(eldest)
    }
    return child
  }

  /** True when it was the last owner's. */
  #disown(child: Child): boolean {
    const owners = (this.#owners.get(child) ?? 1) - 1
    if (owners > 0) this.#owners.set(child, owners)
    else this.#owners.delete(child)
    return owners === 0
  }
}

function sameSeries(a: ConnectionLabels, b: ConnectionLabels): boolean {
  return (
    a.service === b.service &&
    a.flags === b.flags &&
    a.reporter === b.reporter &&
    a.mutualTls === b.mutualTls &&
    a.uid === b.uid
  )
}

function labelValues(labels: ConnectionLabels): readonly string[] {
  const { source, destination, service } = labels
  return [
    labels.reporter,
    source.workload,
    source.canonicalService,
    source.canonicalRevision,
    source.namespace,
    source.principal,
    source.canonicalService,
    source.canonicalRevision,
    source.kubeCluster,
    service?.hostname ?? unknown,
    service?.namespace ?? unknown,
    service?.name ?? unknown,
    destination.workload,
    destination.canonicalService,
    destination.canonicalRevision,
    destination.namespace,
    destination.principal,
    destination.canonicalService,
    destination.canonicalRevision,
    destination.kubeCluster,
    'tcp',
    labels.flags,
    labels.mutualTls ? 'mutual_tls' : unknown,
    source.region,
    source.zone,
    destination.region,
    destination.zone,
  ]
}
