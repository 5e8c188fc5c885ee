import type { Clock } from '@tulle/core'
import { spokenIn } from './detect-protocol.ts'
import type { Spoken } from './detect-protocol.ts'
import type { LinkUser, StreamLink } from './stream-link.ts'

export interface FirstBytesOptions {
  readonly link: StreamLink
  readonly clock: Clock
  readonly silenceMs: number
}

/** Reads until it is clear what a client speaks, then says so with all that was read. */
export class FirstBytes implements LinkUser {
  readonly #link: StreamLink
  readonly #onKnown: (spoken: Exclude<Spoken, 'more'>, bytes: Buffer) => void
  readonly #timer: Disposable
  #bytes: Buffer = Buffer.alloc(0)
  #over: boolean = false

  /** A client that says nothing for `silenceMs` speaks no HTTP: it waits for the server to begin. */
  constructor(
    { link, clock, silenceMs }: FirstBytesOptions,
    onKnown: (spoken: Exclude<Spoken, 'more'>, bytes: Buffer) => void,
  ) {
    this.#link = link
    this.#onKnown = onKnown
    this.#timer = clock.after(silenceMs, () => this.#end('other'))
    link.attachUser(this)
  }

  receive(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(start, end)])
    const spoken = spokenIn(this.#bytes)
    if (spoken !== 'more') this.#end(spoken)
    return false
  }

  onTransportDrain(): void {
    // Nothing was written.
  }

  onTransportEnd(): void {
    this.#link.destroy()
  }

  onTransportClose(): void {
    this.#over = true
    this.#timer[Symbol.dispose]()
  }

  #end(spoken: Exclude<Spoken, 'more'>): void {
    if (this.#over) return
    this.#over = true
    this.#timer[Symbol.dispose]()
    this.#onKnown(spoken, this.#bytes)
  }
}
