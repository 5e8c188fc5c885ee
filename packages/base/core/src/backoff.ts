import type { Rng } from './rng.ts'

export interface BackoffOptions {
  readonly firstMs: number
  readonly maxMs: number
}

/** Growing pauses between tries: doubles from `firstMs` to `maxMs`, each shortened by up to a half at random. */
export class Backoff {
  readonly #options: BackoffOptions
  readonly #rng: Rng
  #tries: number = 0

  constructor(options: BackoffOptions, rng: Rng) {
    this.#options = options
    this.#rng = rng
  }

  nextMs(): number {
    const fullMs = Math.min(this.#options.maxMs, this.#options.firstMs * 2 ** this.#tries)
    this.#tries = Math.min(this.#tries + 1, 30)
    return fullMs * (1 - this.#rng.next() / 2)
  }

  reset(): void {
    this.#tries = 0
  }
}
