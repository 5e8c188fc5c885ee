import { must } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import { tracesUrl } from '@tulle/mesh'
import type { TracingSettings } from '@tulle/mesh'
import { z } from 'zod'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import type { MeshSpec } from '../kinds.ts'
import { checked, closed, textOf } from '../shapes.ts'

const trustDomain = checked(z.string(), (value) => {
  const parsed = parseTrustDomain(value)
  return parsed.ok ? [] : [{ code: 'API_BAD_VALUE', message: parsed.error }]
})

const endpoint = checked(textOf('the URL of an OTLP/HTTP receiver'), (value) => {
  const url = tracesUrl(value)
  return url.ok ? [] : [{ code: 'API_BAD_VALUE', message: url.error }]
})

const tracing = closed({ endpoint, samplingPercent: z.number().min(0).max(100).default(1) })

const spec = closed({
  trustDomain: trustDomain.optional(),
  mtls: z.enum(['permissive', 'strict']).default('permissive'),
  access: z.enum(['enforce-selected', 'audit', 'enforce']).default('enforce-selected'),
  telemetry: closed({ tracing: tracing.optional() }).optional(),
})

export const meshV1alpha1: KindVersion = kindVersion({
  group: 'tulle.dev',
  version: 'v1alpha1',
  kind: 'Mesh',
  namespaced: false,
  spec: spec.prefault({}),
  toHub: ({ trustDomain: domain, mtls, access, telemetry }): MeshSpec => ({
    mtls,
    access,
    ...(domain === undefined ? {} : { trustDomain: domain }),
    ...(telemetry?.tracing === undefined ? {} : { telemetry: { tracing: settingsOf(telemetry.tracing) } }),
  }),
})

/** With the path that is meant. The text was checked. */
function settingsOf({ endpoint: text, samplingPercent }: z.output<typeof tracing>): TracingSettings {
  return { endpoint: must(tracesUrl(text)), samplingPercent }
}
