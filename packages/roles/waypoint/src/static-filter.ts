import type { HttpFilter, PathChange } from '@tulle/traffic'
import { z } from 'zod'
import { serviceOf } from './static-names.ts'

const headers = z
  .array(z.strictObject({ name: z.string().transform((name) => name.toLowerCase()), value: z.string() }))
  .default([])

const changes = z.strictObject({
  set: headers,
  add: headers,
  remove: z.array(z.string().transform((name) => name.toLowerCase())).default([]),
})

const path = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ReplaceFullPath'), replaceFullPath: z.string() }),
  z.strictObject({ type: z.literal('ReplacePrefixMatch'), replacePrefixMatch: z.string() }),
])

const redirect = z.strictObject({
  scheme: z.enum(['http', 'https']).optional(),
  hostname: z.string().min(1).optional(),
  port: z.int().min(1).max(65_535).optional(),
  path: path.optional(),
  statusCode: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)])
    .default(302),
})

const rewrite = z.strictObject({ hostname: z.string().min(1).optional(), path: path.optional() })

const mirror = z.strictObject({
  cluster: z.string().min(1),
  percent: z.int().min(0).max(100).default(100),
})

const cors = z.strictObject({
  allowOrigins: z.array(z.string()).default([]),
  allowCredentials: z.boolean().default(false),
  allowMethods: z.array(z.string()).default([]),
  allowHeaders: z.array(z.string()).default([]),
  exposeHeaders: z.array(z.string()).default([]),
  maxAge: z.int().min(1).default(5),
})

/** A filter that may still need the prefix of the rule's match. */
export interface StaticFilter {
  /** The cluster that it mirrors to. */
  readonly mirrorsTo?: string
  /** `prefix` is undefined where the rule's matches are not one PathPrefix. A text says what is wrong. */
  build(prefix: string | undefined): HttpFilter | string
}

/** As in HTTPRoute, but for backends, which are names of clusters here. */
export const filterSchema: z.ZodType<StaticFilter> = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('RequestHeaderModifier'), requestHeaderModifier: changes }),
    z.strictObject({ type: z.literal('ResponseHeaderModifier'), responseHeaderModifier: changes }),
    z.strictObject({ type: z.literal('RequestRedirect'), requestRedirect: redirect }),
    z.strictObject({ type: z.literal('URLRewrite'), urlRewrite: rewrite }),
    z.strictObject({ type: z.literal('RequestMirror'), requestMirror: mirror }),
    z.strictObject({ type: z.literal('CORS'), cors }),
  ])
  .transform((filter): StaticFilter => {
    switch (filter.type) {
      case 'RequestHeaderModifier':
        return { build: () => ({ kind: 'request-headers', changes: filter.requestHeaderModifier }) }
      case 'ResponseHeaderModifier':
        return { build: () => ({ kind: 'response-headers', changes: filter.responseHeaderModifier }) }
      case 'RequestRedirect':
        return { build: (prefix) => buildRedirect(filter.requestRedirect, prefix) }
      case 'URLRewrite':
        return { build: (prefix) => buildRewrite(filter.urlRewrite, prefix) }
      case 'RequestMirror':
        return buildMirror(filter.requestMirror)
      case 'CORS': {
        const { maxAge, ...same } = filter.cors
        return { build: () => ({ kind: 'cors', cors: { ...same, maxAgeSeconds: maxAge } }) }
      }
    }
  })

function buildRedirect(
  { scheme, hostname, port, statusCode, path: change }: z.output<typeof redirect>,
  prefix: string | undefined,
): HttpFilter | string {
  const changed = toPath(change, prefix)
  if (typeof changed === 'string') return changed
  return {
    kind: 'redirect',
    status: statusCode,
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { host: hostname }),
    ...(port === undefined ? {} : { port }),
    ...changed,
  }
}

function buildRewrite(
  { hostname, path: change }: z.output<typeof rewrite>,
  prefix: string | undefined,
): HttpFilter | string {
  const changed = toPath(change, prefix)
  if (typeof changed === 'string') return changed
  return { kind: 'rewrite', ...(hostname === undefined ? {} : { host: hostname }), ...changed }
}

function buildMirror({ cluster, percent }: z.output<typeof mirror>): StaticFilter {
  const backend = { kind: 'service', service: serviceOf(cluster), port: 0 } as const
  const fraction = { numerator: percent, denominator: 100 }
  return { mirrorsTo: cluster, build: () => ({ kind: 'mirror', backend, fraction }) }
}

function toPath(
  change: z.output<typeof path> | undefined,
  prefix: string | undefined,
): { readonly path?: PathChange } | string {
  if (change === undefined) return {}
  if (change.type === 'ReplaceFullPath') return { path: { kind: 'full', path: change.replaceFullPath } }
  if (prefix === undefined) return 'ReplacePrefixMatch needs exactly one match, and that with a PathPrefix'
  return { path: { kind: 'prefix', prefix, replacement: change.replacePrefixMatch } }
}
