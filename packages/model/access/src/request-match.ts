import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { compilePattern } from '@tulle/patterns'
import type { Matcher } from '@tulle/patterns'
import type { HttpMatch, NamedMatch, PathMatch, ValueMatch } from '@tulle/traffic'
import type { AccessPolicy } from './access-policy.ts'
import { readingsOf } from './header-readings.ts'

/** What policy knows of a request: the same reading that it is routed, logged and forwarded by. */
export interface RequestFacts {
  readonly method: string
  /** Normalised, without the query. */
  readonly path: string
  /** Lower case, without port. */
  readonly host: string
  readonly fields: {
    /** The value of each field line of that (lower case) name, in order. */
    values(name: string): readonly string[]
  }
}

/** Whether a match covers a request; undefined where that can't be said within the steps that a text may cost. */
export type RequestTest = (request: RequestFacts) => boolean | undefined

/**
 * A match as access rules mean it. Of several values of one header a server may read any: to be allowed, *every* one has to
 * match; to be denied, any reading of them is enough (routing takes any too: it admits nobody). An error says what is unsound.
 */
export function compileRequestMatch(match: HttpMatch, action: AccessPolicy['action']): Result<RequestTest> {
  if (match.query.length > 0) return err('access rules do not look at query parameters')
  const tests: RequestTest[] = []
  if (match.methods.length > 0) tests.push(({ method }) => match.methods.includes(method))
  if (match.path !== undefined) {
    const path = compilePath(match.path)
    if (!path.ok) return path
    tests.push(path.value)
  }
  for (const header of match.headers) {
    const test = compileHeader(header, action)
    if (!test.ok) return test
    tests.push(test.value)
  }
  return ok((request) => allHold(tests, request))
}

function allHold(tests: readonly RequestTest[], request: RequestFacts): boolean | undefined {
  let answer: boolean | undefined = true
  for (const test of tests) {
    const holds = test(request)
    if (holds === false) return false
    if (holds === undefined) answer = undefined
  }
  return answer
}

function compilePath(match: PathMatch): Result<RequestTest> {
  if (match.kind === 'exact') return ok(({ path }) => path === match.path)
  if (match.kind === 'prefix') {
    const prefix = match.path.endsWith('/') ? match.path.slice(0, -1) : match.path
    return ok(({ path }) => path === prefix || path.startsWith(`${prefix}/`))
  }
  const matcher = compilePattern(match.pattern)
  if (!matcher.ok) return matcher
  return ok(({ path }) => matcher.value.decide(path))
}

function compileHeader({ name, value }: NamedMatch, action: AccessPolicy['action']): Result<RequestTest> {
  // No header ever has another name, so that a rule to deny would never hold.
  if (name !== ':authority' && !fieldName.test(name))
    return err(`expected the name of a header in lower case, found ${JSON.stringify(name)}`)
  const test = compileValue(value)
  if (!test.ok) return test
  if (name === ':authority' || name === 'host') return ok(({ host }) => test.value(host))
  if (action === 'deny')
    return ok(({ fields }) => anyHolds(readingsOf(name, fields.values(name)), test.value))
  return ok(({ fields }) => everyHolds(fields.values(name), test.value))
}

/** RFC 9110 §5.1, as names are compared. */
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/u

function everyHolds(values: readonly string[], test: Matcher['decide']): boolean | undefined {
  if (values.length === 0) return false
  let answer: boolean | undefined = true
  for (const value of values) {
    const holds = test(value)
    if (holds === false) return false
    if (holds === undefined) answer = undefined
  }
  return answer
}

function anyHolds(values: readonly string[] | undefined, test: Matcher['decide']): boolean | undefined {
  if (values === undefined) return undefined
  let answer: boolean | undefined = false
  for (const value of values) {
    const holds = test(value)
    if (holds === true) return true
    if (holds === undefined) answer = undefined
  }
  return answer
}

function compileValue(match: ValueMatch): Result<Matcher['decide']> {
  if (match.kind === 'exact') return ok((text) => text === match.value)
  const matcher = compilePattern(match.pattern)
  return matcher.ok ? ok((text) => matcher.value.decide(text)) : matcher
}
