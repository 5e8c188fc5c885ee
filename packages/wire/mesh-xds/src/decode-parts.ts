import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { ipFromBytes, isIpv6 } from '@tulle/mesh'
import type { IpRange } from '@tulle/mesh'
import type { EnumNames } from './enum-names.ts'

export function decodeEnum<Name extends string>(
  names: EnumNames<Name>,
  value: number,
  what: string,
): Result<Name> {
  const name = names.nameOf.get(value)
  return name === undefined ? err(`unknown value ${value} of ${what}`) : ok(name)
}

/** Every item, or the first problem with its place: `rules[2]: …`. */
export function decodeList<I, O>(
  items: readonly I[],
  what: string,
  decode: (item: I) => Result<O>,
): Result<readonly O[]> {
  const decoded: O[] = []
  for (const [i, item] of items.entries()) {
    const result = decode(item)
    if (!result.ok) return err(`${what}[${i}]: ${result.error}`)
    decoded.push(result.value)
  }
  return ok(decoded)
}

/** A range from address bytes and prefix length. An IPv4-mapped range becomes the IPv4 range that it means. */
export function decodeRange(bytes: Uint8Array, prefixBits: number): Result<IpRange> {
  const address = ipFromBytes(bytes)
  if (!address.ok) return address
  if (prefixBits > bytes.length * 8) return err(`a prefix of ${prefixBits} bits on ${bytes.length} bytes`)
  const mapped = bytes.length === 16 && !isIpv6(address.value)
  if (!mapped) return ok({ address: address.value, prefixBits })
  if (prefixBits < 96) return err(`a prefix of ${prefixBits} bits on an IPv4-mapped address: at least 96`)
  return ok({ address: address.value, prefixBits: prefixBits - 96 })
}
