import { unlimited } from '@tulle/traffic'
import type {
  Backend,
  ConnectionLimits,
  Fraction,
  HttpFilter,
  HttpRule,
  LocalityPreference,
  OutlierDetection,
  PathChange,
  RateLimit,
  Resilience,
  RetryRule,
  TlsTerms,
} from '@tulle/traffic'

/** `Service bookstore/books-v2 port 8080`. */
export function backendText(backend: Backend): string {
  if (backend.kind === 'invalid') return `none (${backend.reason})`
  const [namespace = '', hostname = ''] = backend.service.split('/')
  const cluster = `.${namespace}.svc.cluster.local`
  const name = hostname.endsWith(cluster) ? hostname.slice(0, -cluster.length) : hostname
  return `Service ${namespace}/${name} port ${backend.port}`
}

/** What a waypoint does before a byte of a request goes to a port. */
export function tlsText({ serverName, roots, subjectAltNames }: TlsTerms): string {
  const names =
    subjectAltNames.length === 0 ? serverName : subjectAltNames.map(({ value }) => value).join(' or ')
  const whose = roots.kind === 'system' ? 'an authority that the machine trusts' : "the policy's authority"
  return `begins TLS as a client of ${serverName}: the certificate has to be for ${names}, and of ${whose}`
}

/** What a filter does, for people. */
export function filterText(filter: HttpFilter): string {
  switch (filter.kind) {
    case 'request-headers':
      return `changes headers of the request: ${changesText(filter.changes)}`
    case 'response-headers':
      return `changes headers of the answer: ${changesText(filter.changes)}`
    case 'redirect':
      return `redirects with ${filter.status}${targetText(filter)}`
    case 'rewrite':
      return `rewrites the request${targetText(filter)}`
    case 'mirror':
      return `copies ${shareText(filter.fraction)} of the requests to ${backendText(filter.backend)}`
    case 'cors':
      return `answers CORS for ${filter.cors.allowOrigins.join(', ') || 'no origin'}`
  }
}

function changesText({ set, add, remove }: (HttpFilter & { kind: 'request-headers' })['changes']): string {
  return [
    ...set.map(({ name, value }) => `set ${name}: ${value}`),
    ...add.map(({ name, value }) => `add ${name}: ${value}`),
    ...remove.map((name) => `remove ${name}`),
  ].join(', ')
}

interface Target {
  readonly scheme?: string
  readonly host?: string
  readonly port?: number
  readonly path?: PathChange
}

function targetText({ scheme, host, port, path }: Target): string {
  const parts = [
    ...(scheme === undefined ? [] : [`scheme ${scheme}`]),
    ...(host === undefined ? [] : [`host ${host}`]),
    ...(port === undefined ? [] : [`port ${port}`]),
    ...(path === undefined ? [] : [pathChangeText(path)]),
  ]
  return parts.length === 0 ? '' : ` to ${parts.join(', ')}`
}

function pathChangeText(change: PathChange): string {
  return change.kind === 'full'
    ? `path ${change.path}`
    : `${change.replacement || '/'} in place of ${change.prefix}`
}

function shareText({ numerator, denominator }: Fraction): string {
  return `${percent(numerator, denominator)} %`
}

/** With at most two decimals. */
export function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 10_000) / 100
}

/** What bounds a request, each in words: what is attached to the rule goes before what is attached to the service. */
export function limitTexts(rule: HttpRule | undefined, service: Resilience | undefined): readonly string[] {
  const said = { ...service, ...rule?.resilience, ...ownOf(rule) }
  const { retry, hedging, session, rateLimit, fault, limits, locality, outliers } = said
  return [
    ...positive(rule?.requestTimeoutMs, (ms) => `the whole request has ${ms} ms, retries included`),
    ...positive(rule?.attemptTimeoutMs, (ms) => `one attempt has ${ms} ms`),
    ...each(retry, retryText),
    ...each(
      hedging,
      ({ delayMs, maxAttempts }) =>
        `another attempt beside the first after ${delayMs} ms without an answer, ${maxAttempts} at most`,
    ),
    ...each(session, ({ kind, name }) => `sessions stay with their endpoint by ${kind} ${name}`),
    ...each(rateLimit, rateText),
    ...each(limits, limitsText),
    ...each(locality, localityText),
    ...each(outliers, outliersText),
    ...each(
      fault?.delay,
      ({ ms, fraction }) => `a delay of ${ms} ms is injected into ${shareText(fraction)}`,
    ),
    ...each(
      fault?.abort,
      ({ status, fraction }) => `${shareText(fraction)} are answered ${status} on purpose`,
    ),
  ]
}

function rateText({ requestsPerSecond, burst, per }: RateLimit): string {
  const whose = per === 'identity' ? 'for each identity' : 'for all callers together'
  return `${round(requestsPerSecond)} requests a second ${whose}, ${burst} at once`
}

function limitsText({ maxConnections, maxRequests, maxPending }: ConnectionLimits): string {
  const parts = [
    [maxConnections, 'connections'],
    [maxRequests, 'requests under way'],
    [maxPending, 'requests that wait for a connection'],
  ] as const
  const said = parts.filter(([max]) => max !== unlimited).map(([max, what]) => `${max} ${what}`)
  return `at most ${said.join(', ')}`
}

function localityText({ prefer, failover }: LocalityPreference): string {
  const first =
    prefer === 'anywhere'
      ? 'endpoints are alike, wherever they are'
      : `endpoints in the waypoint's ${prefer} go first`
  if (failover === 'anywhere') return first
  return `${first}, and none beyond its ${failover} is asked`
}

function outliersText(outliers: OutlierDetection): string {
  const { consecutiveFailures, minSuccessRate, baseEjectionMs, maxEjectedPercent } = outliers
  const causes = [
    ...(consecutiveFailures === 0 ? [] : [`after ${consecutiveFailures} failures in a row`]),
    ...(minSuccessRate === 0 ? [] : [`below ${round(minSuccessRate * 100)} % of good answers`]),
  ]
  return `an endpoint rests ${baseEjectionMs} ms ${causes.join(' or ')}, at most ${maxEjectedPercent} % of them`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function ownOf(rule: HttpRule | undefined): Pick<Resilience, 'retry' | 'session'> {
  const { retry, session } = rule ?? {}
  return { ...(retry === undefined ? {} : { retry }), ...(session === undefined ? {} : { session }) }
}

function each<T>(value: T | undefined, text: (value: T) => string): readonly string[] {
  return value === undefined ? [] : [text(value)]
}

function positive(value: number | undefined, text: (value: number) => string): readonly string[] {
  return value === undefined || value === 0 ? [] : [text(value)]
}

function retryText({ attempts, statusCodes, onConnectionError, onReset }: RetryRule): string {
  const on = [
    ...(onConnectionError ? ['no connection'] : []),
    ...(onReset ? ['a connection that breaks'] : []),
    ...(statusCodes.length === 0 ? [] : [`status ${statusCodes.join(', ')}`]),
  ]
  if (attempts === 0 || on.length === 0) return 'nothing is repeated'
  return `up to ${attempts} ${attempts === 1 ? 'repeat' : 'repeats'} on ${on.join(', ')}`
}
