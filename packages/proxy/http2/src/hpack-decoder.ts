import { huffmanDecode } from './huffman.ts'
import { DynamicTable, fieldSize, staticCount, staticNames, staticValues } from './hpack-table.ts'

/** How a header block came out. */
export const decodeOutcome = {
  ok: 0,
  /** The list is over the limit; HPACK state is intact, so only this stream has to go. */
  tooLarge: 1,
  /** The block is broken, or decodes to far over the limit: the session has to go (RFC 7541 §5, RFC 9113 §4.3). */
  broken: 2,
} as const
export type DecodeOutcome = (typeof decodeOutcome)[keyof typeof decodeOutcome]

/** A block that decodes to this many times the limit is a bomb, not a mistake. */
const bombFactor = 4

/** At most two may open a block: the smallest size since the last block, and the final one (RFC 7541 §4.2). */
const maxSizeUpdates = 2

/** Integers above this have no honest use here; it also keeps the arithmetic within 32 bits. */
const maxInteger = 0xfff_ffff

/** Output of Huffman decoding, shared by all decoders of the thread: nothing outlives a call. */
let scratch: Buffer = Buffer.allocUnsafeSlow(4096)

/** HPACK decoder of one direction of a session (RFC 7541). */
export class HpackDecoder {
  readonly #table: DynamicTable
  readonly #maxListBytes: number
  /** What our SETTINGS allow the peer's encoder. */
  #maxTableBytes: number
  #mustShrink = false
  #bytes: Buffer = scratch
  #at = 0
  #end = 0
  #failed = false
  #listBytes = 0

  constructor(maxTableBytes: number, maxListBytes: number) {
    this.#table = new DynamicTable(maxTableBytes)
    this.#maxTableBytes = maxTableBytes
    this.#maxListBytes = maxListBytes
  }

  /** Octets in the dynamic table. */
  get tableBytes(): number {
    return this.#table.size
  }

  /** What the last block decoded to, as limits count it. */
  get listBytes(): number {
    return this.#listBytes
  }

  /** The peer acknowledged a new SETTINGS_HEADER_TABLE_SIZE. A smaller one has to open its next block (RFC 7541 §4.2). */
  setMaxTableBytes(maxTableBytes: number): void {
    this.#maxTableBytes = maxTableBytes
    this.#mustShrink = this.#table.maxSize > maxTableBytes
  }

  /** Decodes a whole block from `bytes[start, end)`, pushing names and values in turn to `into`. */
  decode(bytes: Buffer, start: number, end: number, into: string[]): DecodeOutcome {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#failed = false
    this.#listBytes = 0
    this.#sizeUpdates()
    while (this.#at < this.#end && !this.#failed) this.#field(into)
    // The caller's buffer is recycled: no reference may stay.
    this.#bytes = scratch
    if (this.#failed) return decodeOutcome.broken
    return this.#listBytes > this.#maxListBytes ? decodeOutcome.tooLarge : decodeOutcome.ok
  }

  #sizeUpdates(): void {
    for (let updates = 0; this.#at < this.#end && (this.#peek() & 0xe0) === 0x20; updates++) {
      const size = this.#integer(0x1f)
      if (updates === maxSizeUpdates || size > this.#maxTableBytes) this.#failed = true
      if (this.#failed) return
      this.#table.resize(size)
      this.#mustShrink = false
    }
    if (this.#mustShrink) this.#failed = true
  }

  #field(into: string[]): void {
    const first = this.#peek()
    if ((first & 0x80) !== 0) this.#indexed(into)
    else if ((first & 0x40) !== 0) this.#literal(into, 0x3f)
    // A size update is allowed only at the start of a block.
    else if ((first & 0x20) !== 0) this.#failed = true
    else this.#literal(into, 0x0f)
  }

  #indexed(into: string[]): void {
    const index = this.#integer(0x7f)
    if (this.#failed || !this.#isIndex(index)) {
      this.#failed = true
      return
    }
    const dynamic = index - staticCount
    const name = dynamic > 0 ? this.#table.nameAt(dynamic) : staticNames[index]
    const value = dynamic > 0 ? this.#table.valueAt(dynamic) : staticValues[index]
    this.#emit(into, name ?? '', value ?? '')
  }

  /** Literal with incremental indexing (prefix of six bits), without it or never indexed (four bits). */
  #literal(into: string[], prefix: number): void {
    const index = this.#integer(prefix)
    if (index !== 0 && !this.#isIndex(index)) this.#failed = true
    if (this.#failed) return
    const name = index === 0 ? this.#string() : this.#nameAt(index)
    const value = this.#string()
    if (this.#failed) return
    if (prefix === 0x3f) this.#table.insert(name, value)
    this.#emit(into, name, value)
  }

  #isIndex(index: number): boolean {
    return index > staticCount ? this.#table.has(index - staticCount) : index > 0
  }

  #nameAt(index: number): string {
    const name = index > staticCount ? this.#table.nameAt(index - staticCount) : staticNames[index]
    return name ?? ''
  }

  #emit(into: string[], name: string, value: string): void {
    this.#listBytes += fieldSize(name, value)
    // Past the limit the table must still follow the peer's, but nothing is kept.
    if (this.#listBytes <= this.#maxListBytes) into.push(name, value)
    else if (this.#listBytes > bombFactor * this.#maxListBytes) this.#failed = true
  }

  #peek(): number {
    return this.#bytes[this.#at] ?? 0
  }

  /** RFC 7541 §5.1. */
  #integer(prefix: number): number {
    let value = this.#peek() & prefix
    this.#at++
    if (value < prefix) return value
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= this.#end || shift > 28) break
      const byte = this.#peek()
      this.#at++
      value += (byte & 0x7f) * 2 ** shift
      if (value > maxInteger) break
      if ((byte & 0x80) === 0) return value
    }
    this.#failed = true
    return 0
  }

  /** RFC 7541 §5.2, as Latin-1: a character is an octet. */
  #string(): string {
    if (this.#failed || this.#at >= this.#end) {
      this.#failed = true
      return ''
    }
    const coded = (this.#peek() & 0x80) !== 0
    const length = this.#integer(0x7f)
    const start = this.#at
    if (this.#failed || length > this.#end - start) {
      this.#failed = true
      return ''
    }
    this.#at = start + length
    return coded ? this.#huffman(start, length) : this.#bytes.toString('latin1', start, start + length)
  }

  #huffman(start: number, length: number): string {
    // No code is shorter than five bits. Header blocks are bounded, hence so is this.
    if (scratch.length * 5 < length * 8) scratch = Buffer.allocUnsafeSlow(Math.ceil((length * 8) / 5))
    const decoded = huffmanDecode(this.#bytes, start, start + length, scratch)
    if (decoded < 0) this.#failed = true
    return decoded < 0 ? '' : scratch.toString('latin1', 0, decoded)
  }
}
