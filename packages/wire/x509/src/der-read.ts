import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { tags } from './der-write.ts'

/** What is wrong with some DER; never leaves this package, `readDer` turns it into a Result. */
export class DerError extends Error {}

const maxDepth = 16

/**
 * A strict reader: definite and shortest lengths only, one-byte tags, nothing left over, bounded depth. Two
 * readings of one certificate are how checks get bypassed, so what is not DER is refused and not repaired.
 */
export class DerReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  readonly #depth: number
  #at: number

  constructor(bytes: Uint8Array, depth: number = 0) {
    if (depth > maxDepth) throw new DerError(`nested deeper than ${maxDepth}`)
    this.#bytes = bytes
    this.#end = bytes.length
    this.#depth = depth
    this.#at = 0
  }

  get done(): boolean {
    return this.#at >= this.#end
  }

  /** The next element's tag; undefined at the end. */
  get tag(): number | undefined {
    return this.done ? undefined : this.#bytes[this.#at]
  }

  /** The whole next element, head and content. */
  raw(tag?: number): Uint8Array {
    const start = this.#at
    this.#skipHead(tag)
    return this.#bytes.subarray(start, this.#at)
  }

  content(tag: number): Uint8Array {
    const length = this.#skipHead(tag)
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** Reads what lies in the next element; all of it must be read. */
  within<T>(tag: number, read: (reader: DerReader) => T): T {
    const inner = new DerReader(this.content(tag), this.#depth + 1)
    const value = read(inner)
    inner.end()
    return value
  }

  optional<T>(tag: number, read: () => T): T | undefined {
    return this.tag === tag ? read() : undefined
  }

  end(): void {
    if (!this.done) throw new DerError(`${this.#end - this.#at} bytes after the end of what was expected`)
  }

  /** Moves past the next element; returns the length of its content. */
  #skipHead(expected: number | undefined): number {
    const tag = this.#byte()
    if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of several bytes')
    if (expected !== undefined && tag !== expected) {
      throw new DerError(`expected tag 0x${expected.toString(16)}, found 0x${tag.toString(16)}`)
    }
    const length = this.#length()
    if (length > this.#end - this.#at) throw new DerError('an element longer than what holds it')
    this.#at += length
    return length
  }

  #length(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > 4) throw new DerError('an indefinite or huge length')
    let length = 0
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte()
    if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError('a length that is not the shortest')
    return length
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new DerError('the bytes end within an element')
    this.#at++
    return byte
  }
}

/** Runs a reader over all of `bytes`; what it finds wrong becomes the error, anything else is a bug and goes on. */
export function readDer<T>(what: string, bytes: Uint8Array, read: (reader: DerReader) => T): Result<T> {
  try {
    const reader = new DerReader(bytes)
    const value = read(reader)
    reader.end()
    return ok(value)
  } catch (error) {
    if (error instanceof DerError) return err(`not a valid ${what}: ${error.message}`)
    throw error
  }
}

/** A non-negative INTEGER's bytes without the leading zero. */
export function readMagnitude(reader: DerReader): Uint8Array {
  const bytes = reader.content(tags.integer)
  const [first, second] = bytes
  if (first === undefined) throw new DerError('an empty integer')
  if (first >= 0x80) throw new DerError('a negative integer')
  if (first === 0 && second !== undefined && second < 0x80) throw new DerError('a padded integer')
  return first === 0 && bytes.length > 1 ? bytes.subarray(1) : bytes
}

export function readSmallInteger(reader: DerReader): number {
  const bytes = readMagnitude(reader)
  if (bytes.length > 4) throw new DerError('an integer over four bytes')
  return bytes.reduce((value, byte) => value * 256 + byte, 0)
}

export function readBoolean(reader: DerReader): boolean {
  const bytes = reader.content(tags.boolean)
  if (bytes.length !== 1 || (bytes[0] !== 0 && bytes[0] !== 0xff))
    throw new DerError('a boolean that is not DER')
  return bytes[0] === 0xff
}

/** A BIT STRING of whole bytes. */
export function readBits(reader: DerReader): Uint8Array {
  const bytes = reader.content(tags.bitString)
  if (bytes[0] !== 0) throw new DerError('a bit string that is not whole bytes')
  return bytes.subarray(1)
}

/** The numbers of the bits that are set, bit 0 first. */
export function readNamedBits(reader: DerReader): readonly number[] {
  const [unused, ...bytes] = reader.content(tags.bitString)
  if (unused === undefined || unused > 7 || (bytes.length === 0 && unused > 0) || bytes.length > 4) {
    throw new DerError('a malformed bit string')
  }
  // X.690 §11.2.1: others do not look there, and would find fewer bits than we.
  if (((bytes.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0) throw new DerError('bits set in the padding')
  return bytes.flatMap((byte, i) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (0x80 >> bit)) !== 0).map((bit) => i * 8 + bit),
  )
}

export function readOid(reader: DerReader): string {
  const bytes = reader.content(tags.oid)
  if (bytes.length === 0 || bytes.length > 64) throw new DerError('an object identifier of an odd length')
  const parts: number[] = []
  let value = 0
  let open = false
  for (const byte of bytes) {
    if (!open && byte === 0x80) throw new DerError('a padded object identifier')
    value = value * 128 + (byte & 0x7f)
    if (value > Number.MAX_SAFE_INTEGER) throw new DerError('an object identifier with a huge part')
    open = byte >= 0x80
    if (open) continue
    parts.push(value)
    value = 0
  }
  if (open) throw new DerError('an object identifier that does not end')
  const [head = 0, ...rest] = parts
  const first = Math.min(2, Math.floor(head / 40))
  return [first, head - first * 40, ...rest].join('.')
}

/** UTCTime or GeneralizedTime in the only two forms that certificates may use. @see RFC 5280 §4.1.2.5 */
export function readTimeMs(reader: DerReader): number {
  const utc = reader.tag === tags.utcTime
  const text = Buffer.from(reader.content(utc ? tags.utcTime : tags.generalizedTime)).toString('latin1')
  const digits = utc ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/u.exec(digits)
  if (parts === null) throw new DerError('a time that is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ')
  const iso = `${parts.slice(1, 4).join('-')}T${parts.slice(4, 7).join(':')}.000Z`
  const ms = Date.parse(iso)
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== iso) throw new DerError('a time that does not exist')
  return ms
}
