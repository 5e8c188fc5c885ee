import type { Clock } from '@tulle/core'
import type { LinkUser, StreamLink } from './stream-link.ts'

export interface FirstBytesOptions<Known> {
  readonly link: StreamLink
  readonly clock: Clock
  readonly silenceMs: number
  /** What the bytes so far say; undefined: they don't say yet. Must be clear after a bounded number of them. */
  read(bytes: Buffer): Known | undefined
  /** What a client is that says nothing for `silenceMs`. */
  readonly silent: Known
  /** The link is gone before it was clear. */
  onGone(): void
}

/** Reads until it is clear what a client wants, then says so with all that was read. */
export class FirstBytes<Known> implements LinkUser {
  readonly #link: StreamLink
  readonly #read: (bytes: Buffer) => Known | undefined
  readonly #onGone: () => void
  readonly #onKnown: (known: Known, bytes: Buffer) => void
  readonly #timer: Disposable
  #bytes: Buffer = Buffer.alloc(0)
  #over: boolean = false

  constructor(options: FirstBytesOptions<Known>, onKnown: (known: Known, bytes: Buffer) => void) {
    const { link, clock, silenceMs, silent } = options
    this.#link = link
    this.#read = (bytes) => options.read(bytes)
    this.#onGone = () => options.onGone()
    this.#onKnown = onKnown
    this.#timer = clock.after(silenceMs, () => this.#end(silent))
    link.attachUser(this)
  }

  receive(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(start, end)])
    const known = this.#read(this.#bytes)
    if (known !== undefined) this.#end(known)
    return false
  }

  onTransportDrain(): void {
    // Nothing was written.
  }

  onTransportEnd(): void {
    this.#link.destroy()
  }

  onTransportClose(): void {
    if (this.#over) return
    this.#over = true
    this.#timer[Symbol.dispose]()
    this.#onGone()
  }

  #end(known: Known): void {
    if (this.#over) return
    this.#over = true
    this.#timer[Symbol.dispose]()
    this.#onKnown(known, this.#bytes)
  }
}
