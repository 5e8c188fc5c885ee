/** Bytes kept free in front of a slab's payload: an HTTP/2 frame header fits there, so payload leaves without a copy. */
export const headroomBytes = 9

/**
 * Payload sizes of slabs: an idle stream's, a busy one's, a bulk one's. With their headroom they fill whole TLS records;
 * otherwise each frame would end in a record of nine bytes.
 */
export const slabClassBytes: readonly [small: number, medium: number, large: number] = [
  4 * 1024 - headroomBytes,
  64 * 1024 - headroomBytes,
  256 * 1024 - headroomBytes,
]

export interface SlabPoolOptions {
  /** Free bytes kept for reuse in each class; more go to the garbage collector. */
  readonly maxFreeBytesPerClass?: number
}

/** Recycled buffers, one pool a thread. Slabs are handed out with whatever bytes they last held. */
export class SlabPool {
  readonly #free: readonly [Buffer[], Buffer[], Buffer[]] = [[], [], []]
  /** Fewest that lay free since the last `trim`: nobody needed those. */
  readonly #idle: [number, number, number] = [0, 0, 0]
  readonly #maxFree: readonly [number, number, number]
  #taken = 0
  #takenBytes = 0

  constructor(options: SlabPoolOptions = {}) {
    const max = options.maxFreeBytesPerClass ?? 4 * 1024 * 1024
    const [small, medium, large] = slabClassBytes
    this.#maxFree = [Math.floor(max / small), Math.floor(max / medium), Math.floor(max / large)]
  }

  /** Slabs given out and not given back. */
  get taken(): number {
    return this.#taken
  }

  /** Their memory. */
  get takenBytes(): number {
    return this.#takenBytes
  }

  /** Payload bytes lying free. */
  get freeBytes(): number {
    const [small, medium, large] = this.#free
    return (
      small.length * slabClassBytes[0] + medium.length * slabClassBytes[1] + large.length * slabClassBytes[2]
    )
  }

  /** A slab with room for `payloadBytes` (at most the large class) behind the headroom. */
  take(payloadBytes: number): Buffer {
    const index = payloadBytes <= slabClassBytes[0] ? 0 : payloadBytes <= slabClassBytes[1] ? 1 : 2
    this.#taken++
    this.#takenBytes += slabClassBytes[index] + headroomBytes
    const free = this.#free[index]
    const slab = free.pop()
    if (free.length < this.#idle[index]) this.#idle[index] = free.length
    // Slow: not cut from Node's shared 8 KiB pool, whose other users would keep it alive.
    return slab ?? Buffer.allocUnsafeSlow(slabClassBytes[index] + headroomBytes)
  }

  /** Gives a slab back. It must not be touched afterwards. */
  give(slab: Buffer): void {
    const payloadBytes = slab.length - headroomBytes
    const index = payloadBytes === slabClassBytes[0] ? 0 : payloadBytes === slabClassBytes[1] ? 1 : 2
    this.#taken--
    this.#takenBytes -= slab.length
    const free = this.#free[index]
    if (payloadBytes === slabClassBytes[index] && free.length < this.#maxFree[index]) free.push(slab)
  }

  /** Lets go of the slabs that lay free since the last call. Called now and then, it gives a burst's memory back. */
  trim(): void {
    for (const index of [0, 1, 2] as const) {
      const free = this.#free[index]
      free.length -= this.#idle[index]
      this.#idle[index] = free.length
    }
  }
}
