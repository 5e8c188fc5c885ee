/** Links, addresses, routes and rules (rtnetlink(7)); what `ip` does, without `ip`. */
import { KernelError } from './errors.ts'
import { AF_INET, AF_INET6 } from './linux.ts'
import { NETLINK_ROUTE, NetlinkSocket } from './netlink.ts'
import {
  attribute,
  nested,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  textAttribute,
  u32,
  u32Attribute,
} from './netlink-codec.ts'
import type { NetnsFd } from './netns.ts'
import * as codec from './rtnetlink-codec.ts'
import type {
  AddressInfo,
  AddressOptions,
  LinkInfo,
  RouteInfo,
  RouteOptions,
  RuleInfo,
} from './rtnetlink-codec.ts'
import { addressBytes } from './socket-address.ts'

/** What a link can be given when it is made or later. */
export interface LinkSettings {
  readonly mtu?: number
  /** `02:00:0a:4d:01:05`. */
  readonly mac?: string
  readonly up?: boolean
  /** The bridge that it becomes a port of. */
  readonly master?: string
  /** Renames it; the link must be down. */
  readonly name?: string
  /** Moves it to another namespace, where it is down and has no addresses. */
  readonly netns?: NetnsFd
}

export interface VethEnd {
  readonly name: string
  readonly netns?: NetnsFd
  readonly mtu?: number
  readonly mac?: string
}

export interface RuleOptions {
  readonly family: 4 | 6
  readonly mark: number
  readonly markMask: number
  readonly priority: number
  readonly table: number
}

/** One namespace's links, addresses, routes and rules. Every method is synchronous and throws a KernelError. */
export class Rtnetlink implements Disposable {
  readonly #socket: NetlinkSocket

  constructor(netns?: NetnsFd) {
    this.#socket = new NetlinkSocket(NETLINK_ROUTE, netns)
  }

  addBridge(name: string): void {
    this.#createLink('add bridge', name, [
      textAttribute(codec.IFLA_IFNAME, name),
      nested(codec.IFLA_LINKINFO, textAttribute(codec.IFLA_INFO_KIND, 'bridge')),
    ])
  }

  /** A pair of links; either end may be made inside another namespace. */
  addVeth(end: VethEnd, peer: VethEnd): void {
    const peerMessage = Buffer.concat([codec.encodeLinkHeader({ index: 0 }), ...vethAttributes(peer)])
    this.#createLink('add veth', end.name, [
      ...vethAttributes(end),
      nested(
        codec.IFLA_LINKINFO,
        textAttribute(codec.IFLA_INFO_KIND, 'veth'),
        nested(codec.IFLA_INFO_DATA, attribute(codec.VETH_INFO_PEER, peerMessage)),
      ),
    ])
  }

  setLink(name: string, settings: LinkSettings): void {
    const attributes: Buffer[] = []
    if (settings.name !== undefined) attributes.push(textAttribute(codec.IFLA_IFNAME, settings.name))
    if (settings.mtu !== undefined) attributes.push(u32Attribute(codec.IFLA_MTU, settings.mtu))
    if (settings.mac !== undefined) attributes.push(attribute(codec.IFLA_ADDRESS, macBytes(settings.mac)))
    if (settings.master !== undefined) {
      attributes.push(u32Attribute(codec.IFLA_MASTER, this.linkIndex(settings.master)))
    }
    if (settings.netns !== undefined) attributes.push(u32Attribute(codec.IFLA_NET_NS_FD, settings.netns))
    const index = this.linkIndex(name)
    const header = codec.encodeLinkHeader({ index, ...(settings.up !== undefined && { up: settings.up }) })
    this.#socket.request(`set link ${name}`, { type: codec.RTM_NEWLINK, flags: 0, header, attributes })
  }

  deleteLink(name: string): void {
    const header = codec.encodeLinkHeader({ index: this.linkIndex(name) })
    this.#socket.request(`delete link ${name}`, { type: codec.RTM_DELLINK, flags: 0, header, attributes: [] })
  }

  links(): readonly LinkInfo[] {
    const header = codec.encodeLinkHeader({ index: 0 })
    const request = { type: codec.RTM_GETLINK, flags: 0, header, attributes: [] }
    return this.#socket.dump('list links', request).map((message) => codec.decodeLink(message.payload))
  }

  /** Throws KERNEL_ENODEV where there is no such link. */
  link(name: string): LinkInfo {
    const header = codec.encodeLinkHeader({ index: 0 })
    const attributes = [textAttribute(codec.IFLA_IFNAME, name)]
    const request = { type: codec.RTM_GETLINK, flags: 0, header, attributes }
    return codec.decodeLink(this.#socket.get(`find link ${name}`, request).payload)
  }

  linkIndex(name: string): number {
    return this.link(name).index
  }

  /** IPv6 addresses are usable at once: duplicate detection is left out, since we choose the addresses. */
  addAddress(options: AddressOptions): void {
    const flags = NLM_F_CREATE | NLM_F_EXCL
    this.#address(`add address ${options.address}`, codec.RTM_NEWADDR, flags, options)
  }

  deleteAddress(options: AddressOptions): void {
    this.#address(`delete address ${options.address}`, codec.RTM_DELADDR, 0, options)
  }

  addresses(): readonly AddressInfo[] {
    const request = { type: codec.RTM_GETADDR, flags: 0, header: Buffer.alloc(8), attributes: [] }
    return this.#socket.dump('list addresses', request).map((message) => codec.decodeAddress(message.payload))
  }

  /** Adds the route, or puts it in the place of the one to the same destination. */
  setRoute(options: RouteOptions): void {
    const attributes = this.#routeAttributes(options)
    const header = codec.encodeRouteHeader(options)
    const flags = NLM_F_CREATE | NLM_F_REPLACE
    const what = `set route to ${options.to ?? 'default'}`
    this.#socket.request(what, { type: codec.RTM_NEWROUTE, flags, header, attributes })
  }

  deleteRoute(options: RouteOptions): void {
    const attributes = this.#routeAttributes(options)
    const header = codec.encodeRouteSearch(options)
    const what = `delete route to ${options.to ?? 'default'}`
    this.#socket.request(what, { type: codec.RTM_DELROUTE, flags: 0, header, attributes })
  }

  /** Of every table, without the cached and the kernel's local ones. */
  routes(): readonly RouteInfo[] {
    const request = { type: codec.RTM_GETROUTE, flags: 0, header: Buffer.alloc(12), attributes: [] }
    return this.#socket.dump('list routes', request).map((message) => codec.decodeRoute(message.payload))
  }

  /** Throws KERNEL_EEXIST where the same rule is there already. */
  addRule(options: RuleOptions): void {
    this.#rule('add rule', codec.RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, options)
  }

  deleteRule(options: RuleOptions): void {
    this.#rule('delete rule', codec.RTM_DELRULE, 0, options)
  }

  rules(): readonly RuleInfo[] {
    const request = { type: codec.RTM_GETRULE, flags: 0, header: Buffer.alloc(12), attributes: [] }
    return this.#socket.dump('list rules', request).map((message) => codec.decodeRule(message.payload))
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  #createLink(what: string, name: string, attributes: readonly Buffer[]): void {
    const header = codec.encodeLinkHeader({ index: 0 })
    const flags = NLM_F_CREATE | NLM_F_EXCL
    this.#socket.request(`${what} ${name}`, { type: codec.RTM_NEWLINK, flags, header, attributes })
  }

  #address(what: string, type: number, flags: number, options: AddressOptions): void {
    const bytes = addressBytes(options.address)
    const header = codec.encodeAddressHeader(options, this.linkIndex(options.link))
    const attributes = [attribute(codec.IFA_LOCAL, bytes), attribute(codec.IFA_ADDRESS, bytes)]
    if (bytes.length === 16) attributes.push(u32Attribute(codec.IFA_FLAGS, codec.IFA_F_NODAD))
    this.#socket.request(`${what}/${options.prefixLength}`, { type, flags, header, attributes })
  }

  #routeAttributes(options: RouteOptions): readonly Buffer[] {
    const attributes = [u32Attribute(codec.RTA_TABLE, options.table ?? codec.RT_TABLE_MAIN)]
    const [destination] = codec.parsePrefix(options)
    if (options.to !== undefined) attributes.push(attribute(codec.RTA_DST, destination))
    if (options.via !== undefined) attributes.push(attribute(codec.RTA_GATEWAY, addressBytes(options.via)))
    if (options.link !== undefined) attributes.push(u32Attribute(codec.RTA_OIF, this.linkIndex(options.link)))
    return attributes
  }

  #rule(what: string, type: number, flags: number, options: RuleOptions): void {
    const header = codec.encodeRuleHeader(options.family === 6 ? AF_INET6 : AF_INET)
    const attributes = [
      attribute(codec.FRA_PRIORITY, u32(options.priority)),
      attribute(codec.FRA_FWMARK, u32(options.mark)),
      attribute(codec.FRA_FWMASK, u32(options.markMask)),
      attribute(codec.FRA_TABLE, u32(options.table)),
    ]
    this.#socket.request(`${what} ${options.priority}`, { type, flags, header, attributes })
  }
}

/** Runs `run` with the rtnetlink socket of a namespace, and closes it. */
export function withRtnetlink<T>(netns: NetnsFd | undefined, run: (route: Rtnetlink) => T): T {
  using route = new Rtnetlink(netns)
  return run(route)
}

function vethAttributes(end: VethEnd): readonly Buffer[] {
  const attributes = [textAttribute(codec.IFLA_IFNAME, end.name)]
  if (end.netns !== undefined) attributes.push(u32Attribute(codec.IFLA_NET_NS_FD, end.netns))
  if (end.mtu !== undefined) attributes.push(u32Attribute(codec.IFLA_MTU, end.mtu))
  if (end.mac !== undefined) attributes.push(attribute(codec.IFLA_ADDRESS, macBytes(end.mac)))
  return attributes
}

function macBytes(mac: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/iu.test(mac)) {
    throw new KernelError('KERNEL_EINVAL', `expected a MAC such as 02:00:00:00:00:01, found ${mac}`)
  }
  return Buffer.from(mac.replaceAll(':', ''), 'hex')
}
