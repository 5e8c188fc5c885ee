/** As little of WebSocket as a ping-pong takes (RFC 6455): frames of at most 125 bytes, each in one piece. */
import { createHash, randomBytes } from 'node:crypto'

const textFrame = 0x81

export function newKey(): string {
  return randomBytes(16).toString('base64')
}

/** What a server that understood the key answers (RFC 6455 §4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** A client's message: masked. */
export function encodeClient(text: string): Buffer {
  const payload = Buffer.from(text)
  const mask = randomBytes(4)
  return Buffer.concat([Buffer.of(textFrame, 0x80 | payload.length), mask, masked(payload, mask)])
}

export function encodeServer(text: string): Buffer {
  const payload = Buffer.from(text)
  return Buffer.concat([Buffer.of(textFrame, payload.length), payload])
}

export interface Message {
  readonly text: string
  /** Of the frame. */
  readonly bytes: number
}

/** The first message; undefined while it is not whole. */
export function decode(bytes: Buffer): Message | undefined {
  if (bytes.length < 2) return undefined
  const isMasked = (bytes.readUInt8(1) & 0x80) !== 0
  const start = isMasked ? 6 : 2
  const end = start + (bytes.readUInt8(1) & 0x7f)
  if (bytes.length < end) return undefined
  const payload = bytes.subarray(start, end)
  return { text: String(isMasked ? masked(payload, bytes.subarray(2, 6)) : payload), bytes: end }
}

function masked(payload: Buffer, mask: Buffer): Buffer {
  return Buffer.from(payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0)))
}
