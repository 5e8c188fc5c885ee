/** TLS hands out at most one record's payload at a time. @see RFC 8446 §5.1 */
const slabBytes = 16_384

const maxFree = 256

/**
 * Buffers that TLS payload is read into, recycled. Who passes payload on to a socket that does not take it at
 * once keeps the buffer until it left; several streams may have payload in one buffer.
 */
export class ReceiveSlabs {
  readonly #free: Buffer[] = []
  readonly #keepers: Map<Buffer, number> = new Map()

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(slabBytes)
  }

  give(slab: Buffer): void {
    // Buffers that Node made for its own reads come by here too: they are of other sizes, and left to the collector.
    if (slab.length === slabBytes && this.#free.length < maxFree) this.#free.push(slab)
  }

  keep(slab: Buffer): void {
    this.#keepers.set(slab, (this.#keepers.get(slab) ?? 0) + 1)
  }

  release(slab: Buffer): void {
    const keepers = (this.#keepers.get(slab) ?? 0) - 1
    if (keepers > 0) {
      this.#keepers.set(slab, keepers)
      return
    }
    this.#keepers.delete(slab)
    this.give(slab)
  }

  /** Buffers that wait for a slow socket. */
  get kept(): number {
    return this.#keepers.size
  }
}
