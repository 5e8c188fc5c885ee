/**
 * Capture of a workload's traffic inside its own network namespace (the in-pod redirection of Istio's ambient
 * mode, in the order of its iptables rules), and what is closed besides. IPv4 and IPv6 get the same rules.
 */
import { writeFileSync } from 'node:fs'
import { KernelError } from './errors.ts'
import { decodeAttributes, decodeText } from './netlink-codec.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink.ts'
import { inNetns } from './netns.ts'
import type { NetnsFd } from './netns.ts'
import * as nft from './nft-codec.ts'
import type { Chain, Rule, Table } from './nft-codec.ts'
import type { RouteOptions } from './rtnetlink-codec.ts'
import { Rtnetlink } from './rtnetlink.ts'
import type { RuleOptions } from './rtnetlink.ts'
import { addressBytes } from './socket-address.ts'

/** On every packet of the proxy's own sockets in a workload's namespace: SO_MARK. */
export const proxyMark = 0x539
/** On connections that the proxy makes with the client's address: their answers are brought back to `lo`. */
export const sourceKeepingMark = 0x111
const markMask = 0xfff
const sourceKeepingTable = 100
const sourceKeepingPriority = 32_764

export const outboundPort = 15_001
export const inboundPlaintextPort = 15_006
export const inboundTunnelPort = 15_008

const captureTable = 'tulle'
const strictTable = 'tulle_strict'

// Priorities of the classic iptables tables: mangle, nat at prerouting and output, filter.
const manglePriority = -150
const natPriority = -100
const filterPriority = 0

const UDP = 17
const ICMP = 1
const ICMPV6 = 58

export interface CaptureOptions {
  readonly netns: NetnsFd
}

/**
 * Redirects what the workload sends over TCP to 15001 and what it is sent (except to 15008) to 15006. The proxy's
 * own sockets (`proxyMark`) and loopback are left alone. Also routes answers to foreign source addresses back to
 * the proxy. Replaces an earlier capture in one step; connections that exist are not touched.
 */
export function installCapture({ netns }: CaptureOptions): void {
  installRoutes(netns)
  transact(netns, 'install capture', nft.replaceTable(captureRules()))
}

/** Takes the rules and routes away; does nothing where there are none. */
export function removeCapture({ netns }: CaptureOptions): void {
  transact(netns, 'remove capture', nft.removeTable(captureTable))
  using route = new Rtnetlink(netns)
  for (const family of families(netns)) {
    tolerate(['KERNEL_ENOENT'], () => route.deleteRule(sourceKeepingRule(family)))
    tolerate(['KERNEL_ESRCH', 'KERNEL_ENOENT'], () => route.deleteRoute(sourceKeepingRoute(family)))
  }
}

export interface StrictDropOptions extends CaptureOptions {
  /** Drops only packets from or to these prefixes (`10.77.0.0/16`): the mesh's addresses. All when absent. */
  readonly between?: readonly string[]
}

/**
 * Drops what the mesh does not carry: everything but TCP, DNS over UDP, loopback, neighbour discovery and multicast
 * listening of IPv6, and ICMP errors about connections that are allowed (path MTU needs them). Ping is dropped.
 */
export function installStrictDrop({ netns, between }: StrictDropOptions): void {
  transact(netns, 'install strict drop', nft.replaceTable(strictRules(between)))
}

export function removeStrictDrop({ netns }: CaptureOptions): void {
  transact(netns, 'remove strict drop', nft.removeTable(strictTable))
}

/**
 * Turns IPv6 off on every link of the namespace, now and later. Needs a writable /proc/sys. Capture does not need
 * it: it treats both families alike.
 */
export function disableIpv6({ netns }: CaptureOptions): void {
  inNetns(netns, () => {
    // /proc/sys/net shows the namespace of the thread that opens it.
    for (const scope of ['all', 'default'])
      writeFileSync(`/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`, '1')
  })
}

export interface ChainInfo {
  readonly table: string
  readonly name: string
  readonly type: string
  /** Comments of its rules, in order. */
  readonly rules: readonly string[]
}

/** Our chains in a namespace, read back from the kernel. */
export function listCapture({ netns }: CaptureOptions): readonly ChainInfo[] {
  using socket = new NetlinkSocket(NETLINK_NETFILTER, netns)
  const rules = socket.dump('list rules', nft.listRequest(nft.NFT_MSG_GETRULE)).map(({ payload }) => {
    const attributes = decodeAttributes(payload.subarray(4))
    const data = attributes.get(nft.NFTA_RULE_USERDATA)
    return {
      table: textOf(attributes.get(nft.NFTA_RULE_TABLE)),
      chain: textOf(attributes.get(nft.NFTA_RULE_CHAIN)),
      comment: textOf(data?.subarray(2)),
    }
  })
  const chains = socket.dump('list chains', nft.listRequest(nft.NFT_MSG_GETCHAIN)).map(({ payload }) => {
    const attributes = decodeAttributes(payload.subarray(4))
    const table = textOf(attributes.get(nft.NFTA_CHAIN_TABLE))
    const name = textOf(attributes.get(nft.NFTA_CHAIN_NAME))
    const own = rules.filter((rule) => rule.table === table && rule.chain === name)
    return {
      table,
      name,
      type: textOf(attributes.get(nft.NFTA_CHAIN_TYPE)),
      rules: own.map((rule) => rule.comment),
    }
  })
  return chains.filter(({ table }) => table === captureTable || table === strictTable)
}

export function captureRules(): Table {
  const notProxy = nft.packetMark('neq', proxyMark, markMask)
  const keepsSource = (rules: readonly Buffer[]): readonly Buffer[] => [
    ...nft.packetMark('eq', proxyMark, markMask),
    ...rules,
  ]
  return {
    name: captureTable,
    chains: [
      chain({ name: 'mark_in', type: 'filter', hook: 'prerouting', priority: manglePriority }, [
        rule('the proxy made it', keepsSource(nft.setConnectionMark(sourceKeepingMark, markMask))),
      ]),
      chain({ name: 'mark_out', type: 'route', hook: 'output', priority: manglePriority }, [
        rule('answers to the proxy', [
          ...nft.connectionMark('eq', sourceKeepingMark, markMask),
          ...nft.restoreMark(),
        ]),
      ]),
      chain({ name: 'inbound', type: 'nat', hook: 'prerouting', priority: natPriority }, [
        rule('loopback', [...nft.inLink('lo'), ...nft.accept()]),
        rule('plaintext for the workload', [
          ...nft.isTcp(),
          ...nft.port('destination', 'neq', inboundTunnelPort),
          ...notProxy,
          ...nft.redirectTo(inboundPlaintextPort),
        ]),
      ]),
      chain({ name: 'outbound', type: 'nat', hook: 'output', priority: natPriority }, [
        rule('answers to the proxy', [
          ...nft.packetMark('eq', sourceKeepingMark, markMask),
          ...nft.isTcp(),
          ...nft.accept(),
        ]),
        rule('the workload calls itself', [...nft.outLink('lo'), ...nft.accept()]),
        rule('from the workload', [...nft.isTcp(), ...notProxy, ...nft.redirectTo(outboundPort)]),
      ]),
    ],
  }
}

export function strictRules(between: readonly string[] | undefined): Table {
  const passes = (direction: 'in' | 'out'): readonly Rule[] => [
    rule('loopback', [...(direction === 'in' ? nft.inLink('lo') : nft.outLink('lo')), ...nft.accept()]),
    rule('TCP goes through the proxy', [...nft.isTcp(), ...nft.accept()]),
    rule('DNS questions', [...nft.isProtocol(UDP), ...nft.port('destination', 'eq', 53), ...nft.accept()]),
    rule('DNS answers', [
      ...nft.isProtocol(UDP),
      ...nft.port('source', 'eq', 53),
      ...nft.connectionState('established'),
      ...nft.accept(),
    ]),
    rule('ICMP errors', [...nft.isProtocol(ICMP), ...nft.connectionState('related'), ...nft.accept()]),
    rule('ICMPv6 errors', [...nft.isProtocol(ICMPV6), ...nft.connectionState('related'), ...nft.accept()]),
    // RFC 4890 §4.4.1: without these, IPv6 does not work on a link.
    rule('neighbour discovery', [...nft.isProtocol(ICMPV6), ...nft.icmpType(133, 136), ...nft.accept()]),
    rule('multicast listening', [...nft.isProtocol(ICMPV6), ...nft.icmpType(130, 132), ...nft.accept()]),
    rule('multicast listening 2', [...nft.isProtocol(ICMPV6), ...nft.icmpType(143, 143), ...nft.accept()]),
  ]
  return {
    name: strictTable,
    chains: [
      chain({ name: 'strict_in', type: 'filter', hook: 'input', priority: filterPriority }, [
        ...passes('in'),
        ...drops('source', between),
      ]),
      chain({ name: 'strict_out', type: 'filter', hook: 'output', priority: filterPriority }, [
        ...passes('out'),
        ...drops('destination', between),
      ]),
    ],
  }
}

function drops(side: 'source' | 'destination', between: readonly string[] | undefined): readonly Rule[] {
  if (between === undefined) return [rule('nothing else', nft.drop())]
  return between.map((prefix) => {
    const [bytes, prefixLength] = prefixOf(prefix)
    return rule(`nothing else with ${prefix}`, [
      ...nft.isFamily(bytes.length === 16 ? 6 : 4),
      ...nft.addressIn(side, bytes, prefixLength),
      ...nft.drop(),
    ])
  })
}

function prefixOf(text: string): [bytes: Uint8Array, prefixLength: number] {
  const [address = '', length = ''] = text.split('/')
  const bytes = addressBytes(address)
  const prefixLength = /^\d+$/u.test(length) ? Number(length) : -1
  if (prefixLength < 0 || prefixLength > bytes.length * 8) {
    throw new KernelError('KERNEL_EINVAL', `expected a prefix such as 10.77.0.0/16, found ${text}`)
  }
  return [bytes, prefixLength]
}

function installRoutes(netns: NetnsFd): void {
  using route = new Rtnetlink(netns)
  // A namespace starts with its loopback down, and everything here goes over it.
  route.setLink('lo', { up: true })
  for (const family of families(netns)) {
    route.setRoute(sourceKeepingRoute(family))
    tolerate(['KERNEL_EEXIST'], () => route.addRule(sourceKeepingRule(family)))
  }
}

/** IPv6 may be missing from the kernel, or be off: then there is nothing to route. */
function families(netns: NetnsFd): readonly (4 | 6)[] {
  using route = new Rtnetlink(netns)
  return route.addresses().some(({ address }) => address.includes(':')) ? [4, 6] : [4]
}

function sourceKeepingRoute(family: 4 | 6): RouteOptions {
  return { family, link: 'lo', table: sourceKeepingTable, type: 'local' }
}

function sourceKeepingRule(family: 4 | 6): RuleOptions {
  return {
    family,
    mark: sourceKeepingMark,
    markMask,
    priority: sourceKeepingPriority,
    table: sourceKeepingTable,
  }
}

function transact(netns: NetnsFd, what: string, requests: ReturnType<typeof nft.replaceTable>): void {
  using socket = new NetlinkSocket(NETLINK_NETFILTER, netns)
  socket.transact(what, requests)
}

function tolerate(codes: readonly string[], run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof KernelError) || !codes.includes(error.code)) throw error
  }
}

function chain(kind: Omit<Chain, 'rules'>, rules: readonly Rule[]): Chain {
  return { ...kind, rules }
}

function rule(comment: string, expressions: readonly Buffer[]): Rule {
  return { comment, expressions }
}

function textOf(bytes: Buffer | undefined): string {
  return bytes === undefined ? '' : decodeText(bytes)
}
