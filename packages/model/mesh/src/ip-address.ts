import { err, ok } from '@tulle/core'
import type { Branded, Result } from '@tulle/core'

/**
 * An IPv4 or IPv6 address in canonical text: IPv6 as RFC 5952 says, IPv4-mapped IPv6 as the IPv4 it means,
 * so that two spellings of one address are one key.
 */
export type IpAddress = Branded<string, 'IpAddress'>

/** An address range: `10.0.0.0/8`. */
export interface IpRange {
  readonly address: IpAddress
  readonly prefixBits: number
}

export function parseIpAddress(text: string): Result<IpAddress> {
  // One that is written in full has no other spelling.
  if (readV4(text)) return ok(text as IpAddress)
  const bytes = text.includes(':') ? v6Bytes(text) : v4Bytes(text)
  if (bytes === undefined) return err(`expected an IP address, found ${JSON.stringify(text.slice(0, 60))}`)
  return ok(formatBytes(bytes))
}

/** 4 or 16 bytes, as they travel in WDS. */
export function ipFromBytes(bytes: Uint8Array): Result<IpAddress> {
  if (bytes.length !== 4 && bytes.length !== 16)
    return err(`expected an address of 4 or 16 bytes, found ${bytes.length}`)
  return ok(formatBytes(bytes))
}

export function ipToBytes(address: IpAddress): Uint8Array {
  const bytes = address.includes(':') ? v6Bytes(address) : v4Bytes(address)
  if (bytes === undefined) throw new TypeError(`not a canonical address: ${address}`)
  return bytes
}

/** `10.0.0.0/8` or a bare address, which is a range of one. */
export function parseIpRange(text: string): Result<IpRange> {
  const slash = text.indexOf('/')
  const address = parseIpAddress(slash < 0 ? text : text.slice(0, slash))
  if (!address.ok) return address
  const widthBits = isIpv6(address.value) ? 128 : 32
  if (slash < 0) return ok({ address: address.value, prefixBits: widthBits })
  const length = text.slice(slash + 1)
  if (!/^\d{1,3}$/u.test(length) || Number(length) > widthBits) {
    return err(`expected a prefix length of 0–${widthBits}, found ${JSON.stringify(text.slice(0, 60))}`)
  }
  return ok({ address: address.value, prefixBits: Number(length) })
}

export function isIpv6(address: IpAddress): boolean {
  return address.includes(':')
}

export function isLoopback(address: IpAddress): boolean {
  return address === '::1' || address.startsWith('127.')
}

export function rangeContains(range: IpRange, address: IpAddress): boolean {
  if (isIpv6(range.address) !== isIpv6(address)) return false
  if (range.prefixBits === (isIpv6(address) ? 128 : 32)) return range.address === address
  const base = ipToBytes(range.address)
  const bytes = ipToBytes(address)
  const whole = range.prefixBits >> 3
  for (let i = 0; i < whole; i++) if (base[i] !== bytes[i]) return false
  const restBits = range.prefixBits & 7
  if (restBits === 0) return true
  const mask = (0xff << (8 - restBits)) & 0xff
  return ((base[whole] ?? 0) & mask) === ((bytes[whole] ?? 0) & mask)
}

const dot = 0x2e
const zero = 0x30

/** The numbers that `readV4` found. */
const octets: Uint8Array = new Uint8Array(4)

/** Whether a text is an IPv4 address: four decimal numbers without leading zeros. */
function readV4(text: string): boolean {
  let count = 0
  for (let at = 0; at <= text.length; at++) {
    const start = at
    let value = 0
    for (; at < text.length && text.charCodeAt(at) !== dot; at++) {
      const digit = text.charCodeAt(at) - zero
      if (digit < 0 || digit > 9 || at - start > 2) return false
      value = 10 * value + digit
    }
    const hasLeadingZero = at - start > 1 && text.charCodeAt(start) === zero
    if (at === start || hasLeadingZero || value > 255 || count === 4) return false
    octets[count++] = value
  }
  return count === 4
}

function v4Bytes(text: string): Uint8Array | undefined {
  return readV4(text) ? octets.slice() : undefined
}

function v6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  // IPv4 notation may stand only at the very end. @see RFC 4291 §2.2
  if (halves.length === 2 && halves[0]?.includes('.') === true) return undefined
  const head = v6Groups(halves[0] ?? '')
  const tail = halves.length === 2 ? v6Groups(halves[1] ?? '') : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail]
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

function v6Groups(text: string): readonly number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    const v4 = part.includes('.') && i === parts.length - 1 ? v4Bytes(part) : undefined
    if (v4 !== undefined) groups.push(((v4[0] ?? 0) << 8) | (v4[1] ?? 0), ((v4[2] ?? 0) << 8) | (v4[3] ?? 0))
    else if (/^[0-9a-f]{1,4}$/iu.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}

function formatBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return [...bytes].join('.') as IpAddress
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  if (mapped) return [...bytes.subarray(12)].join('.') as IpAddress
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  )
  return compressZeros(groups) as IpAddress
}

/** The longest run of two or more zero groups becomes `::`, the first of equals. @see RFC 5952 §4.2 */
function compressZeros(groups: readonly string[]): string {
  let best = { start: 0, length: 1 }
  let start = 0
  for (const [i, group] of groups.entries()) {
    if (group !== '0') start = i + 1
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start }
  }
  if (best.length < 2) return groups.join(':')
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`
}
