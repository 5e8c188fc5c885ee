import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { MetricsRegistry } from '@tulle/runtime'

export interface AdsMetrics {
  /** Reasons as ztunnel names them. */
  terminated(reason: 'ConnectionError' | 'Error' | 'Complete'): void
  received(update: ResourceUpdate): void
  connected(is: boolean): void
  /** Resources of one type that are refused now. */
  refused(typeUrl: string, resources: number): void
  refusedState(): void
}

/** Named as ztunnel's, so that dashboards for it work. */
export function adsMetrics(registry: MetricsRegistry): AdsMetrics {
  const terminations = registry.counter(
    'istio_xds_connection_terminations_total',
    'Streams to the control plane that ended, by reason.',
    ['reason'],
  )
  const messages = registry.counter('istio_xds_message_total', 'Messages from the control plane, by type.', [
    'url',
  ])
  const bytes = registry.counter('istio_xds_message_bytes_total', 'Bytes of resources received, by type.', [
    'url',
  ])
  const connected = registry.gauge('tulle_xds_connected', 'Whether the control plane answers.', [])
  const refused = registry.gauge('tulle_xds_refused_resources', 'Resources that are refused, by type.', [
    'url',
  ])
  const older = registry.counter(
    'tulle_xds_older_states_total',
    'Streams that offered an older state than the one in force.',
    [],
  )
  return {
    terminated: (reason) => terminations.bind(reason).inc(1),
    received: ({ typeUrl, upserts }) => {
      messages.bind(typeUrl).inc(1)
      bytes.bind(typeUrl).inc(upserts.reduce((sum, resource) => sum + resource.bytes.length, 0))
    },
    connected: (is) => connected.bind().set(is ? 1 : 0),
    refused: (typeUrl, resources) => refused.bind(typeUrl).set(resources),
    refusedState: () => older.bind().inc(1),
  }
}
