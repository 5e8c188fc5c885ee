import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'

/** The value, if it is one of those that are known. */
export function decodeOneOf<Value extends string | number>(
  known: readonly Value[],
  value: string | number,
  what: string,
): Result<Value> {
  const found = known.find((one) => one === value)
  return found === undefined ? err(`${what}: expected one of ${known.join(', ')}, found ${value}`) : ok(found)
}
