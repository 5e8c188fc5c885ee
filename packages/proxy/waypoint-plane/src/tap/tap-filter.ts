import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { RequestRecord } from '@tulle/l7'
import { addressText, verdictOf } from './tapped-request.ts'
import type { TappedRequest } from './tapped-request.ts'

/** What somebody wants to see; what is not said holds for everything. */
export interface TapFilter {
  /** Who asks: `NAMESPACE/ACCOUNT`, an account, a SPIFFE id, an address. */
  readonly from?: string
  /** What is called, or who answers: `NAMESPACE/SERVICE`, a service, a host name, `IP:PORT`. */
  readonly to?: string
  readonly method?: string
  /** Path elements from the start. */
  readonly path?: string
  /** `503`, or `5xx` for a hundred of them. */
  readonly status?: string
  readonly verdict?: TappedRequest['verdict']
}

/** Asked of every request while somebody looks: it makes nothing that is not needed. */
export type TapTest = (record: RequestRecord) => boolean

const names = ['from', 'to', 'method', 'path', 'status', 'verdict'] as const
const maxTextLength = 2048
const statusPattern = /^[0-9]{3}$|^[0-9]xx$/u
const verdicts: readonly string[] = ['allowed', 'refused', 'unread', 'failed']

/** Reads a filter out of a query; an error says what can't be asked for. */
export function readTapFilter(query: URLSearchParams): Result<TapFilter> {
  const filter: Partial<Record<(typeof names)[number], string>> = {}
  for (const name of names) {
    const value = query.get(name)
    if (value === null) continue
    if (value === '' || value.length > maxTextLength)
      return err(`${name}: expected 1–${maxTextLength} characters`)
    filter[name] = value
  }
  const { status, verdict } = filter
  if (status !== undefined && !statusPattern.test(status))
    return err(`status: expected a status such as 503, or 5xx, found ${JSON.stringify(status)}`)
  if (verdict !== undefined && !verdicts.includes(verdict))
    return err(`verdict: expected one of ${verdicts.join(', ')}, found ${JSON.stringify(verdict)}`)
  // The verdict is one of them.
  return ok(filter as TapFilter)
}

export function tapTest(filter: TapFilter): TapTest {
  const { from, to, method, path, status, verdict } = filter
  const tests: TapTest[] = []
  if (method !== undefined) tests.push(({ request }) => request.method === method.toUpperCase())
  if (status !== undefined) tests.push((record) => hasStatus(record.status, status))
  if (verdict !== undefined) tests.push((record) => verdictOf(record) === verdict)
  if (path !== undefined) tests.push(({ request }) => isUnder(request.path, path))
  if (from !== undefined) tests.push(fromTest(from))
  if (to !== undefined) tests.push((record) => isTo(record, to))
  return (record) => tests.every((test) => test(record))
}

function fromTest(wanted: string): TapTest {
  const slash = wanted.indexOf('/')
  const end = slash < 0 ? `/sa/${wanted}` : `/ns/${wanted.slice(0, slash)}/sa/${wanted.slice(slash + 1)}`
  return ({ request: { downstream } }) => {
    const { principal = '', facts, sourcePort } = downstream
    return (
      principal === wanted ||
      principal.endsWith(end) ||
      facts.sourceIp === wanted ||
      addressText(facts.sourceIp, sourcePort) === wanted
    )
  }
}

function isTo({ request: { downstream, backend }, endpoint }: RequestRecord, wanted: string): boolean {
  const target = backend?.backend
  return (
    endpoint === wanted ||
    isService(downstream.service, wanted) ||
    (target?.kind === 'service' && isService(target.service, wanted))
  )
}

function isService(service: string, wanted: string): boolean {
  const slash = service.indexOf('/')
  const hostname = service.slice(slash + 1)
  const [name = ''] = hostname.split('.')
  const namespace = service.slice(0, Math.max(0, slash))
  return [service, hostname, name, `${namespace}/${name}`, `${name}.${namespace}`].includes(wanted)
}

function isUnder(path: string, prefix: string): boolean {
  const whole = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
  return path === whole || path.startsWith(`${whole}/`)
}

function hasStatus(status: number, wanted: string): boolean {
  const text = String(status).padStart(3, '0')
  return wanted.endsWith('xx') ? text[0] === wanted[0] : text === wanted
}
