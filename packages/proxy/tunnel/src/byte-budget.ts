import type { WindowBudget } from '@tulle/http2'

/**
 * Bytes that sessions may promise to take beyond their first windows; a session that gets none stays as it is. One of a
 * workload is within one of its thread: what is promised counts on both, and neither may be exceeded.
 */
export class ByteBudget implements WindowBudget {
  readonly #maxBytes: number
  readonly #within: WindowBudget | undefined
  #takenBytes: number = 0

  constructor(maxBytes: number, within?: WindowBudget) {
    this.#maxBytes = maxBytes
    this.#within = within
  }

  get takenBytes(): number {
    return this.#takenBytes
  }

  take(bytes: number): boolean {
    if (this.#takenBytes + bytes > this.#maxBytes) return false
    if (this.#within?.take(bytes) === false) return false
    this.#takenBytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#takenBytes -= bytes
    this.#within?.give(bytes)
  }
}
