/** Every entry costs its octets and this much (RFC 7541 §4.1). */
export const entryOverheadBytes = 32

/** The static table's fields that stand alone, in order, from index 17 on (RFC 7541 Appendix A). */
const namesOnly =
  `accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control
  content-disposition content-encoding content-language content-length content-location content-range content-type cookie
  date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified
  link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie
  strict-transport-security transfer-encoding user-agent vary via www-authenticate`.split(/\s+/)

/** The static table (RFC 7541 Appendix A), index 1 first. */
const staticFields: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...namesOnly.map((name) => [name, ''] as const),
]

export const staticCount: number = staticFields.length

/** Index 0 is unused, as on the wire. */
export const staticNames: readonly string[] = ['', ...staticFields.map(([name]) => name)]
export const staticValues: readonly string[] = ['', ...staticFields.map(([, value]) => value)]

/** First static index of a name. */
export const staticIndexByName: ReadonlyMap<string, number> = new Map(
  staticFields.map(([name], index): [string, number] => [name, index + 1]).reverse(),
)

/** Octets that a field costs in the table and in a header list (RFC 7541 §4.1, RFC 9113 §6.5.2). */
export function fieldSize(name: string, value: string): number {
  return name.length + value.length + entryOverheadBytes
}

/** The dynamic table (RFC 7541 §2.3.2): newest entry is index 1 here. Owns no memory while empty. */
export class DynamicTable {
  #names: string[] = []
  #values: string[] = []
  /** Where the oldest live entry is in the arrays; what lies before was evicted and waits to be cut off. */
  #oldest = 0
  #size = 0
  #maxSize: number

  readonly #onEvict: ((name: string, value: string) => void) | undefined

  constructor(maxSize: number, onEvict?: (name: string, value: string) => void) {
    this.#maxSize = maxSize
    this.#onEvict = onEvict
  }

  get count(): number {
    return this.#names.length - this.#oldest
  }

  get size(): number {
    return this.#size
  }

  get maxSize(): number {
    return this.#maxSize
  }

  /** Only for an index that `has` knows. */
  nameAt(index: number): string | undefined {
    return this.#names[this.#names.length - index]
  }

  valueAt(index: number): string | undefined {
    return this.#values[this.#values.length - index]
  }

  has(index: number): boolean {
    return index >= 1 && index <= this.count
  }

  /** Evicts until `maxSize` holds (RFC 7541 §4.3). */
  resize(maxSize: number): void {
    this.#maxSize = maxSize
    this.#evictFor(0)
  }

  /** Adds a field, evicting what has no room; one that is larger than the table only empties it (RFC 7541 §4.4). */
  insert(name: string, value: string): void {
    const size = fieldSize(name, value)
    this.#evictFor(size)
    if (size > this.#maxSize) return
    this.#names.push(name)
    this.#values.push(value)
    this.#size += size
  }

  #evictFor(size: number): void {
    while (this.#size + size > this.#maxSize && this.count > 0) {
      const name = this.#names[this.#oldest] ?? ''
      const value = this.#values[this.#oldest] ?? ''
      this.#names[this.#oldest] = ''
      this.#values[this.#oldest] = ''
      this.#oldest++
      this.#size -= fieldSize(name, value)
      this.#onEvict?.(name, value)
    }
    if (this.#oldest > 32 && this.#oldest * 2 > this.#names.length) this.#compact()
  }

  #compact(): void {
    this.#names.splice(0, this.#oldest)
    this.#values.splice(0, this.#oldest)
    this.#oldest = 0
  }
}
