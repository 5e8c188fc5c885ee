import type { Outgoing } from '@tulle/http1'
import { HeldPayload } from '@tulle/http2'

/** The beginning of a request's body, kept for as long as another attempt may need it. */
export class ReplayBuffer {
  readonly #held: HeldPayload = new HeldPayload()

  get bytes(): number {
    return this.#held.bytes
  }

  /** Takes a copy. */
  add(bytes: Buffer, start: number, end: number): void {
    this.#held.add(bytes, start, end)
  }

  /** All of it, from the beginning; false asks to send no more. */
  sendTo(out: Outgoing): boolean {
    let more = true
    this.#held.forEach((bytes, start, end) => {
      more = out.sendCopy(bytes, start, end)
    })
    return more
  }
}
