import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { http2Error } from '@tulle/http2'
import type { CredentialHolder } from './credential-holder.ts'
import { Dial } from './dial.ts'
import type { DialDeps, TunnelTarget } from './dial.ts'
import type { DialFailure } from './errors.ts'
import type { SessionKeeper } from './session-keeper.ts'
import type { ClientTunnelSession } from './tunnel-session.ts'

export interface ClientPoolOptions extends DialDeps {
  readonly credentials: CredentialHolder
  readonly keeper: SessionKeeper
  /** A session without streams is let go after this. */
  readonly idleSessionMs: number
  /** Sessions to one destination for one source; whoever needs another one is refused. */
  readonly maxSessionsPerTarget: number
}

/** Called once, at once where a session has room. A stream must be opened within the call, else the room may be gone. */
export type OnSession = (outcome: Result<ClientTunnelSession, DialFailure>) => void

interface Entry {
  readonly key: string
  readonly target: TunnelTarget
  readonly sessions: ClientTunnelSession[]
  readonly dials: Set<Dial>
  readonly waiters: OnSession[]
}

/** The HBONE sessions of one workload, which is their source identity. Sessions are found by everything that matters to the receiver. */
export class ClientPool {
  readonly #options: ClientPoolOptions
  readonly #entries: Map<string, Entry> = new Map()
  readonly #sweeper: Disposable
  /** Found last: connections come in numbers to the same target. */
  #lastEntry: Entry | undefined
  #closed: boolean = false

  constructor(options: ClientPoolOptions) {
    this.#options = options
    this.#sweeper = options.clock.every(Math.max(1000, options.idleSessionMs / 10), () => this.#sweep())
  }

  /** Sessions open, over all destinations. */
  get sessions(): number {
    let count = 0
    for (const entry of this.#entries.values()) count += entry.sessions.length
    return count
  }

  acquire(target: TunnelTarget, onSession: OnSession): void {
    if (this.#closed) {
      onSession(err({ reason: 'closed', message: 'the pool is closed' }))
      return
    }
    const entry = this.#entry(target)
    const session = roomyOf(entry)
    if (session !== undefined) {
      session.usedMs = this.#options.clock.monotonicMs()
      onSession(ok(session))
      return
    }
    entry.waiters.push(onSession)
    this.#dialFor(entry)
  }

  /** New certificates do not touch running sessions: those end with their own. */
  drain(): void {
    this.#close((session) => session.http.drain())
  }

  /** GOAWAY, and every stream is reset. */
  destroy(): void {
    this.#close((session) => session.http.goaway(http2Error.noError))
  }

  #close(end: (session: ClientTunnelSession) => void): void {
    this.#closed = true
    this.#sweeper[Symbol.dispose]()
    for (const entry of this.#entries.values()) {
      for (const dial of entry.dials) dial.cancel()
      this.#failWaiters(entry, { reason: 'closed', message: 'the pool is closed' })
      for (const session of entry.sessions.slice()) end(session)
    }
  }

  #entry(target: TunnelTarget): Entry {
    if (this.#lastEntry !== undefined && sameTarget(this.#lastEntry.target, target)) return this.#lastEntry
    const key = `${target.address} ${target.port} ${target.sourceAddress} ${target.destinationIdentities.join(' ')}`
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { key, target, sessions: [], dials: new Set(), waiters: [] }
      this.#entries.set(key, entry)
    }
    this.#lastEntry = entry
    return entry
  }

  /**
   * One dial serves as many waiters as a session has streams. One that is cut is made once more: a proxy that was
   * killed in a handshake has a successor, and those who wait may have come after its end.
   */
  #dialFor(entry: Entry, isSecond: boolean = false): void {
    const wanted = Math.ceil(entry.waiters.length / this.#options.maxStreamsPerSession)
    if (entry.dials.size >= wanted) return
    // A peer that grants no streams would have us dial for ever.
    if (entry.sessions.length + entry.dials.size >= this.#options.maxSessionsPerTarget) {
      if (entry.dials.size > 0) return
      const message = `${entry.sessions.length} sessions lead there already, and none has room`
      this.#failWaiters(entry, { reason: 'no-room', message })
      return
    }
    const credentials = this.#options.credentials.current
    if (credentials === undefined) {
      this.#failWaiters(entry, { reason: 'no-certificate', message: 'no valid certificate of the source' })
      return
    }
    let ended: Disposable | undefined
    const dial: Dial = new Dial(entry.target, credentials, this.#options, {
      onDialed: (outcome) => {
        entry.dials.delete(dial)
        if (outcome.ok) ended = this.#options.keeper.keep(outcome.value, credentials.verifier)
        if (!isSecond && isCut(outcome) && entry.waiters.length > 0) this.#dialFor(entry, true)
        else this.#onDialed(entry, outcome)
      },
      onOpenable: () => this.#serve(entry),
      onGoaway: (session) => this.#remove(entry, session),
      onClosed: (session) => {
        ended?.[Symbol.dispose]()
        this.#remove(entry, session)
      },
    })
    entry.dials.add(dial)
    dial.start()
  }

  #onDialed(entry: Entry, outcome: Result<ClientTunnelSession, DialFailure>): void {
    if (!outcome.ok) {
      if (entry.dials.size === 0) this.#failWaiters(entry, outcome.error)
      this.#forgetIfEmpty(entry)
      return
    }
    const session = outcome.value
    if (this.#closed) {
      session.http.destroy()
      return
    }
    session.usedMs = this.#options.clock.monotonicMs()
    entry.sessions.push(session)
    this.#serve(entry)
  }

  /** Gives room to those who wait, and dials for the rest. */
  #serve(entry: Entry): void {
    while (entry.waiters.length > 0) {
      const session = roomyOf(entry)
      if (session === undefined) {
        if (entry.sessions.every((other) => other.room <= 0)) this.#dialFor(entry)
        return
      }
      session.usedMs = this.#options.clock.monotonicMs()
      entry.waiters.shift()?.(ok(session))
    }
  }

  #failWaiters(entry: Entry, failure: DialFailure): void {
    const waiters = entry.waiters.splice(0)
    for (const waiter of waiters) waiter(err(failure))
  }

  #remove(entry: Entry, session: ClientTunnelSession): void {
    const index = entry.sessions.indexOf(session)
    if (index >= 0) entry.sessions.splice(index, 1)
    this.#forgetIfEmpty(entry)
  }

  #forgetIfEmpty(entry: Entry): void {
    if (entry.sessions.length > 0 || entry.dials.size > 0 || entry.waiters.length > 0) return
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key)
    if (this.#lastEntry === entry) this.#lastEntry = undefined
  }

  #sweep(): void {
    const nowMs = this.#options.clock.monotonicMs()
    for (const entry of this.#entries.values()) {
      for (const session of entry.sessions.slice()) {
        if (session.http.counters.streamsOpen > 0) session.usedMs = nowMs
        else if (nowMs - session.usedMs >= this.#options.idleSessionMs) {
          this.#remove(entry, session)
          session.http.drain()
        }
      }
    }
  }
}

function isCut(outcome: Result<ClientTunnelSession, DialFailure>): boolean {
  return !outcome.ok && outcome.error.reason === 'cut'
}

/** Quick where the identities are the same array: true means the same, false only that one has to look. */
function sameTarget(a: TunnelTarget, b: TunnelTarget): boolean {
  return (
    a.destinationIdentities === b.destinationIdentities &&
    a.address === b.address &&
    a.port === b.port &&
    a.sourceAddress === b.sourceAddress
  )
}

function roomyOf(entry: Entry): ClientTunnelSession | undefined {
  for (const session of entry.sessions) if (session.hasRoomNow()) return session
  return undefined
}
