/** Resources of one chunk: one change has so many encoded again. */
const chunkResources = 128

interface Chunk {
  readonly names: Set<string>
  bytes: Uint8Array | undefined
}

/**
 * Everything there is as bytes, shared by all peers that want it. It is made when it is asked for; a change costs its
 * chunk. Chunks are never written to again, so that whoever sends one may take its time.
 */
export class SnapshotChunks {
  readonly #encode: (name: string) => Uint8Array | undefined
  readonly #chunkOf: Map<string, Chunk> = new Map()
  #chunks: Chunk[] = []
  #open: Chunk | undefined

  constructor(encode: (name: string) => Uint8Array | undefined) {
    this.#encode = encode
  }

  /** This resource is new, or another now. */
  touch(name: string): void {
    let chunk = this.#chunkOf.get(name)
    if (chunk === undefined) {
      chunk = this.#roomy()
      chunk.names.add(name)
      this.#chunkOf.set(name, chunk)
    }
    chunk.bytes = undefined
  }

  remove(name: string): void {
    const chunk = this.#chunkOf.get(name)
    if (chunk === undefined) return
    chunk.names.delete(name)
    chunk.bytes = undefined
    this.#chunkOf.delete(name)
  }

  take(): readonly Uint8Array[] {
    this.#repack()
    return this.#chunks.map((chunk) => (chunk.bytes ??= this.#encodeChunk(chunk)))
  }

  #roomy(): Chunk {
    if (this.#open === undefined || this.#open.names.size >= chunkResources) {
      this.#open = { names: new Set(), bytes: undefined }
      this.#chunks.push(this.#open)
    }
    return this.#open
  }

  /** What came and went leaves chunks that are nearly empty. */
  #repack(): void {
    if (this.#chunks.length <= 16 + (4 * this.#chunkOf.size) / chunkResources) return
    const names = [...this.#chunkOf.keys()]
    this.#chunkOf.clear()
    this.#chunks = []
    this.#open = undefined
    for (const name of names) this.touch(name)
  }

  #encodeChunk({ names }: Chunk): Uint8Array {
    return Buffer.concat(Array.from(names, (name) => this.#encode(name) ?? new Uint8Array()))
  }
}
