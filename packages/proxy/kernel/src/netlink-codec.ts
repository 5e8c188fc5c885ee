/** Netlink messages and attributes (RFC 3549 §2.3; linux/netlink.h). Headers are little-endian, as our machines. */
import { kernelProtocolError } from './errors.ts'

export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_DUMP = 0x300
export const NLM_F_APPEND = 0x800
/** On an answer: the state changed while it was listed. */
const NLM_F_DUMP_INTR = 0x10
/** On an error: the request is not quoted in full; attributes follow. */
const NLM_F_CAPPED = 0x100
const NLM_F_ACK_TLVS = 0x200

const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLMSGERR_ATTR_MSG = 1
const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff
const headerBytes = 16

export interface NetlinkRequest {
  readonly type: number
  readonly flags: number
  /** The family's own header, such as ifinfomsg. */
  readonly header: Uint8Array
  readonly attributes: readonly Uint8Array[]
}

export interface NetlinkMessage {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly payload: Buffer
}

/** How a request ended: errno 0 is success; `text` is the kernel's extended acknowledgement, '' where there is none. */
export interface NetlinkOutcome {
  readonly errno: number
  readonly text: string
}

export function encodeRequest(request: NetlinkRequest, sequence: number): Buffer {
  const body = Buffer.concat([pad(request.header), ...request.attributes])
  const message = Buffer.alloc(headerBytes + body.length)
  message.writeUInt32LE(message.length, 0)
  message.writeUInt16LE(request.type, 4)
  message.writeUInt16LE(request.flags, 6)
  message.writeUInt32LE(sequence, 8)
  message.set(body, headerBytes)
  return message
}

/** Every message of one datagram. */
export function decodeMessages(datagram: Buffer): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = []
  let offset = 0
  while (offset + headerBytes <= datagram.length) {
    const length = datagram.readUInt32LE(offset)
    if (length < headerBytes || offset + length > datagram.length) {
      throw kernelProtocolError(`netlink: a message of ${length} bytes at ${offset} of ${datagram.length}`)
    }
    messages.push({
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      payload: datagram.subarray(offset + headerBytes, offset + length),
    })
    offset += align(length)
  }
  return messages
}

/** undefined for messages that carry data. */
export function decodeOutcome(message: NetlinkMessage): NetlinkOutcome | undefined {
  if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) return undefined
  const { payload, flags } = message
  const errno = payload.length < 4 ? 0 : 0 - payload.readInt32LE(0)
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: '' }
  const quoted = message.type === NLMSG_DONE ? 0 : quotedBytes(payload, flags)
  const text = decodeAttributes(payload.subarray(4 + align(quoted))).get(NLMSGERR_ATTR_MSG)
  return { errno, text: text === undefined ? '' : decodeText(text) }
}

export function wasInterrupted(message: NetlinkMessage): boolean {
  return (message.flags & NLM_F_DUMP_INTR) !== 0
}

/** An attribute of raw bytes, padded to four. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const length = 4 + value.length
  const bytes = Buffer.alloc(align(length))
  bytes.writeUInt16LE(length, 0)
  bytes.writeUInt16LE(type, 2)
  bytes.set(value, 4)
  return bytes
}

export function nested(type: number, ...attributes: readonly Uint8Array[]): Buffer {
  return attribute(type | NLA_F_NESTED, Buffer.concat(attributes))
}

/** A string with its final NUL. */
export function textAttribute(type: number, text: string): Buffer {
  return attribute(type, Buffer.from(`${text}\0`))
}

export function u32Attribute(type: number, value: number): Buffer {
  return attribute(type, u32(value))
}

/** Big-endian, as nf_tables has all its numbers. */
export function u32beAttribute(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0, 0)
  return attribute(type, bytes)
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0, 0)
  return bytes
}

/** By type, without the flag bits; a list of attributes of one type needs `listAttributes`. */
export function decodeAttributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  return new Map(listAttributes(bytes))
}

export function listAttributes(bytes: Buffer): readonly (readonly [type: number, value: Buffer])[] {
  const attributes: [number, Buffer][] = []
  let offset = 0
  while (offset + 4 <= bytes.length) {
    const length = bytes.readUInt16LE(offset)
    if (length < 4 || offset + length > bytes.length) {
      throw kernelProtocolError(`netlink: an attribute of ${length} bytes at ${offset} of ${bytes.length}`)
    }
    attributes.push([
      bytes.readUInt16LE(offset + 2) & NLA_TYPE_MASK,
      bytes.subarray(offset + 4, offset + length),
    ])
    offset += align(length)
  }
  return attributes
}

/** Text up to the first NUL. */
export function decodeText(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
}

function quotedBytes(payload: Buffer, flags: number): number {
  if (payload.length < 4 + headerBytes) return 0
  return (flags & NLM_F_CAPPED) === 0 ? payload.readUInt32LE(4) : headerBytes
}

function pad(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes
  return Buffer.concat([bytes, Buffer.alloc(align(bytes.length) - bytes.length)])
}

function align(length: number): number {
  return (length + 3) & ~3
}
