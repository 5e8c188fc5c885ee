import { MetricsRegistry } from '@tulle/runtime'
import type { Child, Family, MetricsSlice } from '@tulle/runtime'
import type { RequestRecord } from './request-record.ts'

/** Istio's label set for HTTP metrics. */
export const requestLabels: readonly string[] = [
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
  'response_code',
  'grpc_response_status',
  'response_flags',
  'connection_security_policy',
]

/** Istio's buckets. */
const durationBuckets = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
]
const sizeBuckets = [
  1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
]

const unknown = 'unknown'
/** What requests look like that are remembered with their series; all are forgotten when there are more. */
const maxBound = 5000

interface RequestSeries {
  readonly requests: Child
  readonly duration: Child
  readonly requestBytes: Child
  readonly responseBytes: Child
}

/** Istio's request metrics of one thread. */
export class RequestTelemetry {
  readonly #registry: MetricsRegistry = new MetricsRegistry()
  readonly #requests: Family
  readonly #duration: Family
  readonly #requestBytes: Family
  readonly #responseBytes: Family
  readonly #attempts: Child
  readonly #downstreamOpen: Child
  readonly #unread: Family
  /** By service, principal, and how the request ended. */
  #bound: Map<string, Map<string, Map<string | number, RequestSeries>>> = new Map()
  #boundCount: number = 0

  constructor() {
    const registry = this.#registry
    const histogram = (name: string, help: string, buckets: readonly number[]): Family =>
      registry.histogram({ name, help, labelNames: requestLabels, buckets })
    this.#requests = registry.counter(
      'istio_requests',
      'Requests that were answered or given up.',
      requestLabels,
    )
    this.#duration = histogram(
      'istio_request_duration_milliseconds',
      'From the head of a request to the end of its answer.',
      durationBuckets,
    )
    this.#requestBytes = histogram('istio_request_bytes', 'Payload of requests.', sizeBuckets)
    this.#responseBytes = histogram('istio_response_bytes', 'Payload of answers.', sizeBuckets)
    this.#attempts = registry
      .counter('tulle_upstream_repeats', 'Attempts beyond the first of each request.')
      .bind()
    this.#unread = registry.counter(
      'tulle_requests_unread',
      'What clients sent that could not be read as a request, or as the rest of one.',
      ['reason'],
    )
    this.#downstreamOpen = registry
      .gauge('tulle_downstream_connections_open', 'Connections from clients that are open now.')
      .bind()
  }

  onDone(record: RequestRecord): void {
    const series = this.#seriesOf(record)
    series.requests.inc(1)
    series.duration.observe(record.durationMs, record.trace?.exemplar)
    series.requestBytes.observe(record.requestBytes)
    series.responseBytes.observe(record.responseBytes)
    if (record.attempts > 1) this.#attempts.inc(record.attempts - 1)
  }

  /** What came was no request, for one of a fixed set of reasons. */
  onUnread(reason: string): void {
    this.#unread.bind(reason).inc(1)
  }

  onConnection(change: 1 | -1): void {
    this.#downstreamOpen.inc(change)
  }

  slices(): Generator<MetricsSlice> {
    return this.#registry.slices()
  }

  /** Asked for every request: looked up by what is there already, without making a key of it. */
  #seriesOf(record: RequestRecord): RequestSeries {
    const { downstream, backend } = record.request
    const target = backend?.backend
    const service = target?.kind === 'service' ? target.service : downstream.service
    const { status, flag, grpcStatus } = record
    const outcome =
      flag === '-' && grpcStatus === undefined ? status : `${status} ${flag} ${grpcLabel(grpcStatus)}`
    const ofService = below(this.#bound, service)
    const ofPrincipal = below(ofService, downstream.principal ?? '')
    const known = ofPrincipal.get(outcome)
    if (known !== undefined) return known
    const labels = labelsOf(record, service)
    const series = {
      requests: this.#requests.bind(...labels),
      duration: this.#duration.bind(...labels),
      requestBytes: this.#requestBytes.bind(...labels),
      responseBytes: this.#responseBytes.bind(...labels),
    }
    ofPrincipal.set(outcome, series)
    if (++this.#boundCount > maxBound) {
      this.#bound = new Map()
      this.#boundCount = 0
    }
    return series
  }
}

function below<Key, Below, Value>(map: Map<Key, Map<Below, Value>>, key: Key): Map<Below, Value> {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = new Map<Below, Value>()
  map.set(key, made)
  return made
}

const plainStatus = /^[0-9]{1,2}$/u

/** A backend can send anything: what is none has one label, and is kept nowhere. */
function grpcLabel(grpcStatus: string | undefined): string {
  if (grpcStatus === undefined) return ''
  return plainStatus.test(grpcStatus) ? grpcStatus : 'invalid'
}

/** What is not known here is `unknown`, as Istio has it. */
function labelsOf({ request, status, flag, grpcStatus }: RequestRecord, service: string): readonly string[] {
  const { principal = unknown, namespace } = request.downstream
  const slash = service.indexOf('/')
  const hostname = service.slice(slash + 1)
  const known: Readonly<Record<string, string>> = {
    reporter: 'waypoint',
    source_workload_namespace: namespace === '' ? unknown : namespace,
    source_principal: principal,
    destination_service: hostname,
    destination_service_namespace: slash < 0 ? unknown : service.slice(0, slash),
    destination_service_name: hostname.split('.')[0] ?? hostname,
    request_protocol: grpcStatus === undefined ? 'http' : 'grpc',
    response_code: `${status}`,
    grpc_response_status: grpcLabel(grpcStatus),
    response_flags: flag,
    connection_security_policy: principal === unknown ? 'none' : 'mutual_tls',
  }
  return requestLabels.map((name) => known[name] ?? unknown)
}
