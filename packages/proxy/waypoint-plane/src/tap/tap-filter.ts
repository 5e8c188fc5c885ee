import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
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

export type TapTest = (request: TappedRequest) => boolean

const names = ['from', 'to', 'method', 'path', 'status', 'verdict'] as const
const maxTextLength = 2048
const statusPattern = /^[0-9]{3}$|^[0-9]xx$/u
const verdicts: readonly string[] = ['allowed', 'refused', 'unread', 'failed']

/** Reads a filter out of a query; an error says what can't be asked for. */
export function readTapFilter(query: URLSearchParams): Result<TapTest> {
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
  return ok(tapTest(filter))
}

function tapTest({
  from,
  to,
  method,
  path,
  status,
  verdict,
}: Partial<Record<keyof TapFilter, string>>): TapTest {
  const tests: TapTest[] = []
  if (from !== undefined) tests.push((request) => isFrom(request, from))
  if (to !== undefined) tests.push((request) => isTo(request, to))
  if (method !== undefined) tests.push((request) => request.method === method.toUpperCase())
  if (path !== undefined) tests.push((request) => isUnder(request.path, path))
  if (status !== undefined) tests.push((request) => hasStatus(request.status, status))
  if (verdict !== undefined) tests.push((request) => request.verdict === verdict)
  return (request) => tests.every((test) => test(request))
}

function isFrom({ identity = '', address }: TappedRequest, wanted: string): boolean {
  const [, , , , namespace = '', , account = ''] = identity.split('/')
  return (
    identity === wanted ||
    (account !== '' && (account === wanted || `${namespace}/${account}` === wanted)) ||
    address === wanted ||
    address.slice(0, address.lastIndexOf(':')) === wanted
  )
}

function isTo({ service, endpoint }: TappedRequest, wanted: string): boolean {
  const slash = service.indexOf('/')
  const hostname = service.slice(slash + 1)
  const [name = ''] = hostname.split('.')
  const namespace = service.slice(0, Math.max(0, slash))
  return [service, hostname, name, `${namespace}/${name}`, `${name}.${namespace}`, endpoint].includes(wanted)
}

function isUnder(path: string, prefix: string): boolean {
  const whole = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
  return path === whole || path.startsWith(`${whole}/`)
}

function hasStatus(status: number, wanted: string): boolean {
  const text = String(status).padStart(3, '0')
  return wanted.endsWith('xx') ? text[0] === wanted[0] : text === wanted
}
