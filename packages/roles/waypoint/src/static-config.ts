import { err, errorText, must, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { AccessPolicy } from '@tulle/access'
import type { ClusterPlan, HttpPlan, ListenerPlan } from '@tulle/l7'
import { parseIpAddress } from '@tulle/mesh'
import type { HttpEntry, HttpFilter, HttpMatch, HttpRule, WeightedBackend } from '@tulle/traffic'
import { isNode, LineCounter, parseDocument } from 'yaml'
import type { Document } from 'yaml'
import { z } from 'zod'
import { duration } from './static-duration.ts'
import { filterSchema } from './static-filter.ts'
import type { StaticFilter } from './static-filter.ts'
import { matchesSchema } from './static-match.ts'
import { serviceOf, staticNamespace } from './static-names.ts'
import { clusterResilience, resilienceOf, ruleResilience } from './static-resilience.ts'
import { tracingSchema } from './static-tracing.ts'

const name = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/u, 'expected a name in lower case')
const port = z.int().min(1).max(65_535)

const ip = z.string().transform((text, context): string => {
  const parsed = parseIpAddress(text)
  if (!parsed.ok) context.addIssue(parsed.error)
  return parsed.ok ? parsed.value : '0.0.0.0'
})

const backend = z.strictObject({
  cluster: name,
  weight: z.int().min(0).max(1_000_000).default(1),
  filters: z.array(filterSchema).default([]),
})

const rule = z.strictObject({
  name: name.optional(),
  matches: matchesSchema,
  filters: z.array(filterSchema).default([]),
  backends: z.array(backend).default([]),
  timeouts: z.strictObject({ request: duration.default(0), backendRequest: duration.default(0) }).optional(),
  retry: z
    .strictObject({
      codes: z.array(z.int().min(400).max(599)).default([]),
      attempts: z.int().min(0).max(10).default(1),
      backoff: duration.default(25),
    })
    .optional(),
  ...ruleResilience,
})

const access = z.strictObject({
  name,
  action: z.enum(['allow', 'deny']),
  audit: z.boolean().default(false),
  requests: matchesSchema,
})

const listener = z
  .strictObject({
    name,
    address: ip.default('0.0.0.0'),
    port,
    protocol: z.enum(['http', 'http2', 'https']).default('http'),
    certificate: z.string().optional(),
    key: z.string().optional(),
    access: z.array(access).default([]),
    rules: z.array(rule).min(1, 'expected at least one rule'),
  })
  .superRefine(({ protocol, certificate, key }, context) => {
    const needs = protocol === 'https'
    for (const [field, value] of [
      ['certificate', certificate],
      ['key', key],
    ] as const)
      if ((value !== undefined) !== needs)
        context.addIssue({
          code: 'custom',
          path: [field],
          message: needs ? `https needs the path of a PEM file as ${field}` : `${protocol} has no ${field}`,
        })
  })

const endpoint = z.strictObject({ address: ip, port, weight: z.int().min(0).max(1_000_000).default(1) })

const cluster = z.strictObject({
  name,
  protocol: z.enum(['http1', 'http2']).default('http1'),
  endpoints: z.array(endpoint).default([]),
  ...clusterResilience,
})

const fileSchema = z.strictObject({
  listeners: z.array(listener).min(1, 'expected at least one listener'),
  clusters: z.array(cluster).default([]),
  tracing: tracingSchema.optional(),
})

type StaticFile = z.output<typeof fileSchema>
type StaticListener = StaticFile['listeners'][number]
type StaticRule = StaticListener['rules'][number]

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** What the file says, as the data path takes it; certificates are still names of files. Each problem says where it is. */
export function parseStaticConfig(text: string, file: string): Result<HttpPlan, readonly string[]> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  if (document.errors.length > 0)
    return err(document.errors.map((error) => `${at(error.pos[0])}: ${error.message.split('\n')[0] ?? ''}`))
  const plain = toPlain(document)
  if (!plain.ok) return err([`${at(0)}: ${plain.error}`])
  const parsed = fileSchema.safeParse(plain.value)
  const issues: Issue[] = parsed.success ? [] : [...parsed.error.issues]
  const plan = parsed.success ? buildPlan(parsed.data, issues) : undefined
  if (plan !== undefined && issues.length === 0) return ok(plan)
  return err(
    issues.map(({ path, message }) => `${at(offsetOf(document, path))}: ${path.join('.')}: ${message}`),
  )
}

/** Aliases that multiply are an attack on whoever reads the file: the library gives up, and throws. */
function toPlain(document: Document): Result<unknown> {
  try {
    return ok(document.toJS({ maxAliasCount: 100 }) ?? {})
  } catch (error) {
    return err(errorText(error))
  }
}

/** Where the value at a path begins, or its nearest parent where the path leads nowhere. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

function buildPlan(file: StaticFile, issues: Issue[]): HttpPlan {
  const clusters = new Set(file.clusters.map((one) => one.name))
  duplicates(file.clusters, 'clusters', issues)
  duplicates(file.listeners, 'listeners', issues)
  const listeners = file.listeners.map((one, i) =>
    buildListener(one, new Place(['listeners', i], clusters, issues)),
  )
  return {
    listeners,
    clusters: file.clusters.map(buildCluster),
    ...(file.tracing === undefined ? {} : { tracing: file.tracing }),
  }
}

/** Where something stands in the file, with what it may refer to. */
class Place {
  readonly path: readonly PropertyKey[]
  readonly #clusters: ReadonlySet<string>
  readonly #issues: Issue[]

  constructor(path: readonly PropertyKey[], clusters: ReadonlySet<string>, issues: Issue[]) {
    this.path = path
    this.#clusters = clusters
    this.#issues = issues
  }

  below(...more: readonly PropertyKey[]): Place {
    return new Place([...this.path, ...more], this.#clusters, this.#issues)
  }

  say(message: string): void {
    this.#issues.push({ path: this.path, message })
  }

  expectCluster(wanted: string): void {
    if (this.#clusters.has(wanted)) return
    const known = [...this.#clusters].join(', ')
    this.say(`expected a cluster of this file (${known === '' ? 'it has none' : known}), found ${wanted}`)
  }
}

function duplicates(named: readonly { readonly name: string }[], list: string, issues: Issue[]): void {
  const seen = new Set<string>()
  for (const [i, one] of named.entries()) {
    if (seen.has(one.name)) issues.push({ path: [list, i, 'name'], message: `${one.name} is there already` })
    seen.add(one.name)
  }
}

function buildListener(listener_: StaticListener, place: Place): ListenerPlan {
  const { address, certificate, key } = listener_
  const service = serviceOf(listener_.name)
  const entries = listener_.rules.flatMap((one, i): readonly HttpEntry[] => {
    const built = buildRule(listener_.name, i, one, place.below('rules', i))
    return one.matches.map((match) => ({ match, rule: built }))
  })
  return {
    name: listener_.name,
    ip: address,
    port: listener_.port,
    protocol: listener_.protocol,
    certificate: certificate === undefined || key === undefined ? undefined : { chain: certificate, key },
    traffic: {
      service,
      ports: [
        {
          port: listener_.port,
          protocol: listener_.protocol === 'http2' ? 'http2' : 'http',
          producer: { kind: 'http', entries },
          consumers: new Map(),
        },
      ],
    },
    access: listener_.access.map(buildAccess),
  }
}

function buildAccess({
  name: name_,
  action,
  audit,
  requests,
}: StaticListener['access'][number]): AccessPolicy {
  return {
    name: name_,
    namespace: staticNamespace,
    scope: 'namespace',
    action,
    dryRun: audit,
    rules: [{ connection: { clauses: [] }, requests }],
  }
}

function buildRule(listenerName: string, index: number, rule_: StaticRule, place: Place): HttpRule {
  const prefix = onlyPrefix(rule_.matches)
  const filters = buildFilters(rule_.filters, prefix, place.below('filters'))
  const redirects = filters.some(({ kind }) => kind === 'redirect')
  if (redirects && rule_.backends.length > 0) place.say('a redirect has no backends')
  if (!redirects && rule_.backends.length === 0)
    place.below('backends').say('expected a backend, or a redirect')
  const { retry, timeouts } = rule_
  return {
    origin: {
      kind: 'static',
      namespace: staticNamespace,
      name: listenerName,
      rule: index,
      ...(rule_.name === undefined ? {} : { ruleName: rule_.name }),
    },
    filters,
    backends: rule_.backends.map((one, i): WeightedBackend => {
      place.below('backends', i, 'cluster').expectCluster(one.cluster)
      return {
        backend: { kind: 'service', service: serviceOf(one.cluster), port: 0 },
        weight: one.weight,
        filters: buildFilters(one.filters, prefix, place.below('backends', i, 'filters')),
      }
    }),
    noBackendStatus: 503,
    requestTimeoutMs: timeouts?.request ?? 0,
    attemptTimeoutMs: timeouts?.backendRequest ?? 0,
    ...(retry === undefined
      ? {}
      : {
          retry: {
            attempts: retry.attempts,
            backoffMs: retry.backoff,
            statusCodes: retry.codes,
            onConnectionError: true,
            onReset: true,
          },
        }),
    ...resilienceOf(rule_),
  }
}

function buildFilters(
  filters: readonly StaticFilter[],
  prefix: string | undefined,
  place: Place,
): readonly HttpFilter[] {
  return filters.flatMap((filter, i) => {
    const built = filter.build(prefix)
    if (typeof built === 'string') place.below(i).say(built)
    if (filter.mirrorsTo !== undefined)
      place.below(i, 'requestMirror', 'cluster').expectCluster(filter.mirrorsTo)
    return typeof built === 'string' ? [] : [built]
  })
}

function onlyPrefix(matches: readonly HttpMatch[]): string | undefined {
  const path = matches.length === 1 ? matches[0]?.path : undefined
  return path?.kind === 'prefix' ? path.path : undefined
}

function buildCluster(cluster_: StaticFile['clusters'][number]): ClusterPlan {
  const { name: name_, protocol, endpoints } = cluster_
  return {
    ...resilienceOf(cluster_),
    service: serviceOf(name_),
    port: 0,
    endpoints: endpoints.map(({ address, port: port_, weight }) => ({
      key: address.includes(':') ? `[${address}]:${port_}` : `${address}:${port_}`,
      ip: must(parseIpAddress(address)),
      port: port_,
      weight,
      ready: true,
      protocol,
    })),
  }
}
