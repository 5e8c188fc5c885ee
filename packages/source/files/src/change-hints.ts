import type { Clock } from '@tulle/core'

export interface ChangeHintsOptions {
  readonly clock: Clock
  /** How long nothing must have happened to a file before it is looked at. */
  readonly settleMs: number
  /** The same, where that look left it in doubt. */
  readonly quietMs: number
  /** It is looked at after this, whatever goes on. */
  readonly maxQuietMs: number
  readonly run: (due: readonly Hint[]) => void
}

/** Something may have happened to this file. */
export interface Hint {
  readonly path: string
  /** Whether it has been left alone for so long that what is there is meant. */
  readonly calm: boolean
}

interface Entry {
  readonly path: string
  readonly firstMs: number
  lastMs: number
  /** Whether it was looked at since the last event, and left in doubt. */
  tried: boolean
}

/**
 * Which files to look at, and when. A file is looked at as soon as it is left alone for a moment; one that seems to be
 * half written then, once it has been left alone for longer. Files wait for themselves only: what is saved
 * here is not kept waiting by what is being written there.
 */
export class ChangeHints implements Disposable {
  readonly #options: ChangeHintsOptions
  readonly #entries: Map<string, Entry> = new Map()
  #timer: Disposable | undefined
  #timerAtMs: number = Infinity

  constructor(options: ChangeHintsOptions) {
    this.#options = options
  }

  /** Something happened to this file. */
  poke(path: string): void {
    const nowMs = this.#options.clock.monotonicMs()
    const entry = this.#entries.get(path) ?? { path, firstMs: nowMs, lastMs: nowMs, tried: false }
    entry.lastMs = nowMs
    entry.tried = false
    this.#entries.set(path, entry)
    this.#schedule(this.#dueMs(entry))
  }

  /** It was looked at too early: it is due again after the longer time, unless something happens before. */
  doubt(path: string): void {
    const nowMs = this.#options.clock.monotonicMs()
    const entry = this.#entries.get(path) ?? { path, firstMs: nowMs, lastMs: nowMs, tried: true }
    if (this.#entries.has(path)) return
    this.#entries.set(path, entry)
    this.#schedule(this.#dueMs(entry))
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#entries.clear()
  }

  #dueMs({ firstMs, lastMs, tried }: Entry): number {
    const { settleMs, quietMs, maxQuietMs } = this.#options
    return Math.min(firstMs + maxQuietMs, lastMs + (tried ? quietMs : settleMs))
  }

  /** A timer that fires too early only looks when the next one is due. */
  #schedule(atMs: number): void {
    if (this.#timer !== undefined && this.#timerAtMs <= atMs) return
    this.#timer?.[Symbol.dispose]()
    this.#timerAtMs = atMs
    const { clock } = this.#options
    this.#timer = clock.after(Math.max(0, atMs - clock.monotonicMs()), () => this.#fire())
  }

  #fire(): void {
    this.#timer = undefined
    const { clock, quietMs, maxQuietMs, run } = this.#options
    const nowMs = clock.monotonicMs()
    const due: Hint[] = []
    let nextMs = Infinity
    for (const entry of this.#entries.values()) {
      const dueMs = this.#dueMs(entry)
      if (dueMs > nowMs) {
        nextMs = Math.min(nextMs, dueMs)
        continue
      }
      this.#entries.delete(entry.path)
      const calm = nowMs >= Math.min(entry.lastMs + quietMs, entry.firstMs + maxQuietMs)
      due.push({ path: entry.path, calm })
    }
    if (nextMs < Infinity) this.#schedule(nextMs)
    if (due.length > 0) run(due)
  }
}
