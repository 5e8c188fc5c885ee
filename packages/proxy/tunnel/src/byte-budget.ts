import type { WindowBudget } from '@tulle/http2'

/** Bytes that sessions may promise to take beyond their first windows; a session that gets none stays as it is. */
export class ByteBudget implements WindowBudget {
  readonly #maxBytes: number
  #takenBytes: number = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get takenBytes(): number {
    return this.#takenBytes
  }

  take(bytes: number): boolean {
    if (this.#takenBytes + bytes > this.#maxBytes) return false
    this.#takenBytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#takenBytes -= bytes
  }
}
