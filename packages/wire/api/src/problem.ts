import { compareText } from '@tulle/core'
import type { Origin, Problem } from './kinds.ts'

/** Every code that a problem of a manifest may have. */
export type ApiCode =
  | 'API_SYNTAX'
  | 'API_TOO_LARGE'
  | 'API_TOO_DEEP'
  | 'API_DUPLICATE_KEY'
  | 'API_NOT_AN_OBJECT'
  | 'API_UNKNOWN_GROUP'
  | 'API_UNKNOWN_KIND'
  | 'API_UNSUPPORTED_KIND'
  | 'API_UNSUPPORTED_VERSION'
  | 'API_IGNORED_KIND'
  | 'API_IGNORED_FIELD'
  | 'API_MISSING_FIELD'
  | 'API_UNKNOWN_FIELD'
  | 'API_WRONG_TYPE'
  | 'API_BAD_VALUE'
  | 'API_BAD_REGEX'
  | 'API_DUPLICATE_NAME'
  | 'API_DUPLICATE_OBJECT'
  | 'API_MORE_PROBLEMS'

/** `books.yaml:12:7`. */
export function placeText(origin: Origin): string {
  return `${origin.file}:${origin.line}:${origin.column}`
}

/** One line, as a compiler would say it. */
export function problemText(problem: Problem): string {
  const object = problem.object === '' ? '' : ` (${problem.object})`
  const path = problem.path === '' ? '' : ` ${problem.path}:`
  return `${placeText(problem.origin)}: ${problem.severity} [${problem.code}]${object}${path} ${problem.message}`
}

/** Keys sort by file, then place. Two problems of one key say the same of the same place. */
export function problemKey(problem: Problem): string {
  const { file, line, column } = problem.origin
  const place = `${String(line).padStart(8, '0')}:${String(column).padStart(6, '0')}`
  return `${file}:${place}:${problem.code}:${problem.object}:${problem.path}`
}

/** By file, then place. */
export function compareOrigins(a: Origin, b: Origin): number {
  return compareText(a.file, b.file) || a.line - b.line || a.column - b.column
}
