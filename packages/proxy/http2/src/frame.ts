/** Frame types (RFC 9113 §6). */
export const frameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const

/** Frame flags (RFC 9113 §6); ACK and END_STREAM share a bit. */
export const frameFlag = {
  endStream: 0x1,
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const

export const frameHeaderBytes = 9

/** What a client says first (RFC 9113 §3.4). */
export const clientPreface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** SETTINGS_MAX_FRAME_SIZE before a peer says otherwise (RFC 9113 §6.5.2). */
export const defaultMaxFrameBytes = 16_384

/** Largest window and stream identifier (RFC 9113 §5.1.1, §6.9.1). */
export const maxInt31 = 0x7fff_ffff

/** Nine bytes before every payload (RFC 9113 §4.1). One object is reused for all frames of a direction. */
export class FrameHeader {
  length = 0
  type = 0
  flags = 0
  streamId = 0

  set(length: number, type: number, flags: number, streamId: number): this {
    this.length = length
    this.type = type
    this.flags = flags
    this.streamId = streamId
    return this
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0
  }

  write(out: Buffer, at: number): void {
    const { length, streamId } = this
    out[at] = length >>> 16
    out[at + 1] = length >>> 8
    out[at + 2] = length
    out[at + 3] = this.type
    out[at + 4] = this.flags
    out[at + 5] = streamId >>> 24
    out[at + 6] = streamId >>> 16
    out[at + 7] = streamId >>> 8
    out[at + 8] = streamId
  }

  /** The reserved bit in front of the stream identifier is ignored, as §4.1 asks. Nine bytes must be there. */
  read(bytes: Buffer, at: number): void {
    this.length = bytes.readUIntBE(at, 3)
    this.type = byteAt(bytes, at + 3)
    this.flags = byteAt(bytes, at + 4)
    this.streamId = readUint31(bytes, at + 5)
  }
}

/** The byte there, or 0 behind the end: spares a check where the length is already known. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return readUint31(bytes, at) + (byteAt(bytes, at) >>> 7) * 0x8000_0000
}

/** Four bytes without the top bit: stream identifiers and window increments. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return (
    ((byteAt(bytes, at) & 0x7f) << 24) |
    (byteAt(bytes, at + 1) << 16) |
    (byteAt(bytes, at + 2) << 8) |
    byteAt(bytes, at + 3)
  )
}
