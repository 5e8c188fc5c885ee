import type { MetricsRegistry } from '@tulle/runtime'

export interface XdsMetrics {
  streams(open: number): void
  sent(typeUrl: string, bytes: number): void
  rejected(typeUrl: string, resources: number): void
  refused(): void
}

export function xdsMetrics(registry: MetricsRegistry): XdsMetrics {
  const streams = registry.gauge('tulle_xds_streams', 'Open configuration streams.', [])
  const sent = registry.counter('tulle_xds_responses_total', 'Responses sent.', ['type'])
  const bytes = registry.counter('tulle_xds_response_bytes_total', 'Bytes of responses sent.', ['type'])
  const rejected = registry.counter('tulle_xds_rejected_resources_total', 'Resources that nodes refused.', [
    'type',
  ])
  const refused = registry.counter('tulle_xds_refused_streams_total', 'Streams without a valid token.', [])
  return {
    streams: (open) => streams.bind().set(open),
    sent: (typeUrl, count) => {
      sent.bind(typeUrl).inc(1)
      bytes.bind(typeUrl).inc(count)
    },
    rejected: (typeUrl, resources) => rejected.bind(typeUrl).inc(resources),
    refused: () => refused.bind().inc(1),
  }
}
