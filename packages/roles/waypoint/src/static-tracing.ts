import { randomUUID } from 'node:crypto'
import type { TracingPlan } from '@tulle/l7'
import { tracesUrl } from '@tulle/mesh'
import { z } from 'zod'

const endpoint = z.string().transform((text, context): string => {
  const url = tracesUrl(text)
  if (!url.ok) context.addIssue(url.error)
  return url.ok ? url.value : ''
})

/** `tracing` of the file. The name is what backends of traces list the proxy under. */
export const tracingSchema: z.ZodType<TracingPlan> = z
  .strictObject({
    endpoint,
    samplingPercent: z.number().min(0).max(100).default(1),
    serviceName: z.string().min(1).max(256).default('tulle-waypoint'),
  })
  .transform(({ serviceName, ...settings }): TracingPlan => ({
    settings,
    resource: {
      'service.name': serviceName,
      'service.instance.id': randomUUID(),
      'telemetry.sdk.name': 'tulle',
      'telemetry.sdk.language': 'nodejs',
    },
  }))
