import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'

const maxTextChars = 1024

/** A parameter that nobody reads is a mistake that would go unnoticed. */
export function onlyParams(query: URLSearchParams, known: readonly string[]): Result<void> {
  for (const name of query.keys()) {
    if (known.includes(name)) continue
    const expected = known.length === 0 ? 'none' : known.join(', ')
    return err(`unknown parameter ${JSON.stringify(name)}; known: ${expected}`)
  }
  return ok(undefined)
}

export function textParam(query: URLSearchParams, name: string): Result<string> {
  const value = query.get(name)
  if (value === null || value === '') return err(`${name}: expected a value`)
  return value.length <= maxTextChars
    ? ok(value)
    : err(`${name}: expected at most ${maxTextChars} characters`)
}

export function integerParam(
  query: URLSearchParams,
  name: string,
  range: { readonly min: number; readonly max: number; readonly absent?: number },
): Result<number> {
  const text = query.get(name)
  if (text === null && range.absent !== undefined) return ok(range.absent)
  const value = Number(text)
  if (text !== null && /^\d{1,16}$/u.test(text) && value >= range.min && value <= range.max) return ok(value)
  return err(`${name}: expected a whole number of ${range.min}–${range.max}, found ${JSON.stringify(text)}`)
}
