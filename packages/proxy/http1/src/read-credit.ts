import type { Http1Transport } from './exchange.ts'

/** Pauses reading while too much of what was read is still on its way, or where bytes lie that it is not yet time for. */
export class ReadCredit {
  readonly #transport: Http1Transport
  readonly #maxUnconsumedBytes: number
  #unconsumed = 0
  #isHeld = false
  #isPaused = false

  constructor(transport: Http1Transport, maxUnconsumedBytes: number) {
    this.#transport = transport
    this.#maxUnconsumedBytes = maxUnconsumedBytes
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Payload was handed on. */
  spend(bytes: number): void {
    this.#unconsumed += bytes
    if (this.#unconsumed >= this.#maxUnconsumedBytes) this.#pause()
  }

  giveBack(bytes: number): void {
    this.#unconsumed = Math.max(0, this.#unconsumed - bytes)
    this.#resume()
  }

  /** The exchange is over: what it did not give back is no longer ours to wait for. */
  giveAllBack(): void {
    this.#unconsumed = 0
    this.#resume()
  }

  /** Bytes were read for which it is not time yet. */
  hold(): void {
    this.#isHeld = true
    this.#pause()
  }

  release(): void {
    this.#isHeld = false
    this.#resume()
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#transport.pauseReading()
  }

  #resume(): void {
    if (!this.#isPaused || this.#isHeld || this.#unconsumed > this.#maxUnconsumedBytes / 2) return
    this.#isPaused = false
    this.#transport.resumeReading()
  }
}
