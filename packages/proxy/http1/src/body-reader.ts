import type { Fields } from './fields.ts'
import { needsMore, refused } from './head-reader.ts'
import type { Http1Limits } from './limits.ts'
import { hexValues, octet, tokenLower, valueOctets } from './octets.ts'
import { refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { TrailerReader } from './trailer-reader.ts'

/** What `step` found. */
export const found = {
  /** Payload at `[from, to)`; go on at `to`. */
  data: 0,
  /** All was read. */
  more: 1,
  /** The body is complete; what follows it begins at `to`. */
  end: 2,
  refused: 3,
} as const

/** What the next octet is. */
const phase = {
  over: 0,
  length: 1,
  close: 2,
  data: 3,
  trailers: 4,
  size: 5,
  sizeEnd: 6,
  dataEnd: 7,
  extensionName: 8,
  extensionValue: 9,
  quoted: 10,
  quotedEnd: 11,
} as const

/** More digits would be more than any length that we count. */
const maxSizeDigits = 8

/** Reads payload (RFC 9112 §6.3, §7.1): by length, in chunks, or to the end of the connection. */
export class BodyReader {
  from = 0
  to = 0
  refusal: Refusal = refusals.chunk
  readonly #limits: Http1Limits
  #phase: number = phase.over
  #left = 0
  #digits = 0
  /** Of the line end behind a chunk's data. */
  #hasCr = false
  #extensionBytes = 0
  /** No octet yet of the name or value that is read. */
  #isEmptyPart = true
  #trailerReader: TrailerReader | undefined
  #trailers: Fields | undefined

  constructor(limits: Http1Limits) {
    this.#limits = limits
  }

  byLength(bytes: number): void {
    this.#phase = bytes === 0 ? phase.over : phase.length
    this.#left = bytes
  }

  byChunks(): void {
    this.#beginSize()
    this.#hasCr = false
    this.#extensionBytes = 0
    this.#trailers = undefined
  }

  byClose(): void {
    this.#phase = phase.close
  }

  /** Tells whether the end of the connection ends the body in good order. */
  get endsWithConnection(): boolean {
    return this.#phase === phase.close
  }

  takeTrailers(): Fields | undefined {
    const trailers = this.#trailers
    this.#trailers = undefined
    return trailers
  }

  step(bytes: Buffer, start: number, end: number): number {
    let at = start
    while (at < end) {
      switch (this.#phase) {
        case phase.length:
        case phase.data:
          return this.#data(at, end)
        case phase.close:
          this.from = at
          this.to = end
          return found.data
        case phase.trailers:
          return this.#trailerLines(bytes, at, end)
        case phase.over:
          this.to = at
          return found.end
        default:
          if (!this.#chunkOctet(bytes[at] ?? 0)) return this.#refused(end, refusals.chunk)
          at++
      }
    }
    this.to = at
    return found.more
  }

  #refused(end: number, refusal: Refusal): number {
    this.refusal = refusal
    this.to = end
    return found.refused
  }

  #data(at: number, end: number): number {
    const length = Math.min(this.#left, end - at)
    this.#left -= length
    this.from = at
    this.to = at + length
    if (this.#left === 0) this.#phase = this.#phase === phase.data ? phase.dataEnd : phase.over
    return found.data
  }

  /** The end was found by `step` with the last payload: asked for after each. */
  get isOver(): boolean {
    return this.#phase === phase.over
  }

  /** One octet of what stands around a chunk's data. */
  #chunkOctet(byte: number): boolean {
    switch (this.#phase) {
      case phase.size:
        return this.#size(byte)
      case phase.sizeEnd:
        if (byte !== octet.lf) return false
        this.#phase = this.#left === 0 ? phase.trailers : phase.data
        return true
      case phase.dataEnd:
        return this.#dataEnd(byte)
      default:
        this.#extensionBytes++
        return this.#extensionBytes <= this.#limits.maxExtensionBytes && this.#extension(byte)
    }
  }

  #size(byte: number): boolean {
    const value = hexValues[byte] ?? 255
    if (value !== 255) {
      this.#digits++
      this.#left = 16 * this.#left + value
      return this.#digits <= maxSizeDigits
    }
    if (this.#digits === 0) return false
    if (byte === octet.cr) this.#phase = phase.sizeEnd
    else if (byte === octet.semicolon) this.#beginExtension()
    else return false
    return true
  }

  /**
   * `;name`, `;name=token` or `;name="text"` (RFC 9112 §7.1.1), without blanks and escapes. They are for one connection and known to nobody:
   * read over, never passed on.
   */
  #extension(byte: number): boolean {
    if (this.#phase === phase.quoted) {
      if (byte === octet.quote) this.#phase = phase.quotedEnd
      return byte !== octet.backslash && valueOctets[byte] === 1
    }
    if (this.#phase !== phase.quotedEnd && tokenLower[byte] !== 0) {
      this.#isEmptyPart = false
      return true
    }
    if (this.#phase === phase.extensionValue && this.#isEmptyPart) {
      this.#phase = phase.quoted
      return byte === octet.quote
    }
    return this.#extensionEnd(byte)
  }

  #extensionEnd(byte: number): boolean {
    if (this.#phase !== phase.quotedEnd && this.#isEmptyPart) return false
    if (byte === octet.cr) this.#phase = phase.sizeEnd
    else if (byte === octet.semicolon) this.#beginExtension()
    else if (byte === octet.equals && this.#phase === phase.extensionName) {
      this.#phase = phase.extensionValue
      this.#isEmptyPart = true
    } else return false
    return true
  }

  #beginExtension(): void {
    this.#phase = phase.extensionName
    this.#isEmptyPart = true
  }

  #dataEnd(byte: number): boolean {
    if (byte !== (this.#hasCr ? octet.lf : octet.cr)) return false
    if (this.#hasCr) this.#beginSize()
    this.#hasCr = !this.#hasCr
    return true
  }

  #beginSize(): void {
    this.#phase = phase.size
    this.#digits = 0
    this.#left = 0
  }

  #trailerLines(bytes: Buffer, start: number, end: number): number {
    const reader = (this.#trailerReader ??= new TrailerReader(this.#limits))
    const at = reader.read(bytes, start, end)
    if (at === needsMore) {
      this.to = end
      return found.more
    }
    if (at === refused) {
      return this.#refused(end, reader.refusal)
    }
    this.#trailers = reader.takeFields()
    this.#phase = phase.over
    this.to = at
    return found.end
  }
}
