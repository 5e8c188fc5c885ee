import type { Outgoing } from '@tulle/http1'

/** The beginning of a request's body, kept for as long as another attempt may need it. */
export class ReplayBuffer {
  #chunks: Buffer[] = []
  #bytes: number = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Takes a copy. */
  add(bytes: Buffer, start: number, end: number): void {
    this.#chunks.push(Buffer.from(bytes.subarray(start, end)))
    this.#bytes += end - start
  }

  /** All of it, from the beginning; false asks to send no more. */
  sendTo(out: Outgoing): boolean {
    let more = true
    for (const chunk of this.#chunks) more = out.sendCopy(chunk, 0, chunk.length)
    return more
  }
}
