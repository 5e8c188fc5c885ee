import type { Clock } from '@tulle/core'
import type { Sender } from './sender.ts'
import type { Http2Keepalive } from './session-options.ts'

/** What our PING was for; its first byte says so, as the peer returns all eight. */
export const pingPurpose = { keepalive: 1, drain: 2 } as const
export type PingPurpose = (typeof pingPurpose)[keyof typeof pingPurpose]

/** PINGs of ours (RFC 9113 §6.7): is the peer alive, how far is it, has it seen our GOAWAY. */
export class Pings {
  readonly #sender: Sender
  readonly #clock: Clock
  readonly #payload: Buffer = Buffer.alloc(8)
  #sentMs = 0
  /** Since when nothing came while an answer was due. */
  #quietSinceMs = 0
  #outstanding = 0
  #roundTripMs: number | undefined
  /** Bytes came since the timer's last look. */
  #heard = false
  #timer: Disposable | undefined

  constructor(sender: Sender, clock: Clock) {
    this.#sender = sender
    this.#clock = clock
  }

  /** The shortest seen; undefined before the first. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  /** Pings when nothing is heard, after telling `quiet`; `dead` after too long without an answer. */
  start(keepalive: Http2Keepalive, on: { dead(): void; quiet(): void }): void {
    this.#timer = this.#clock.every(keepalive.intervalMs, () => this.#look(keepalive, on))
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  heard(): void {
    this.#heard = true
  }

  send(purpose: PingPurpose): void {
    if (this.#outstanding === 0) this.#sentMs = this.#quietSinceMs = this.#clock.monotonicMs()
    this.#outstanding++
    this.#payload[0] = purpose
    this.#sender.ping(0, this.#payload, 0)
  }

  /** An answer. Returns what the PING was for, or undefined if it is none of ours. */
  onAck(bytes: Buffer, start: number): PingPurpose | undefined {
    const purpose = bytes[start]
    if (this.#outstanding === 0 || (purpose !== pingPurpose.keepalive && purpose !== pingPurpose.drain))
      return undefined
    this.#outstanding--
    if (this.#outstanding === 0) this.sample(this.#clock.monotonicMs() - this.#sentMs)
    return purpose
  }

  /** A round trip was measured. */
  sample(ms: number): void {
    this.#roundTripMs = Math.min(ms, this.#roundTripMs ?? ms)
  }

  #look(keepalive: Http2Keepalive, on: { dead(): void; quiet(): void }): void {
    const heard = this.#heard
    this.#heard = false
    if (this.#outstanding > 0) {
      // Other frames prove the peer alive as well as the answer would.
      if (heard) this.#quietSinceMs = this.#clock.monotonicMs()
      else if (this.#clock.monotonicMs() - this.#quietSinceMs >= keepalive.timeoutMs) on.dead()
    } else if (!heard) {
      on.quiet()
      this.send(pingPurpose.keepalive)
    }
  }
}
