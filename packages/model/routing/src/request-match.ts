import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { compilePattern } from '@tulle/patterns'
import type { HttpMatch, NamedMatch, Pattern, ValueMatch } from '@tulle/traffic'
import { firstQueryValue } from './query.ts'
import type { RoutedRequest } from './routed-request.ts'

/** A pure question about a request. */
export type RequestTest = (request: RoutedRequest) => boolean

/** All of a match but its path; undefined where nothing is left to ask. */
export function compileConditions(match: HttpMatch): Result<RequestTest | undefined, string> {
  const tests: RequestTest[] = []
  if (match.methods.length > 0) tests.push(methodTest(match.methods))
  for (const [named, compile] of [
    ...match.headers.map((header) => [header, headerTest] as const),
    ...match.query.map((parameter) => [parameter, queryTest] as const),
  ]) {
    const test = compileNamed(named, compile)
    if (!test.ok) return test
    tests.push(test.value)
  }
  const [first, ...more] = tests
  if (first === undefined || more.length === 0) return ok(first)
  return ok((request) => tests.every((test) => test(request)))
}

type TextTest = (text: string) => boolean

function compileNamed(
  { name, value }: NamedMatch,
  compile: (name: string, test: TextTest) => RequestTest,
): Result<RequestTest, string> {
  const test = compileValue(value)
  return test.ok ? ok(compile(name, test.value)) : err(`${name}: ${test.error}`)
}

function compileValue(match: ValueMatch): Result<TextTest, string> {
  if (match.kind === 'exact') return ok((text) => text === match.value)
  return compileText(match.pattern)
}

/** A user's pattern as a question; it takes time in proportion to the text. */
export function compileText(pattern: Pattern): Result<TextTest, string> {
  const matcher = compilePattern(pattern)
  if (!matcher.ok) return err(`pattern ${JSON.stringify(pattern.source)}: ${String(matcher.error)}`)
  const compiled = matcher.value
  return ok((text) => compiled.test(text))
}

function methodTest(methods: readonly string[]): RequestTest {
  const [only] = methods
  if (methods.length === 1) return (request) => request.method === only
  const wanted = new Set(methods)
  return (request) => wanted.has(request.method)
}

/** Of several values of one name, any: this routes and admits nobody. */
function headerTest(name: string, test: TextTest): RequestTest {
  if (name === ':authority' || name === 'host') return (request) => test(request.host)
  if (name === ':method') return (request) => test(request.method)
  if (name === ':path') return (request) => test(request.path)
  return ({ fields }) => {
    const joined = fields.get(name)
    if (joined === undefined) return false
    return test(joined) || fields.values(name).some(test)
  }
}

/** @see https://gateway-api.sigs.k8s.io/reference/spec/#httpqueryparammatch: of several, the first. */
function queryTest(name: string, test: TextTest): RequestTest {
  return ({ query }) => {
    const value = firstQueryValue(query, name)
    return value !== undefined && test(value)
  }
}
