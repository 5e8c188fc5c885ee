import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'

/** Reads one option's text. The error says what was expected; the caller adds which option and what was found. */
export type OptionParser<T> = (text: string) => Result<T>

export const text: OptionParser<string> = (value) => ok(value)

/** A path, kept as written. */
export const path: OptionParser<string> = (value) => (value === '' ? err('expected a path') : ok(value))

export const flag: OptionParser<boolean> = (value) => {
  if (value === '' || value === 'true' || value === '1') return ok(true)
  return value === 'false' || value === '0' ? ok(false) : err('expected true or false')
}

export function integer(min: number, max: number): OptionParser<number> {
  return (value) => {
    const number = Number(value)
    if (/^-?\d+$/u.test(value) && number >= min && number <= max) return ok(number)
    return err(`expected a whole number of ${min}–${max}`)
  }
}

export const port: OptionParser<number> = integer(0, 65_535)

export function oneOf<const T extends string>(choices: readonly T[]): OptionParser<T> {
  return (value) => {
    const found = choices.find((choice) => choice === value)
    return found === undefined ? err(`expected one of ${choices.join(', ')}`) : ok(found)
  }
}

/** Comma-separated; an empty text is an empty list. */
export function list<T>(item: OptionParser<T>): OptionParser<readonly T[]> {
  return (value) => {
    const items: T[] = []
    for (const part of value === '' ? [] : value.split(',')) {
      const parsed = item(part.trim())
      if (!parsed.ok) return parsed
      items.push(parsed.value)
    }
    return ok(items)
  }
}

const durationUnitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const sizeUnitsBytes: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/** `500ms`, `5s`, `1m30s`, `24h`, `7d`; the unit is required. The value is in milliseconds. */
export const durationMs: OptionParser<number> = (value) => {
  const parts = value.match(/\d+(\.\d+)?(ms|s|m|h|d)/gu) ?? []
  if (value === '' || parts.join('') !== value)
    return err('expected a duration with its unit, such as 500ms, 5s, 1m30s or 24h')
  return ok(parts.reduce((sumMs, part) => sumMs + Number.parseFloat(part) * unitOf(part, durationUnitsMs), 0))
}

/** `4MiB`, `64KiB`, `512B`; the unit is required. The value is in bytes. */
export const byteSize: OptionParser<number> = (value) => {
  if (!/^\d+(\.\d+)?(B|KiB|MiB|GiB)$/u.test(value))
    return err('expected a size with its unit, such as 512B, 64KiB or 4MiB')
  return ok(Number.parseFloat(value) * unitOf(value, sizeUnitsBytes))
}

function unitOf(value: string, units: Readonly<Record<string, number>>): number {
  return units[value.replace(/^[\d.]+/u, '')] ?? 1
}
