import type { Clock } from '@tulle/core'

/** What a session may always hold, so that one that is not to blame goes on. */
export const fairHeldBytes: number = 65_536
/** What a workload may hold though its thread holds too much. */
const reserveBytes = 1_048_576
/** Sessions that were stopped are looked at so often. */
const lookMs = 20

/** A session as far as it counts here. */
export interface HoldingSession {
  /** Payload received that nobody has taken yet. */
  readonly bytesUnconsumed: number
  /** Reads on. */
  resume(): void
}

/**
 * Payload that was received and waits for slow applications: of all sessions of a workload, within those of its
 * thread. Windows bound it for each session; this bounds it for all of them together. When it is too much, sessions that
 * hold more than their fair part are no longer read, so that TCP holds their peers back; all others go on.
 */
export class HeldBytes {
  readonly #clock: Clock
  readonly #maxBytes: number
  readonly #within: HeldBytes | undefined
  readonly #parts: Set<HeldBytes> = new Set()
  /** Those that held something when they were last counted. */
  readonly #counted: Set<SessionBrake> = new Set()
  readonly #stopped: Set<SessionBrake> = new Set()
  #bytes: number = 0
  #timer: Disposable | undefined

  constructor(clock: Clock, maxBytes: number, within?: HeldBytes) {
    this.#clock = clock
    this.#maxBytes = maxBytes
    this.#within = within
    if (within !== undefined) within.#parts.add(this)
  }

  /** At least what is held: reading counts at once, what was taken since is subtracted by `recount`. */
  get bytes(): number {
    return this.#bytes
  }

  get stopped(): number {
    return this.#stopped.size
  }

  get full(): boolean {
    if (this.#bytes >= this.#maxBytes) return true
    const within = this.#within
    return within !== undefined && within.#bytes >= within.#maxBytes && this.#bytes > reserveBytes
  }

  /** For a session of this workload; it has to be closed with the session. */
  brake(session: HoldingSession): SessionBrake {
    return new SessionBrake(session, this)
  }

  /** Counts what is held now. */
  recount(): void {
    for (const part of this.#parts) part.#recountOwn()
    if (this.#within === undefined) this.#recountOwn()
    else this.#within.recount()
  }

  /** The workload left. */
  close(): void {
    if (this.#within !== undefined) this.#within.#parts.delete(this)
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  /** For brakes: more, or less. */
  count(brake: SessionBrake, change: number): void {
    this.#bytes += change
    if (this.#within !== undefined) this.#within.#bytes += change
    if (brake.counted > 0) this.#counted.add(brake)
    else this.#counted.delete(brake)
  }

  /** For brakes: not to be read until there is room. */
  stop(brake: SessionBrake): void {
    this.#stopped.add(brake)
    this.#timer ??= this.#clock.every(lookMs, () => this.#look())
  }

  /** For brakes: the session is over. */
  forget(brake: SessionBrake): void {
    this.#counted.delete(brake)
    this.#stopped.delete(brake)
    if (this.#stopped.size === 0) this.#rest()
  }

  #recountOwn(): void {
    for (const brake of this.#counted) brake.recount()
  }

  #look(): void {
    this.recount()
    for (const brake of this.#stopped) {
      if (this.full && brake.counted > fairHeldBytes) continue
      this.#stopped.delete(brake)
      brake.session.resume()
    }
    if (this.#stopped.size === 0) this.#rest()
  }

  #rest(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }
}

/** A session and the socket that it is read from. */
export function holding(
  http: { readonly bytesUnconsumed: number },
  socket: { resume(): unknown },
): HoldingSession {
  return {
    get bytesUnconsumed() {
      return http.bytesUnconsumed
    },
    resume: () => void socket.resume(),
  }
}

/** One session's part of what is held. */
export class SessionBrake {
  readonly session: HoldingSession
  readonly #held: HeldBytes
  counted: number = 0

  /** Made by HeldBytes. */
  constructor(session: HoldingSession, held: HeldBytes) {
    this.session = session
    this.#held = held
  }

  /** Asked after each read: false where reading has to stop, until the session is told to `resume`. */
  mayRead(): boolean {
    this.recount()
    if (this.counted <= fairHeldBytes || !this.#held.full) return true
    // Others may have been rid of theirs since they last read.
    this.#held.recount()
    if (!this.#held.full) return true
    this.#held.stop(this)
    return false
  }

  recount(): void {
    const { bytesUnconsumed } = this.session
    const change = bytesUnconsumed - this.counted
    if (change === 0) return
    this.counted = bytesUnconsumed
    this.#held.count(this, change)
  }

  close(): void {
    const change = -this.counted
    this.counted = 0
    this.#held.count(this, change)
    this.#held.forget(this)
  }
}
