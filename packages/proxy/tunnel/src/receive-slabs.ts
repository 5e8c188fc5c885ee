/** TLS hands out at most one record's payload at a time. @see RFC 8446 §5.1 */
export const recordBytes = 16_384

/** Of a session in bulk: what it receives in one turn lies in one piece, and goes on in one write. */
const bulkRecords = 16
/** Of all quiet sessions together. */
const quietRecords = 2

const maxFree = 16

/** A buffer with a place for each of several records. It is free once nobody refers to any of them. */
export interface ReceiveSlab {
  readonly bytes: Buffer
  /** One view a record, made once: Node wants a view for each read. */
  readonly slots: readonly Buffer[]
  /** Who refers to payload in it, a reader that still fills it included. */
  keepers: number
}

/**
 * Buffers that TLS payload is read into, recycled. Who passes payload on to a socket that does not take it at
 * once keeps the buffer until it left; several streams may have payload in one buffer.
 */
export class ReceiveSlabs {
  /** Where quiet sessions read: what lands is moved on within the same call, so that an idle session owns nothing. */
  readonly landing: Buffer = Buffer.allocUnsafeSlow(recordBytes)
  readonly #free: ReceiveSlab[] = []
  /** Fewest that lay free since the last `trim`. */
  #idle: number = 0
  readonly #known: Map<Buffer, ReceiveSlab> = new Map()
  #quiet: ReceiveSlab | undefined
  #quietAt: number = 0
  #kept: number = 0
  /** Of all slabs, free or not. */
  #bytes: number = 0

  /** For a session in bulk, which fills slot after slot and then gives it back. */
  take(): ReceiveSlab {
    const slab = this.#free.pop() ?? this.#make(bulkRecords)
    this.#idle = Math.min(this.#idle, this.#free.length)
    slab.keepers = 1
    return slab
  }

  /** The reader is done with it; others may still refer to payload there. */
  give(slab: ReceiveSlab): void {
    this.#let(slab)
  }

  /** Passes on the first `length` bytes of `landing`, from where they may stay. */
  passOn(length: number, receive: (bytes: Buffer, start: number, end: number) => void): void {
    let slab = this.#quiet
    if (slab !== undefined && slab.keepers === 1) this.#quietAt = 0
    if (slab === undefined || this.#quietAt + length > slab.bytes.length) slab = this.#nextQuiet()
    const start = this.#quietAt
    this.landing.copy(slab.bytes, start, 0, length)
    // Before the call: what it leads to may read another session's bytes.
    this.#quietAt = start + length
    receive(slab.bytes, start, start + length)
  }

  keep(bytes: Buffer): void {
    this.#kept++
    const slab = this.#known.get(bytes)
    if (slab !== undefined) slab.keepers++
  }

  release(bytes: Buffer): void {
    this.#kept--
    const slab = this.#known.get(bytes)
    if (slab !== undefined) this.#let(slab)
  }

  /** References to payload that waits for a slow socket. */
  get kept(): number {
    return this.#kept
  }

  /** Memory of the slabs that somebody reads into or refers to. */
  get heldBytes(): number {
    const quiet = this.#quiet
    const idle = quiet !== undefined && quiet.keepers === 1 ? quiet.bytes.length : 0
    return this.#bytes - this.freeBytes - idle
  }

  /** Memory of free slabs. */
  get freeBytes(): number {
    return this.#free.length * bulkRecords * recordBytes
  }

  /** Lets go of the slabs that lay free since the last call. */
  trim(): void {
    for (const slab of this.#free.splice(0, this.#idle)) this.#forget(slab)
    this.#idle = this.#free.length
  }

  #nextQuiet(): ReceiveSlab {
    if (this.#quiet !== undefined) this.#let(this.#quiet)
    this.#quiet = this.#make(quietRecords)
    this.#quiet.keepers = 1
    this.#quietAt = 0
    return this.#quiet
  }

  #make(records: number): ReceiveSlab {
    const bytes = Buffer.allocUnsafeSlow(records * recordBytes)
    const slots = Array.from({ length: records }, (_, slot) =>
      bytes.subarray(slot * recordBytes, (slot + 1) * recordBytes),
    )
    const slab = { bytes, slots, keepers: 0 }
    this.#known.set(bytes, slab)
    this.#bytes += bytes.length
    return slab
  }

  #let(slab: ReceiveSlab): void {
    slab.keepers--
    if (slab.keepers > 0) return
    if (slab.slots.length === bulkRecords && this.#free.length < maxFree) this.#free.push(slab)
    else this.#forget(slab)
  }

  #forget(slab: ReceiveSlab): void {
    this.#known.delete(slab.bytes)
    this.#bytes -= slab.bytes.length
  }
}
