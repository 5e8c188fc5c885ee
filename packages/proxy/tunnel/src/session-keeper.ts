import type { Clock } from '@tulle/core'
import { http2Error } from '@tulle/http2'
import type { PeerVerifier } from './peer-verifier.ts'
import type { TunnelSession } from './tunnel-session.ts'

const sweepMs = 1000

interface Kept {
  readonly session: TunnelSession
  readonly verifier: PeerVerifier
  /** Monotonic: a time of day that is set back makes no certificate last longer. */
  readonly untilMs: number
  /** Monotonic; when it was told that its certificate has ended. */
  drainedMs: number | undefined
}

/**
 * Ends sessions in time, one keeper a thread: GOAWAY when the earlier of both certificates ends (streams that
 * run may finish, new ones go to a new session), and a reset of what still runs `graceMs` later: nobody vouches for
 * the peer any more. By either clock, the time of day and the one that never jumps, whichever comes first; the grace
 * is a time that really passes. GOAWAY too when the root that vouched for the peer has left the bundle: what runs may
 * run for as long as its certificate lasts, nothing new travels there. When the peer is revoked, GOAWAY with
 * INADEQUATE_SECURITY, and every stream is reset.
 */
export class SessionKeeper implements Disposable {
  readonly #clock: Clock
  readonly #graceMs: number
  readonly #kept: Set<Kept> = new Set()
  readonly #timer: Disposable
  readonly #onEmpty: (() => void)[] = []

  constructor(clock: Clock, graceMs: number) {
    this.#clock = clock
    this.#graceMs = graceMs
    this.#timer = clock.every(sweepMs, () => this.#sweep())
  }

  get size(): number {
    return this.#kept.size
  }

  /** Dispose of what is returned when the session is over. */
  keep(session: TunnelSession, verifier: PeerVerifier): Disposable {
    const leftMs = session.endsAtMs - this.#clock.nowMs()
    const untilMs = this.#clock.monotonicMs() + leftMs
    const entry: Kept = { session, verifier, untilMs, drainedMs: undefined }
    this.#kept.add(entry)
    return {
      [Symbol.dispose]: () => {
        this.#kept.delete(entry)
        if (this.#kept.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve()
      },
    }
  }

  /** Resolves when no session is left. */
  empty(): Promise<void> {
    if (this.#kept.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#onEmpty.push(resolve))
  }

  /** Looks at every session again, after verifiers were told of revocations. */
  endRevoked(): void {
    for (const { session, verifier } of this.#kept) {
      if (verifier.isRevoked(session.peer)) session.http.goaway(http2Error.inadequateSecurity)
    }
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
  }

  #sweep(): void {
    const nowMs = this.#clock.nowMs()
    const monotonicMs = this.#clock.monotonicMs()
    for (const entry of this.#kept) {
      const { session, untilMs, drainedMs } = entry
      if (drainedMs !== undefined) {
        if (monotonicMs - drainedMs >= this.#graceMs) session.http.goaway(http2Error.noError)
      } else if (nowMs >= session.endsAtMs || monotonicMs >= untilMs) {
        entry.drainedMs = monotonicMs
        if (session.http.usable) session.http.drain()
      } else if (session.http.usable && entry.verifier.isOutdated(session.peer)) session.http.drain()
    }
  }
}
