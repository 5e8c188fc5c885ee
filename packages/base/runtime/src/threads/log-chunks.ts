/** Of the log's own buffer, which leaves when it is full, or after a while. */
const chunkBytes = 256 * 1024
/** Fewer lines are not worth a whole chunk. */
const minChunkBytes = chunkBytes / 4
/** One is filled while others are on their way or written; more are needed by bursts alone. */
const maxFree = 4

/**
 * Buffers that a thread's log lines travel to the main thread in, and that come back: made anew for each, they would be what
 * the garbage collectors of both threads have most to do with.
 */
export class LogChunks {
  readonly #free: ArrayBuffer[] = []

  /** A copy of the lines, to be transferred. */
  fill(lines: Uint8Array): Uint8Array<ArrayBuffer> {
    if (lines.length < minChunkBytes || lines.length > chunkBytes) return Uint8Array.from(lines)
    const chunk = new Uint8Array(this.#free.pop() ?? new ArrayBuffer(chunkBytes), 0, lines.length)
    chunk.set(lines)
    return chunk
  }

  /** What came back: chunks are kept, the others are not. */
  giveBack(buffer: ArrayBuffer): void {
    if (buffer.byteLength === chunkBytes && this.#free.length < maxFree) this.#free.push(buffer)
  }
}
