import type { MetricsRegistry } from '@tulle/runtime'

export interface XdsMetrics {
  streams(open: number): void
  sent(typeUrl: string, bytes: number): void
  rejected(typeUrl: string, resources: number): void
  refused(): void
  /** A node acknowledged a revision, so long after it was made. */
  applied(seconds: number): void
}

const appliedBuckets = [
  0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1,
  2, 5, 10, 30,
]

export function xdsMetrics(registry: MetricsRegistry): XdsMetrics {
  const streams = registry.gauge('tulle_xds_streams', 'Open configuration streams.', [])
  const sent = registry.counter('tulle_xds_responses_total', 'Responses sent.', ['type'])
  const bytes = registry.counter('tulle_xds_response_bytes_total', 'Bytes of responses sent.', ['type'])
  const rejected = registry.counter('tulle_xds_rejected_resources_total', 'Resources that nodes refused.', [
    'type',
  ])
  const refused = registry.counter('tulle_xds_refused_streams_total', 'Streams without a valid token.', [])
  const applied = registry
    .histogram({
      name: 'tulle_xds_applied_seconds',
      help: 'From a revision to its acknowledgement by a node, for those that were connected when it was made.',
      labelNames: [],
      buckets: appliedBuckets,
    })
    .bind()
  return {
    applied: (seconds) => applied.observe(seconds),
    streams: (open) => streams.bind().set(open),
    sent: (typeUrl, count) => {
      sent.bind(typeUrl).inc(1)
      bytes.bind(typeUrl).inc(count)
    },
    rejected: (typeUrl, resources) => rejected.bind(typeUrl).inc(resources),
    refused: () => refused.bind().inc(1),
  }
}
