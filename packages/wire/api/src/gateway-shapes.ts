import { patternFault } from '@tulle/patterns'
import { z } from 'zod'
import { defined } from '@tulle/core'
import { parseDurationMs } from './duration.ts'
import type {
  BackendRefSpec,
  NamedMatchSpec,
  ObjectRefSpec,
  ParentRefSpec,
  SessionPersistenceSpec,
} from './gateway-kinds.ts'
import { checked, closed, dnsLabel, dnsName, portNumber, quote, subdomainFault, textOf } from './shapes.ts'
import type { Fault } from './shapes.ts'

/** A text of a form that the Gateway API asks for, in words. */
interface TextForm {
  readonly what: string
  readonly pattern: RegExp
  readonly expected: string
  readonly maxLength?: number
}

export function formedText({ what, pattern, expected, maxLength = 253 }: TextForm): z.ZodType<string> {
  return checked(textOf(what), function* (value) {
    if (value.length <= maxLength && pattern.test(value)) return
    yield { code: 'API_BAD_VALUE', message: `found ${quote(value)}; expected ${expected}` }
  })
}

export const groupName: z.ZodType<string> = checked(textOf('a group'), function* (value) {
  const message = value === '' ? undefined : subdomainFault(value)
  if (message !== undefined) yield { code: 'API_BAD_VALUE', message }
})

export const kindName: z.ZodType<string> = formedText({
  what: 'a kind',
  pattern: /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/u,
  expected: 'a kind such as Service',
  maxLength: 63,
})

/** @see RFC 9110 §5.6.2, token */
export const headerName: z.ZodType<string> = formedText({
  what: 'the name of a header',
  pattern: /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/u,
  expected: 'the name of a header: letters, digits and "-"',
  maxLength: 256,
})

/** Begins and ends with something visible, and holds no control characters. @see RFC 9110 §5.5 */
export const headerValue: z.ZodType<string> = formedText({
  what: 'a value',
  pattern: /^[!-~]+([\t ]?[!-~]+)*$/u,
  expected: 'visible ASCII characters, with single blanks between them',
  maxLength: 4096,
})

export const wildcardHostname: z.ZodType<string> = checked(textOf('a hostname'), function* (value) {
  const name = value.startsWith('*.') ? value.slice(2) : value
  if (/^[0-9.]+$/u.test(name)) {
    yield { code: 'API_BAD_VALUE', message: `found ${quote(value)}; expected a hostname, not an address` }
    return
  }
  const message = subdomainFault(name)
  if (message !== undefined)
    yield { code: 'API_BAD_VALUE', message: `${message}; a "*." may stand before it` }
})

/** Milliseconds in the hub. @see GEP-2257 */
export const durationMs: z.ZodType<number> = checked(textOf('a duration such as "500ms"'), function* (value) {
  if (parseDurationMs(value) !== undefined) return
  yield {
    code: 'API_BAD_VALUE',
    message: `found ${quote(value)}; expected a duration: up to four of whole numbers with h, m, s or ms, such as "1m30s"`,
  }
}).transform((value) => parseDurationMs(value) ?? 0)

/** A list of at most so many, as the Gateway API bounds each of its lists. */
export function upTo<S extends z.ZodType>(item: S, maxEntries: number): z.ZodArray<S> {
  return z.array(item).max(maxEntries)
}

/** Texts of which each stands there once. */
export function textSet<S extends z.ZodType>(item: S, maxEntries: number): z.ZodArray<S> {
  return checked(upTo(item, maxEntries), function* (values) {
    for (const [i, value] of values.entries()) {
      const first = values.indexOf(value)
      if (first === i) continue
      const message = `found ${JSON.stringify(value)}, which entry [${first}] has already; expected each once`
      yield { code: 'API_DUPLICATE_NAME', message, path: [i] }
    }
  })
}

/** What a policy is attached to, in its own namespace. */
export const policyTarget: z.ZodObject<
  { group: z.ZodType<string>; kind: z.ZodType<string>; name: z.ZodType<string> },
  z.core.$strict
> = closed({ group: groupName, kind: kindName, name: dnsName })

export function* repeatedTargets(
  refs: readonly Readonly<Record<string, string | undefined>>[],
): Generator<Fault> {
  const names = refs.map(({ group, kind, name, sectionName }) => [group, kind, name, sectionName].join('/'))
  for (const [i, name] of names.entries()) {
    const first = names.indexOf(name)
    if (first === i) continue
    const message = `entry [${first}] names the same already; expected each once`
    yield { code: 'API_DUPLICATE_NAME', message, path: [i] }
  }
}

const parentRef = closed({
  group: groupName.default('gateway.networking.k8s.io'),
  kind: kindName.default('Gateway'),
  namespace: dnsLabel.optional(),
  name: dnsName,
  sectionName: dnsName.optional(),
  port: portNumber.optional(),
})
export interface RawParentRef {
  readonly group: string
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name: string
  readonly sectionName?: string | undefined
  readonly port?: number | undefined
}

/** Several references to one parent have to differ in what of it they mean. */
export const parentRefs: z.ZodType<readonly RawParentRef[]> = checked(upTo(parentRef, 32), function* (refs) {
  for (const [i, ref] of refs.entries()) {
    const before = refs.findIndex((other, j) => j < i && isSameParent(other, ref))
    if (before < 0) continue
    const other = refs[before]
    if (other === undefined) continue
    const sameParts =
      (other.port === undefined) === (ref.port === undefined) &&
      (other.sectionName === undefined) === (ref.sectionName === undefined)
    const hasPart = ref.port !== undefined || ref.sectionName !== undefined
    if (!sameParts || !hasPart) {
      const message = `the same parent as entry [${before}]; expected "port", or "sectionName", in both of them`
      yield { code: 'API_BAD_VALUE', message, path: [i] }
    } else if (refs.some((one, j) => j < i && isSamePart(one, ref))) {
      const message = 'the same part of the same parent stands there already; expected each once'
      yield { code: 'API_DUPLICATE_NAME', message, path: [i] }
    }
  }
})

function isSameParent(a: RawParentRef, b: RawParentRef): boolean {
  return a.group === b.group && a.kind === b.kind && a.namespace === b.namespace && a.name === b.name
}

function isSamePart(a: RawParentRef, b: RawParentRef): boolean {
  return isSameParent(a, b) && a.port === b.port && a.sectionName === b.sectionName
}

export function parentRefSpec(raw: RawParentRef, namespace: string): ParentRefSpec {
  return defined({ ...raw, namespace: raw.namespace ?? namespace })
}

const objectRefFields = {
  group: groupName.default(''),
  kind: kindName.default('Service'),
  namespace: dnsLabel.optional(),
  name: dnsName,
  port: portNumber.optional(),
}
export interface RawObjectRef {
  readonly group: string
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name: string
  readonly port?: number | undefined
}

const backendRefFields = { ...objectRefFields, weight: z.int().min(0).max(1_000_000).default(1) }
export interface RawBackendRef extends RawObjectRef {
  readonly weight: number
}

export const objectRef: z.ZodType<RawObjectRef> = checked(closed(objectRefFields), portFaults)
export const backendRef: z.ZodType<RawBackendRef> = checked(closed(backendRefFields), portFaults)

/** A backend with filters of its own. */
export function filteredBackendRef<F>(
  filters: z.ZodType<readonly F[]>,
): z.ZodType<RawBackendRef & { readonly filters: readonly F[] }> {
  return checked(closed({ ...backendRefFields, filters: filters.default([]) }), portFaults)
}

function* portFaults({ group, kind, port }: Pick<RawObjectRef, 'group' | 'kind' | 'port'>): Generator<Fault> {
  if (group !== '' || kind !== 'Service' || port !== undefined) return
  yield { code: 'API_MISSING_FIELD', message: 'missing; expected a port of the Service', path: ['port'] }
}

export function objectRefSpec(raw: RawObjectRef, namespace: string): ObjectRefSpec {
  const { group, kind, name, port } = raw
  return defined({ group, kind, namespace: raw.namespace ?? namespace, name, port })
}

export function backendRefSpec(raw: RawBackendRef, namespace: string): BackendRefSpec {
  return { ...objectRefSpec(raw, namespace), weight: raw.weight }
}

/** Exact by default; a regular expression is checked as such. */
export function namedMatch(name: z.ZodType<string>, value: z.ZodType<string>): z.ZodType<NamedMatchSpec> {
  return checked(
    closed({ name, value, type: z.enum(['Exact', 'RegularExpression']).default('Exact') }),
    function* (match) {
      if (match.type === 'RegularExpression') yield* regexFaults(match.value, ['value'])
    },
  )
}

export function* regexFaults(pattern: string, path: readonly string[] = []): Generator<Fault> {
  const message = patternFault(pattern)
  if (message !== undefined) yield { code: 'API_BAD_REGEX', message, path }
}

const rawSession = checked(
  closed({
    sessionName: headerName.optional(),
    absoluteTimeout: durationMs.optional(),
    type: z.enum(['Cookie', 'Header']).default('Cookie'),
    cookieConfig: closed({ lifetimeType: z.enum(['Permanent', 'Session']).default('Session') }).optional(),
  }),
  function* ({ sessionName = '', absoluteTimeout, type, cookieConfig }) {
    if (sessionName.length > 128) {
      const message = `found ${sessionName.length} characters; expected at most 128`
      yield { code: 'API_BAD_VALUE', message, path: ['sessionName'] }
    }
    if (cookieConfig !== undefined && type !== 'Cookie') {
      const message = 'it is for sessions of type Cookie; leave it out'
      yield { code: 'API_BAD_VALUE', message, path: ['cookieConfig'] }
    }
    if (cookieConfig?.lifetimeType === 'Permanent' && absoluteTimeout === undefined) {
      const message = 'missing; a cookie with the lifetimeType Permanent needs a time at which it ends'
      yield { code: 'API_MISSING_FIELD', message, path: ['absoluteTimeout'] }
    }
  },
)

export const sessionPersistence: z.ZodType<SessionPersistenceSpec> = rawSession.transform((raw) => ({
  type: raw.type,
  absoluteTimeoutMs: raw.absoluteTimeout ?? 0,
  permanent: raw.cookieConfig?.lifetimeType === 'Permanent',
  ...(raw.sessionName === undefined ? {} : { sessionName: raw.sessionName }),
}))

/** A rule's name stands once in a route. */
export function* repeatedRuleNames(
  rules: readonly { readonly name?: string | undefined }[],
): Generator<Fault> {
  for (const [i, { name }] of rules.entries()) {
    const first = rules.findIndex((rule) => rule.name === name)
    if (name === undefined || first === i) continue
    const message = `found ${quote(name)}, which entry [${first}] has already; expected each once`
    yield { code: 'API_DUPLICATE_NAME', message, path: [i, 'name'] }
  }
}

/** @see HTTPRoute and GRPCRoute of the Gateway API: 64 a rule, and 128 of all rules together */
export function* tooManyMatches(
  rules: readonly { readonly matches: readonly unknown[] }[],
): Generator<Fault> {
  const count = rules.reduce((sum, { matches }) => sum + matches.length, 0)
  if (count <= 128) return
  const message = `found ${count} matches in all rules together; expected at most 128`
  yield { code: 'API_TOO_LARGE', message }
}
