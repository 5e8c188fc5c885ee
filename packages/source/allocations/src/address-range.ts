import { ipFromBytes, ipToBytes, isIpv6 } from '@tulle/mesh'
import type { IpAddress, IpRange } from '@tulle/mesh'
import { must } from '@tulle/core'
import { AllocationsError } from './errors.ts'

/** The IPv4 addresses that may be allotted, as numbers: from `first` to `last`, both included. */
export interface AddressRange {
  readonly first: number
  readonly last: number
}

/** All of a range but its first `reserved` addresses (its network address at least) and its broadcast address. */
export function allottableRange(range: IpRange, reserved: number): AddressRange {
  const text = `${range.address}/${range.prefixBits}`
  if (isIpv6(range.address)) {
    throw new AllocationsError('ALLOCATIONS_RANGE', `addresses are allotted from IPv4 ranges, found ${text}`)
  }
  const size = 2 ** (32 - range.prefixBits)
  const address = addressNumber(range.address)
  const base = address - (address % size)
  const allottable = { first: base + Math.max(reserved, 1), last: base + size - 2 }
  if (allottable.first <= allottable.last) return allottable
  throw new AllocationsError('ALLOCATIONS_RANGE', `${text} is too small: all of its addresses are reserved`)
}

export function inRange(range: AddressRange, address: IpAddress): boolean {
  if (isIpv6(address)) return false
  const number = addressNumber(address)
  return number >= range.first && number <= range.last
}

export function addressNumber(address: IpAddress): number {
  return ipToBytes(address).reduce((number, byte) => number * 256 + byte, 0)
}

export function numberAddress(number: number): IpAddress {
  return must(ipFromBytes(Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number)))
}
