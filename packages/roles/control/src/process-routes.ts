import { badRequest, expositionText, json, logLevels, metricsReply } from '@tulle/runtime'
import type { AdminRoute, Log, MetricsRegistry } from '@tulle/runtime'

export interface ProcessRoutesInputs {
  readonly log: Log
  readonly metrics: MetricsRegistry
  /** Brings gauges up to date before they are read. */
  readonly refresh: () => void
  readonly ready: () => boolean
}

/** Health, metrics and log level. */
export function processRoutes({ log, metrics, refresh, ready }: ProcessRoutesInputs): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/healthz/ready',
      handle: () => ({
        kind: 'text',
        contentType: 'text/plain',
        ...(ready() ? { text: ['ready\n'] } : { text: ['not ready\n'], status: 503 }),
      }),
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: (request) => {
        refresh()
        return metricsReply(request, (format) => expositionText(metrics.snapshot(), format))
      },
    },
    {
      method: 'POST',
      path: '/logging',
      handle: ({ query }) => {
        const asked = query.get('level')
        const level = logLevels.find((known) => known === asked)
        if (level === undefined) return badRequest(`level: expected one of ${logLevels.join(', ')}`)
        log.level = level
        return json({ level })
      },
    },
  ]
}
