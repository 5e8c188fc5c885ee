/** nf_tables messages and expressions (linux/netfilter/nf_tables.h). Numbers are big-endian, registers host order. */
import {
  attribute,
  nested,
  NLM_F_APPEND,
  NLM_F_CREATE,
  textAttribute,
  u32,
  u32beAttribute,
} from './netlink-codec.ts'
import type { NetlinkRequest } from './netlink-codec.ts'

const NFNL_SUBSYS_NFTABLES = 10
const NFNL_MSG_BATCH_BEGIN = 16
const NFNL_MSG_BATCH_END = 17
const NFT_MSG_NEWTABLE = 0
const NFT_MSG_DELTABLE = 2
const NFT_MSG_NEWCHAIN = 3
const NFT_MSG_NEWRULE = 6
export const NFT_MSG_GETTABLE = 1
export const NFT_MSG_GETCHAIN = 4
export const NFT_MSG_GETRULE = 7

/** The family that sees IPv4 and IPv6 alike. */
const NFPROTO_INET = 1

export const NFTA_TABLE_NAME = 1
export const NFTA_CHAIN_TABLE = 1
export const NFTA_CHAIN_NAME = 3
export const NFTA_CHAIN_HOOK = 4
export const NFTA_CHAIN_TYPE = 7
export const NFTA_RULE_TABLE = 1
export const NFTA_RULE_CHAIN = 2
const NFTA_RULE_EXPRESSIONS = 4
export const NFTA_RULE_USERDATA = 7
const NFTA_HOOK_HOOKNUM = 1
const NFTA_HOOK_PRIORITY = 2
const NFTA_CHAIN_POLICY = 5
const NFTA_LIST_ELEM = 1
const NFTA_EXPR_NAME = 1
const NFTA_EXPR_DATA = 2
const NFTA_DATA_VALUE = 1
const NFTA_DATA_VERDICT = 2
const NFTA_VERDICT_CODE = 1

const NFT_REG_VERDICT = 0
const register = 1

export const hooks = { prerouting: 0, input: 1, output: 3 } as const

export interface Chain {
  readonly name: string
  readonly type: 'filter' | 'nat' | 'route'
  readonly hook: keyof typeof hooks
  readonly priority: number
  readonly rules: readonly Rule[]
}

/** A rule: what must hold, then what is done; the comment shows in `nft list ruleset`. */
export interface Rule {
  readonly comment: string
  readonly expressions: readonly Buffer[]
}

export interface Table {
  readonly name: string
  readonly chains: readonly Chain[]
}

/** One transaction: whatever the table held before is gone, and this is there instead, without a moment between. */
export function replaceTable(table: Table): readonly NetlinkRequest[] {
  const requests = [newTable(table.name), deleteTable(table.name), newTable(table.name)]
  for (const chain of table.chains) {
    requests.push(newChain(table.name, chain))
    for (const rule of chain.rules) requests.push(newRule(table.name, chain.name, rule))
  }
  return batch(requests)
}

/** One transaction that ends with no such table, whether there was one or not. */
export function removeTable(name: string): readonly NetlinkRequest[] {
  return batch([newTable(name), deleteTable(name)])
}

/** A list of every object of a kind in the inet family. */
export function listRequest(message: number): NetlinkRequest {
  return request(message, 0, [])
}

// What must hold. Each loads a register and compares it; a rule goes on only while all of them hold.

export function isTcp(): readonly Buffer[] {
  return isProtocol(6)
}

export function isProtocol(protocol: number): readonly Buffer[] {
  return [meta('l4proto'), compare('eq', Buffer.from([protocol]))]
}

/** 4 or 6, of the packet in an inet chain. */
export function isFamily(family: 4 | 6): readonly Buffer[] {
  return [meta('nfproto'), compare('eq', Buffer.from([family === 6 ? 10 : 2]))]
}

export function outLink(name: string): readonly Buffer[] {
  return [meta('oifname'), compare('eq', linkName(name))]
}

export function inLink(name: string): readonly Buffer[] {
  return [meta('iifname'), compare('eq', linkName(name))]
}

export function packetMark(op: CompareOp, mark: number, mask: number): readonly Buffer[] {
  return [meta('mark'), bitwise(u32(mask), u32(0)), compare(op, u32(mark))]
}

export function connectionMark(op: CompareOp, mark: number, mask: number): readonly Buffer[] {
  return [connection('mark'), bitwise(u32(mask), u32(0)), compare(op, u32(mark))]
}

const stateBits = { established: 2, related: 4 } as const

export function connectionState(state: keyof typeof stateBits): readonly Buffer[] {
  return [connection('state'), bitwise(u32(stateBits[state]), u32(0)), compare('neq', u32(0))]
}

/** The port of TCP or UDP; the protocol must have been compared before. */
export function port(side: 'source' | 'destination', op: CompareOp, value: number): readonly Buffer[] {
  return [payload('transport', side === 'source' ? 0 : 2, 2), compare(op, u16be(value))]
}

/** The type of ICMP or ICMPv6, both ends included. */
export function icmpType(from: number, to: number): readonly Buffer[] {
  return [payload('transport', 0, 1), compare('gte', Buffer.from([from])), compare('lte', Buffer.from([to]))]
}

/** The far or near address lies in a prefix; the family must have been compared before. */
export function addressIn(
  side: 'source' | 'destination',
  bytes: Uint8Array,
  prefixLength: number,
): readonly Buffer[] {
  const v6 = bytes.length === 16
  const offset = side === 'source' ? (v6 ? 8 : 12) : v6 ? 24 : 16
  const mask = prefixMask(bytes.length, prefixLength)
  const value = Buffer.from(bytes.map((byte, i) => byte & (mask[i] ?? 0)))
  return [
    payload('network', offset, bytes.length),
    bitwise(mask, Buffer.alloc(bytes.length)),
    compare('eq', value),
  ]
}

// What is done.

export function accept(): readonly Buffer[] {
  return [verdict(1)]
}

export function drop(): readonly Buffer[] {
  return [verdict(0)]
}

/** To a port of this machine; the original destination stays readable with SO_ORIGINAL_DST. */
export function redirectTo(portNumber: number): readonly Buffer[] {
  const NFTA_REDIR_REG_PROTO_MIN = 1
  return [
    immediate(u16be(portNumber)),
    expression('redir', u32beAttribute(NFTA_REDIR_REG_PROTO_MIN, register)),
  ]
}

/** The connection's mark becomes `mark` under `mask`; its other bits stay. */
export function setConnectionMark(mark: number, mask: number): readonly Buffer[] {
  const NFTA_CT_KEY = 2
  const NFTA_CT_SREG = 4
  return [
    connection('mark'),
    bitwise(u32(~mask), u32(mark)),
    expression('ct', u32beAttribute(NFTA_CT_KEY, ctKeys.mark), u32beAttribute(NFTA_CT_SREG, register)),
  ]
}

/** The packet gets the mark of its connection, all bits. */
export function restoreMark(): readonly Buffer[] {
  const NFTA_META_KEY = 2
  const NFTA_META_SREG = 3
  return [
    connection('mark'),
    expression(
      'meta',
      u32beAttribute(NFTA_META_KEY, metaKeys.mark),
      u32beAttribute(NFTA_META_SREG, register),
    ),
  ]
}

const metaKeys = { mark: 3, iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const
const ctKeys = { state: 0, mark: 3 } as const
const compareOps = { eq: 0, neq: 1, lt: 2, lte: 3, gt: 4, gte: 5 } as const
const payloadBases = { network: 1, transport: 2 } as const

export type CompareOp = keyof typeof compareOps

function meta(key: keyof typeof metaKeys): Buffer {
  return expression('meta', u32beAttribute(1, register), u32beAttribute(2, metaKeys[key]))
}

function connection(key: keyof typeof ctKeys): Buffer {
  return expression('ct', u32beAttribute(1, register), u32beAttribute(2, ctKeys[key]))
}

function payload(base: keyof typeof payloadBases, offset: number, length: number): Buffer {
  return expression(
    'payload',
    u32beAttribute(1, register),
    u32beAttribute(2, payloadBases[base]),
    u32beAttribute(3, offset),
    u32beAttribute(4, length),
  )
}

function compare(op: CompareOp, value: Uint8Array): Buffer {
  return expression('cmp', u32beAttribute(1, register), u32beAttribute(2, compareOps[op]), data(3, value))
}

/** register = (register & mask) ^ xor */
function bitwise(mask: Uint8Array, xor: Uint8Array): Buffer {
  return expression(
    'bitwise',
    u32beAttribute(1, register),
    u32beAttribute(2, register),
    u32beAttribute(3, mask.length),
    data(4, mask),
    data(5, xor),
  )
}

function immediate(value: Uint8Array): Buffer {
  return expression('immediate', u32beAttribute(1, register), data(2, value))
}

function verdict(code: number): Buffer {
  const value = nested(NFTA_DATA_VERDICT, u32beAttribute(NFTA_VERDICT_CODE, code))
  return expression('immediate', u32beAttribute(1, NFT_REG_VERDICT), nested(2, value))
}

function data(type: number, value: Uint8Array): Buffer {
  return nested(type, attribute(NFTA_DATA_VALUE, value))
}

function expression(name: string, ...attributes: readonly Buffer[]): Buffer {
  return nested(NFTA_LIST_ELEM, textAttribute(NFTA_EXPR_NAME, name), nested(NFTA_EXPR_DATA, ...attributes))
}

function newTable(name: string): NetlinkRequest {
  return request(NFT_MSG_NEWTABLE, NLM_F_CREATE, [textAttribute(NFTA_TABLE_NAME, name)])
}

function deleteTable(name: string): NetlinkRequest {
  return request(NFT_MSG_DELTABLE, 0, [textAttribute(NFTA_TABLE_NAME, name)])
}

function newChain(table: string, chain: Chain): NetlinkRequest {
  const accepted = 1
  return request(NFT_MSG_NEWCHAIN, NLM_F_CREATE, [
    textAttribute(NFTA_CHAIN_TABLE, table),
    textAttribute(NFTA_CHAIN_NAME, chain.name),
    nested(
      NFTA_CHAIN_HOOK,
      u32beAttribute(NFTA_HOOK_HOOKNUM, hooks[chain.hook]),
      u32beAttribute(NFTA_HOOK_PRIORITY, chain.priority),
    ),
    u32beAttribute(NFTA_CHAIN_POLICY, accepted),
    textAttribute(NFTA_CHAIN_TYPE, chain.type),
  ])
}

function newRule(table: string, chain: string, rule: Rule): NetlinkRequest {
  return request(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, [
    textAttribute(NFTA_RULE_TABLE, table),
    textAttribute(NFTA_RULE_CHAIN, chain),
    nested(NFTA_RULE_EXPRESSIONS, ...rule.expressions),
    attribute(NFTA_RULE_USERDATA, commentData(rule.comment)),
  ])
}

/** The layout that the `nft` tool gives to comments: type 0, length, text with NUL. */
function commentData(comment: string): Buffer {
  const text = Buffer.from(`${comment}\0`)
  return Buffer.concat([Buffer.from([0, text.length]), text])
}

function batch(requests: readonly NetlinkRequest[]): readonly NetlinkRequest[] {
  // res_id names the subsystem, in network order.
  const header = Buffer.from([0, 0, 0, NFNL_SUBSYS_NFTABLES])
  const edge = (type: number): NetlinkRequest => ({ type, flags: 0, header, attributes: [] })
  return [edge(NFNL_MSG_BATCH_BEGIN), ...requests, edge(NFNL_MSG_BATCH_END)]
}

function request(message: number, flags: number, attributes: readonly Buffer[]): NetlinkRequest {
  const header = Buffer.from([NFPROTO_INET, 0, 0, 0])
  return { type: (NFNL_SUBSYS_NFTABLES << 8) | message, flags, header, attributes }
}

function linkName(name: string): Buffer {
  const IFNAMSIZ = 16
  const bytes = Buffer.alloc(IFNAMSIZ)
  bytes.write(name)
  return bytes
}

function u16be(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

function prefixMask(length: number, prefixLength: number): Uint8Array {
  const mask = new Uint8Array(length)
  for (let bit = 0; bit < prefixLength; bit++) mask[bit >> 3] = (mask[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return mask
}
