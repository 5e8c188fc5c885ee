/** Headers and attributes of rtnetlink (linux/rtnetlink.h, if_link.h, if_addr.h, fib_rules.h). */
import { KernelError, kernelProtocolError } from './errors.ts'
import { AF_INET, AF_INET6, AF_UNSPEC } from './linux.ts'
import { decodeAttributes, decodeText } from './netlink-codec.ts'
import { addressBytes, addressText } from './socket-address.ts'

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22
export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26
export const RTM_NEWRULE = 32
export const RTM_DELRULE = 33
export const RTM_GETRULE = 34

export const IFLA_ADDRESS = 1
export const IFLA_IFNAME = 3
export const IFLA_MTU = 4
export const IFLA_MASTER = 10
export const IFLA_LINKINFO = 18
export const IFLA_NET_NS_FD = 28
export const IFLA_INFO_KIND = 1
export const IFLA_INFO_DATA = 2
export const VETH_INFO_PEER = 1
const IFF_UP = 1

export const IFA_ADDRESS = 1
export const IFA_LOCAL = 2
export const IFA_FLAGS = 8
export const IFA_F_NODAD = 2

export const RTA_DST = 1
export const RTA_OIF = 4
export const RTA_GATEWAY = 5
export const RTA_TABLE = 15
export const RT_TABLE_MAIN = 254
const RTPROT_STATIC = 4
const RTN_UNICAST = 1
const RTN_LOCAL = 2
const RT_SCOPE_UNIVERSE = 0
const RT_SCOPE_LINK = 253
const RT_SCOPE_HOST = 254
const RT_SCOPE_NOWHERE = 255

export const FRA_PRIORITY = 6
export const FRA_FWMARK = 10
export const FRA_TABLE = 15
export const FRA_FWMASK = 16
const FR_ACT_TO_TBL = 1

export interface LinkInfo {
  readonly index: number
  readonly name: string
  readonly up: boolean
  readonly mtu: number
  readonly mac: string
  /** `bridge`, `veth`, …; '' for hardware and `lo`. */
  readonly kind: string
  /** Index of the bridge it is a port of; 0 for none. */
  readonly master: number
}

export interface AddressInfo {
  readonly linkIndex: number
  readonly address: string
  readonly prefixLength: number
}

export interface RouteInfo {
  readonly family: 4 | 6
  /** `10.0.0.0/8`, or `default`. */
  readonly to: string
  readonly via: string | undefined
  readonly linkIndex: number | undefined
  readonly table: number
  readonly type: 'unicast' | 'local' | 'other'
}

export interface RuleInfo {
  readonly family: 4 | 6
  readonly priority: number
  readonly mark: number
  readonly markMask: number
  readonly table: number
}

export interface AddressOptions {
  readonly link: string
  readonly address: string
  readonly prefixLength: number
}

export interface RouteOptions {
  readonly family: 4 | 6
  /** `10.0.0.0/8`; the default route when absent. */
  readonly to?: string
  readonly via?: string
  readonly link?: string
  /** The main table when absent. */
  readonly table?: number
  /** `local` delivers to this machine whatever the address. */
  readonly type?: 'unicast' | 'local'
}

/** struct ifinfomsg; `up` absent leaves the flag as it is. */
export function encodeLinkHeader(link: { readonly index: number; readonly up?: boolean }): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt8(AF_UNSPEC, 0)
  header.writeInt32LE(link.index, 4)
  header.writeUInt32LE(link.up === true ? IFF_UP : 0, 8)
  header.writeUInt32LE(link.up === undefined ? 0 : IFF_UP, 12)
  return header
}

/** struct ifaddrmsg. */
export function encodeAddressHeader(options: AddressOptions, linkIndex: number): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt8(addressBytes(options.address).length === 16 ? AF_INET6 : AF_INET, 0)
  header.writeUInt8(options.prefixLength, 1)
  header.writeUInt32LE(linkIndex, 4)
  return header
}

/** struct rtmsg; the table goes into an attribute, which has room for more than 255. */
export function encodeRouteHeader(options: RouteOptions): Buffer {
  const [, prefixLength] = parsePrefix(options)
  const local = options.type === 'local'
  const header = Buffer.alloc(12)
  header.writeUInt8(options.family === 6 ? AF_INET6 : AF_INET, 0)
  header.writeUInt8(prefixLength, 1)
  header.writeUInt8(RTPROT_STATIC, 5)
  header.writeUInt8(local ? RT_SCOPE_HOST : options.via === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE, 6)
  header.writeUInt8(local ? RTN_LOCAL : RTN_UNICAST, 7)
  return header
}

/** The same, to find a route by: whoever made it, and whatever its scope. */
export function encodeRouteSearch(options: RouteOptions): Buffer {
  const header = encodeRouteHeader(options)
  header.writeUInt8(0, 5)
  header.writeUInt8(RT_SCOPE_NOWHERE, 6)
  if (options.type === undefined) header.writeUInt8(0, 7)
  return header
}

/** struct fib_rule_hdr. */
export function encodeRuleHeader(family: number): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt8(family, 0)
  header.writeUInt8(FR_ACT_TO_TBL, 7)
  return header
}

/** The bytes and length of a route's destination; the default route is 0 bits of nothing. */
export function parsePrefix(options: RouteOptions): [bytes: Uint8Array, prefixLength: number] {
  if (options.to === undefined) return [new Uint8Array(0), 0]
  const [address = '', length = ''] = options.to.split('/')
  const bytes = addressBytes(address)
  const prefixLength = length === '' ? bytes.length * 8 : Number(length)
  const fits = Number.isInteger(prefixLength) && prefixLength >= 0 && prefixLength <= bytes.length * 8
  if (!fits)
    throw new KernelError('KERNEL_EINVAL', `expected a prefix such as 10.0.0.0/8, found ${options.to}`)
  return [bytes, prefixLength]
}

export function decodeLink(payload: Buffer): LinkInfo {
  expectBytes(payload, 16)
  const attributes = decodeAttributes(payload.subarray(16))
  const info = attributes.get(IFLA_LINKINFO)
  const kind = info === undefined ? undefined : decodeAttributes(info).get(IFLA_INFO_KIND)
  return {
    index: payload.readInt32LE(4),
    name: decodeText(attributes.get(IFLA_IFNAME) ?? Buffer.alloc(0)),
    up: (payload.readUInt32LE(8) & IFF_UP) !== 0,
    mtu: readU32(attributes, IFLA_MTU) ?? 0,
    mac:
      attributes
        .get(IFLA_ADDRESS)
        ?.toString('hex')
        .replaceAll(/..(?=.)/gu, '$&:') ?? '',
    kind: kind === undefined ? '' : decodeText(kind),
    master: readU32(attributes, IFLA_MASTER) ?? 0,
  }
}

export function decodeAddress(payload: Buffer): AddressInfo {
  expectBytes(payload, 8)
  const attributes = decodeAttributes(payload.subarray(8))
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? Buffer.alloc(4)
  return {
    linkIndex: payload.readUInt32LE(4),
    address: addressText(bytes),
    prefixLength: payload.readUInt8(1),
  }
}

export function decodeRoute(payload: Buffer): RouteInfo {
  expectBytes(payload, 12)
  const attributes = decodeAttributes(payload.subarray(12))
  const destination = attributes.get(RTA_DST)
  const gateway = attributes.get(RTA_GATEWAY)
  const type = payload.readUInt8(7)
  return {
    family: payload.readUInt8(0) === AF_INET6 ? 6 : 4,
    to: destination === undefined ? 'default' : `${addressText(destination)}/${payload.readUInt8(1)}`,
    via: gateway === undefined ? undefined : addressText(gateway),
    linkIndex: readU32(attributes, RTA_OIF),
    table: readU32(attributes, RTA_TABLE) ?? payload.readUInt8(4),
    type: type === RTN_UNICAST ? 'unicast' : type === RTN_LOCAL ? 'local' : 'other',
  }
}

export function decodeRule(payload: Buffer): RuleInfo {
  expectBytes(payload, 12)
  const attributes = decodeAttributes(payload.subarray(12))
  return {
    family: payload.readUInt8(0) === AF_INET6 ? 6 : 4,
    priority: readU32(attributes, FRA_PRIORITY) ?? 0,
    mark: readU32(attributes, FRA_FWMARK) ?? 0,
    markMask: readU32(attributes, FRA_FWMASK) ?? 0,
    table: readU32(attributes, FRA_TABLE) ?? payload.readUInt8(4),
  }
}

function readU32(attributes: ReadonlyMap<number, Buffer>, type: number): number | undefined {
  const bytes = attributes.get(type)
  return bytes === undefined || bytes.length < 4 ? undefined : bytes.readUInt32LE(0)
}

function expectBytes(payload: Buffer, count: number): void {
  if (payload.length < count)
    throw kernelProtocolError(`rtnetlink: expected ${count} bytes, found ${payload.length}`)
}
