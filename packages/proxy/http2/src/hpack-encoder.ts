import { huffmanEncode, huffmanLength } from './huffman.ts'
import {
  DynamicTable,
  fieldSize,
  staticCount,
  staticIndexByName,
  staticNames,
  staticValues,
} from './hpack-table.ts'
import type { HeaderList } from './session-types.ts'

export interface HpackEncoderOptions {
  /** Most that our own table may hold, whatever the peer allows. */
  readonly maxTableBytes?: number
  /** Code strings where that is shorter. Off by default: inside a mesh the bytes cost less than the time. */
  readonly huffman?: boolean
}

/** Secrets: never in any table, also not in those of proxies behind us (RFC 7541 §7.1.3). */
const secretNames: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
])

/** Values that hardly ever come twice would only push out those that do. */
const fleetingNames: ReadonlySet<string> = new Set(
  `:path age content-length content-range date etag expires forwarded grpc-timeout if-match if-modified-since if-none-match
  if-range last-modified location range traceparent tracestate x-b3-spanid x-b3-traceid x-forwarded-for x-request-id`.split(
    /\s+/,
  ),
)

/** Output, shared by all encoders of the thread: copied into frames before the next call. */
let scratch: Buffer = Buffer.allocUnsafeSlow(16 * 1024)

/** The most that a field takes besides its octets: a first byte and two lengths of up to five bytes. */
const fieldFramingBytes = 16

/** First byte and prefix of the three literal forms (RFC 7541 §6.2). */
interface LiteralForm {
  readonly first: number
  readonly prefix: number
}
const indexedForm: LiteralForm = { first: 0x40, prefix: 0x3f }
const plainForm: LiteralForm = { first: 0x00, prefix: 0x0f }
const neverForm: LiteralForm = { first: 0x10, prefix: 0x0f }

/** HPACK encoder of one direction of a session (RFC 7541). */
export class HpackEncoder {
  readonly #table: DynamicTable
  /** Name, value, and how many entries had been inserted before. A field is in the table at most once. */
  readonly #ordinals: Map<string, Map<string, number>> = new Map()
  readonly #ownMaxBytes: number
  readonly #huffman: boolean
  #inserted = 0
  /** Smallest size since the last block, where the peer changed it: to be said before the final one (RFC 7541 §4.2). */
  #announceLow = -1
  #at = 0

  constructor(options: HpackEncoderOptions = {}) {
    this.#ownMaxBytes = options.maxTableBytes ?? 4096
    this.#huffman = options.huffman ?? false
    // The peer's decoder starts at 4096, so a smaller table of ours has to be announced; see `setPeerMaxBytes`.
    this.#table = new DynamicTable(4096, (name, value) => this.#forget(name, value))
    this.setPeerMaxBytes(4096)
  }

  /** The last block: `bytes[0, encode(…))`, valid until any encoder's next call. */
  get bytes(): Buffer {
    return scratch
  }

  get tableBytes(): number {
    return this.#table.size
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setPeerMaxBytes(peerMaxBytes: number): void {
    const size = Math.min(peerMaxBytes, this.#ownMaxBytes)
    if (size === this.#table.maxSize) return
    this.#announceLow = this.#announceLow < 0 ? size : Math.min(this.#announceLow, size)
    this.#table.resize(size)
  }

  /** Encodes a list that has passed `isSendable`. Returns the length of the block in `bytes`. */
  encode(headers: HeaderList): number {
    this.#reserve(headers)
    this.#at = 0
    this.#announce()
    for (let i = 0; i + 1 < headers.length; i += 2) this.#field(headers[i] ?? '', headers[i + 1] ?? '')
    return this.#at
  }

  #reserve(headers: HeaderList): void {
    let bytes = 2 * fieldFramingBytes
    for (const text of headers) bytes += text.length + fieldFramingBytes
    if (bytes > scratch.length) scratch = Buffer.allocUnsafeSlow(bytes)
  }

  #announce(): void {
    if (this.#announceLow < 0) return
    if (this.#announceLow < this.#table.maxSize) this.#integer(0x20, 0x1f, this.#announceLow)
    this.#integer(0x20, 0x1f, this.#table.maxSize)
    this.#announceLow = -1
  }

  #field(name: string, value: string): void {
    const staticIndex = staticIndexByName.get(name) ?? 0
    for (let index = staticIndex; index > 0 && staticNames[index] === name; index++) {
      if (staticValues[index] === value && value !== '') {
        this.#integer(0x80, 0x7f, index)
        return
      }
    }
    if (secretNames.has(name)) this.#literal(neverForm, staticIndex, name, value)
    else if (fleetingNames.has(name)) this.#literal(plainForm, staticIndex, name, value)
    else this.#indexable(staticIndex, name, value)
  }

  #indexable(staticIndex: number, name: string, value: string): void {
    const sameName = this.#ordinals.get(name)
    const ordinal = sameName?.get(value)
    if (ordinal !== undefined) {
      this.#integer(0x80, 0x7f, this.#indexOf(ordinal))
      return
    }
    const nameIndex = staticIndex > 0 || sameName === undefined ? staticIndex : this.#nameIndex(sameName)
    // One field may not fill the table with itself.
    if (fieldSize(name, value) * 4 > this.#table.maxSize) {
      this.#literal(plainForm, nameIndex, name, value)
      return
    }
    this.#literal(indexedForm, nameIndex, name, value)
    this.#table.insert(name, value)
    this.#remember(name, value)
  }

  #indexOf(ordinal: number): number {
    return staticCount + this.#inserted - ordinal
  }

  #nameIndex(sameName: ReadonlyMap<string, number>): number {
    for (const ordinal of sameName.values()) return this.#indexOf(ordinal)
    return 0
  }

  #remember(name: string, value: string): void {
    const sameName = this.#ordinals.get(name)
    if (sameName === undefined) this.#ordinals.set(name, new Map([[value, this.#inserted]]))
    else sameName.set(value, this.#inserted)
    this.#inserted++
  }

  #forget(name: string, value: string): void {
    const sameName = this.#ordinals.get(name)
    sameName?.delete(value)
    if (sameName?.size === 0) this.#ordinals.delete(name)
  }

  #literal(form: LiteralForm, nameIndex: number, name: string, value: string): void {
    this.#integer(form.first, form.prefix, nameIndex)
    if (nameIndex === 0) this.#string(name)
    this.#string(value)
  }

  /** RFC 7541 §5.1. */
  #integer(first: number, prefix: number, value: number): void {
    if (value < prefix) {
      scratch[this.#at++] = first | value
      return
    }
    scratch[this.#at++] = first | prefix
    let rest = value - prefix
    for (; rest >= 0x80; rest >>>= 7) scratch[this.#at++] = (rest & 0x7f) | 0x80
    scratch[this.#at++] = rest
  }

  #string(text: string): void {
    const coded = this.#huffman ? huffmanLength(text) : text.length
    if (coded < text.length) {
      this.#integer(0x80, 0x7f, coded)
      this.#at = huffmanEncode(text, scratch, this.#at)
      return
    }
    this.#integer(0x00, 0x7f, text.length)
    this.#at += scratch.write(text, this.#at, 'latin1')
  }
}
