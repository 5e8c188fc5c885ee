/** Where a name begins and ends in its message, then its version. */
export const placeLength = 4
/** Of an entry, for a first guess at their number. */
const usualBytes = 48
/** Beyond what any limit allows: an entry may be two bytes on the wire, and is sixteen here. */
const maxSize = 1_000_000

/**
 * What a node has from an earlier stream, as it stands in its request: versions by name. Nothing is made of it but
 * places, because a node of a large mesh brings fifty thousand of them, and after a restart all nodes come at once.
 */
export class InitialVersions {
  static readonly none: InitialVersions = new InitialVersions(Buffer.alloc(0))
  readonly #message: Buffer
  #places: Int32Array = new Int32Array(0)
  #size: number = 0
  #longestNameBytes: number = 0

  constructor(message: Uint8Array) {
    this.#message = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  }

  /** For tests: the same as if they had come in a request. */
  static of(entries: Iterable<readonly [name: string, version: string]>): InitialVersions {
    const texts = [...entries].flat().map((text) => Buffer.from(text))
    const versions = new InitialVersions(Buffer.concat(texts))
    let at = 0
    for (let i = 0; i + 1 < texts.length; i += 2) {
      const nameEnd = at + (texts[i]?.length ?? 0)
      const versionEnd = nameEnd + (texts[i + 1]?.length ?? 0)
      versions.add(at, nameEnd, nameEnd, versionEnd)
      at = versionEnd
    }
    return versions
  }

  get size(): number {
    return this.#size
  }

  get longestNameBytes(): number {
    return this.#longestNameBytes
  }

  /** Notes where one stands in the message. Throws a RangeError at a million of them. */
  add(nameStart: number, nameEnd: number, versionStart: number, versionEnd: number): void {
    if (this.#size >= maxSize) throw new RangeError(`more than ${maxSize} initial versions`)
    const at = this.#size * placeLength
    if (at === this.#places.length) this.#grow()
    this.#places[at] = nameStart
    this.#places[at + 1] = nameEnd
    this.#places[at + 2] = versionStart
    this.#places[at + 3] = versionEnd
    this.#size++
    this.#longestNameBytes = Math.max(this.#longestNameBytes, nameEnd - nameStart)
  }

  /** The message in which they stand. */
  get message(): Uint8Array {
    return this.#message
  }

  /** `placeLength` offsets for each of them, in the order in which they came; a name that came twice has its last version. */
  get places(): Int32Array {
    return this.#places.subarray(0, this.#size * placeLength)
  }

  /** As text, for who asks by name and so brings few. */
  *entries(): Generator<readonly [name: string, version: string]> {
    const text = (start: number | undefined, end: number | undefined): string =>
      this.#message.toString('utf8', start, end)
    const places = this.#places
    for (let at = 0; at < this.#size * placeLength; at += placeLength) {
      yield [text(places[at], places[at + 1]), text(places[at + 2], places[at + 3])]
    }
  }

  #grow(): void {
    const larger = new Int32Array(
      Math.max(
        16 * placeLength,
        this.#places.length * 2,
        placeLength * Math.ceil(this.#message.length / usualBytes),
      ),
    )
    larger.set(this.#places)
    this.#places = larger
  }
}
