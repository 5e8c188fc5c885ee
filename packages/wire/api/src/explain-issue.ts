import type { z } from 'zod'
import { unreachable } from '@tulle/core'
import { fieldPath } from './field-path.ts'
import type { FieldPath } from './field-path.ts'
import type { Misplaced } from './kind-version.ts'
import { nearest } from './nearest.ts'
import type { ApiCode } from './problem.ts'
import { quote } from './shapes.ts'

type RawIssue = z.core.$ZodRawIssue

/** More names than these help nobody. */
const maxChoices = 10

/** One fault of a document, in words. */
export interface Explained {
  readonly code: ApiCode
  readonly path: FieldPath
  readonly message: string
}

/** One line for each unknown key of an issue: only the schema at that place knows which keys there are. */
export function issueMessage(issue: RawIssue, misplaced: Misplaced): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `missing; expected ${phrase(issue.expected)}`
        : `found ${describe(issue.input)}; expected ${phrase(issue.expected)}${quoteHint(issue.expected, issue.input)}`
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(issue, key, misplaced)).join('\n')
    case 'invalid_value':
      return wrongChoice(issue.input, issue.values)
    case 'too_small':
      return bound(issue, 'at least', issue.minimum)
    case 'too_big':
      return bound(issue, 'at most', issue.maximum)
    case 'custom':
      return issue.message ?? 'not valid'
    case 'invalid_format':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
    case 'not_multiple_of':
      return `found ${describe(issue.input)}; expected another value`
    default:
      return unreachable(issue)
  }
}

/** Without those that follow from another: a field is not missing where its name is misspelt. */
export function explainIssues(issues: readonly z.core.$ZodIssue[]): readonly Explained[] {
  const all = issues.flatMap(explainIssue)
  const meant = new Set(
    all.map(({ code, path, message }) => {
      const guess = code === 'API_UNKNOWN_FIELD' ? /did you mean "([^"]+)"/u.exec(message)?.[1] : undefined
      return guess === undefined ? undefined : fieldPath([...path.slice(0, -1), guess])
    }),
  )
  return all.filter(({ code, path }) => code !== 'API_MISSING_FIELD' || !meant.has(fieldPath(path)))
}

/** The problems that one issue makes: one, or one for each unknown key. */
function explainIssue(issue: z.core.$ZodIssue): readonly Explained[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol')
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n')
    return issue.keys.map((key, i) => ({
      code: 'API_UNKNOWN_FIELD',
      path: [...path, key],
      message: messages[i] ?? '',
    }))
  }
  return [{ code: codeOf(issue), path, message: issue.message }]
}

function codeOf(issue: z.core.$ZodIssue): ApiCode {
  if (issue.code === 'invalid_type') {
    return issue.message.startsWith('missing') ? 'API_MISSING_FIELD' : 'API_WRONG_TYPE'
  }
  // `checked` puts its code there.
  const code = issue.code === 'custom' ? (issue.params?.['code'] as ApiCode | undefined) : undefined
  return code ?? 'API_BAD_VALUE'
}

function unknownKey(issue: RawIssue, key: string, misplaced: Misplaced): string {
  const above = (issue.path ?? []).filter((step) => typeof step === 'string')
  const hint = misplaced[[...above, key].join('.')]
  if (hint !== undefined) return `unknown field; ${hint}`
  const known = knownKeys(issue)
  // What is written already can't be what another key should have been, unless by a second attempt at it.
  const guess =
    nearest(
      key,
      known.filter((one) => !isWritten(issue.input, one)),
    ) ?? nearest(key, known)
  if (guess === undefined) return `unknown field; expected ${firstOf(known)}`
  if (isWritten(issue.input, guess)) return `unknown field; ${quote(guess)} is there already`
  return `unknown field; did you mean ${quote(guess)}?`
}

function knownKeys({ inst }: RawIssue): readonly string[] {
  const shape: unknown = inst !== undefined && 'shape' in inst._zod.def ? inst._zod.def.shape : undefined
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : []
}

function isWritten(input: unknown, key: string): boolean {
  return typeof input === 'object' && input !== null && Object.hasOwn(input, key)
}

function wrongChoice(input: unknown, values: readonly unknown[]): string {
  const names = values.map(String)
  if (input === undefined) return `missing; expected ${choices(names)}`
  const guess = typeof input === 'string' ? nearest(input, names) : undefined
  const hint = guess === undefined ? '' : `; did you mean ${quote(guess)}?`
  return `found ${describe(input)}; expected ${choices(names)}${hint}`
}

function firstOf(names: readonly string[]): string {
  return names.length <= maxChoices ? choices(names) : `such as ${names.slice(0, 5).join(', ')}`
}

function choices(names: readonly string[]): string {
  if (names.length <= 1) return names[0] ?? 'nothing'
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

type Bound = Extract<RawIssue, { code: 'too_small' | 'too_big' }>

function bound(issue: Bound, words: string, limit: number | bigint): string {
  if (issue.origin === 'array') {
    const length = Array.isArray(issue.input) ? issue.input.length : 0
    const found = length === 0 ? 'an empty list' : `${length} entries`
    return `found ${found}; expected ${words} ${limit === 1 ? 'one entry' : limit}`
  }
  return `found ${describe(issue.input)}; expected ${words} ${limit}`
}

function phrase(expected: string): string {
  switch (expected) {
    case 'string':
      return 'a text'
    case 'number':
      return 'a number'
    case 'int':
      return 'a whole number'
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
    case 'record':
      return 'a map of fields'
    default:
      return expected
  }
}

/** YAML reads 8080 and true as no text; quotes make them one. */
function quoteHint(expected: string, input: unknown): string {
  const isScalar = typeof input === 'number' || typeof input === 'boolean'
  if (expected === 'string' && isScalar) return `: write "${input}", with the quotes`
  const isNumeric = typeof input === 'string' && /^\d+$/u.test(input)
  return (expected === 'number' || expected === 'int') && isNumeric ? ': leave the quotes out' : ''
}

/** What was found, in a user's words. */
export function describe(input: unknown): string {
  if (input === null || input === undefined) return 'no value'
  if (typeof input === 'string') return `the text ${quote(input)}`
  if (typeof input === 'number') return `the number ${input}`
  if (typeof input === 'boolean') return String(input)
  return Array.isArray(input) ? 'a list' : 'a map of fields'
}
