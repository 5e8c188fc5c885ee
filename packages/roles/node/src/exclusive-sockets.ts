import type { Component } from '@tulle/runtime'

/** What is being answered when another process takes over may take this long. */
const answerWithinMs = 100

/**
 * The sockets that only one process at a time can listen on: admin, metrics, health, handover. A process that takes
 * the place of another opens them when that one has closed its own.
 */
export class ExclusiveSockets implements Component {
  readonly name: string = 'admin, metrics and health ports'
  readonly #parts: readonly Component[]
  readonly #waits: boolean
  readonly #life: AbortController = new AbortController()
  #state: 'waiting' | 'open' | 'closed' = 'waiting'

  /** `waits`: nothing is opened before `open`. */
  constructor(parts: readonly Component[], options: { readonly waits: boolean }) {
    this.#parts = parts
    this.#waits = options.waits
  }

  async start(): Promise<void> {
    if (!this.#waits) await this.open()
  }

  async open(): Promise<void> {
    if (this.#state !== 'waiting') return
    this.#state = 'open'
    for (const part of this.#parts) await part.start(this.#life.signal)
  }

  /** Another process may open its own as soon as this resolves. */
  async close(): Promise<void> {
    await this.drain(answerWithinMs)
    await this[Symbol.asyncDispose]()
  }

  async drain(deadlineMs: number): Promise<void> {
    if (this.#state !== 'open') return
    await Promise.all(this.#parts.map((part) => part.drain(deadlineMs)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#life.abort(new Error('the process ends'))
    await Promise.all(this.#parts.map((part) => part[Symbol.asyncDispose]()))
  }
}
