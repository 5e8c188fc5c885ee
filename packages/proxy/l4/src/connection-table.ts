import type { Clock } from '@tulle/core'
import { authorize, authorizeWith } from '@tulle/policy'
import type { ApplicablePolicies, Verdict } from '@tulle/policy'
import type { AccessLog } from './access-log.ts'
import type { ConnectionSubject, Refusal } from './connection-subject.ts'
import type { ConnectionInfo } from './data-plane.ts'
import { unknown } from './party.ts'
import type { Party } from './party.ts'
import type { Pipe, PipeError } from './pipe.ts'
import type { WorkloadAccounts } from './workload-accounts.ts'
import type { ConnectionLabels, ResponseFlags, TcpSeries, Telemetry } from './telemetry.ts'

/** A connection that is being made. It counts like an open one, and what ends those ends it too. */
export interface Attempt {
  readonly subject: ConnectionSubject
  readonly cut: (refusal: Refusal) => void
}

interface Open {
  readonly id: number
  readonly subject: ConnectionSubject
  readonly pipe: Pipe
  readonly series: TcpSeries
  readonly openedMs: number
  reportedRequestBytes: number
  reportedResponseBytes: number
  reportedChunks: number
}

/** What one workload has. */
interface Held {
  readonly open: Set<Open>
  readonly attempts: Set<Attempt>
}

/** At most a millisecond each, with tens of thousands open. */
const reportedAtOnce = 4000
const listedAtOnce = 500

const nobody: Held = { open: new Set(), attempts: new Set() }

export interface ConnectionTableDeps {
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly accessLog: AccessLog | undefined
  readonly accounts: WorkloadAccounts
}

/** Every connection of a worker: counts, listings, metrics, the access log, and second looks by policy. */
export class ConnectionTable {
  readonly #deps: ConnectionTableDeps
  readonly #held: Map<string, Held> = new Map()
  #lastId: number = 0
  #onEmpty: (() => void) | undefined

  constructor(deps: ConnectionTableDeps) {
    this.#deps = deps
  }

  /** Monotonic: for `startedMs`. */
  now(): number {
    return this.#deps.clock.monotonicMs()
  }

  /** Open, or being made. */
  countOf(uid: string): number {
    const { open, attempts } = this.#heldBy(uid)
    return open.size + attempts.size
  }

  /**
   * A connection is being made, until `open` or `giveUp`. `cut` is called when it must not be made any more, and has
   * to end it with `giveUp`.
   */
  begin(subject: ConnectionSubject, cut: Attempt['cut']): Attempt {
    const attempt = { subject, cut }
    this.#holdFor(subject.uid).attempts.add(attempt)
    return attempt
  }

  /** The connection copies from here on; returns what to call when it is over. */
  open(attempt: Attempt, pipe: Pipe): (error: PipeError) => void {
    const { subject } = attempt
    const { telemetry, clock } = this.#deps
    const series = telemetry.bind(labelsOf(subject, '-'))
    const open: Open = {
      id: ++this.#lastId,
      subject,
      pipe,
      series,
      openedMs: clock.nowMs(),
      reportedRequestBytes: 0,
      reportedResponseBytes: 0,
      reportedChunks: 0,
    }
    const held = this.#holdFor(subject.uid)
    held.open.add(open)
    held.attempts.delete(attempt)
    series.opened.inc()
    telemetry.opened(reporterOf(subject))
    const account = this.#deps.accounts.of(subject.uid)
    if (account !== undefined) account.connections++
    return (error) => this.#close(open, error)
  }

  /** The connection could not be made; only the first word on an attempt counts. */
  giveUp(attempt: Attempt, refusal: Refusal): void {
    if (!this.#heldBy(attempt.subject.uid).attempts.delete(attempt)) return
    this.refuse(attempt.subject, refusal)
    this.#letGo(attempt.subject.uid)
  }

  /** A connection that nobody tried to make. */
  refuse(subject: ConnectionSubject, refusal: Refusal): void {
    this.#deps.telemetry.failed(labelsOf(subject, refusal.flags))
    const account = this.#deps.accounts.of(subject.uid)
    const leftOut = account === undefined ? 0 : account.refuse(refusal.limit ?? refusal.flags)
    if (leftOut === undefined) return
    this.#log(subject, refusal.verdict, { requestBytes: 0, responseBytes: 0, error: refusal.error, leftOut })
  }

  /** Brings byte counters up to now, since connections may be long; yields after some thousand, to be gone on with later. */
  *report(): Generator<void> {
    let count = 0
    for (const open of this.#all()) {
      this.#report(open)
      if (++count % reportedAtOnce === 0) yield
    }
  }

  /** Open connections, some hundred at a time. Those that open or close meanwhile may be there or not. */
  *list(worker: number): Generator<readonly ConnectionInfo[]> {
    let slice: ConnectionInfo[] = []
    for (const open of this.#all()) {
      slice.push(infoOf(open, worker))
      if (slice.length < listedAtOnce) continue
      yield slice
      slice = []
    }
    if (slice.length > 0) yield slice
  }

  /**
   * Closes the inbound connections of a workload that its policies no longer allow; returns how many. A policy that
   * is missing or was refused closes the workload for new connections only, so it cuts what is being made and
   * leaves alone what runs.
   */
  recheck(uid: string, policies: ApplicablePolicies): number {
    let closed = 0
    const { open, attempts } = this.#heldBy(uid)
    for (const { subject, cut } of attempts) {
      if (subject.facts === undefined) continue
      const verdict = authorizeWith(policies, subject.facts)
      if (verdict.allowed) continue
      closed++
      cut({ flags: 'DENY', verdict: 'refused', error: `no longer allowed: ${describeVerdict(verdict)}` })
    }
    for (const { subject, pipe } of open) {
      if (subject.facts === undefined) continue
      const verdict = authorize(policies.known, subject.facts)
      const inDoubt = policies.unknown.length > 0 && verdict.reason !== 'deny-rule'
      if (verdict.allowed || inDoubt) continue
      closed++
      pipe.abort(`no longer allowed: ${describeVerdict(verdict)}`)
    }
    return closed
  }

  /** Connections from or to identities that are revoked. */
  closeRevoked(uid: string, identities: ReadonlySet<string>): void {
    this.#closeIf(uid, 'revoked', ({ sourceParty, destinationParty }) => {
      return identities.has(sourceParty.principal) || identities.has(destinationParty.principal)
    })
  }

  closeAll(uid: string, reason: string): void {
    this.#closeIf(uid, reason, () => true)
  }

  /** Resolves when nothing is open, or being made. */
  empty(): Promise<void> {
    if (this.#held.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const earlier = this.#onEmpty
      this.#onEmpty = () => {
        earlier?.()
        resolve()
      }
    })
  }

  #closeIf(uid: string, reason: string, wanted: (subject: ConnectionSubject) => boolean): void {
    const { open, attempts } = this.#heldBy(uid)
    for (const { subject, cut } of attempts) {
      if (wanted(subject)) cut({ flags: 'CONNECT', verdict: 'failed', error: reason })
    }
    for (const { subject, pipe } of open) if (wanted(subject)) pipe.abort(reason)
  }

  #close(open: Open, error: PipeError): void {
    const { subject } = open
    if (!this.#heldBy(subject.uid).open.delete(open)) return
    this.#report(open)
    open.series.closed.inc()
    this.#deps.telemetry.closed(reporterOf(subject))
    const { requestBytes, responseBytes } = open.pipe
    this.#log(subject, 'allowed', { requestBytes, responseBytes, error })
    this.#letGo(subject.uid)
  }

  #report(open: Open): void {
    const { pipe, subject } = open
    const account = this.#deps.accounts.of(subject.uid)
    if (account !== undefined) {
      account.bytes += pipe.requestBytes + pipe.responseBytes
      account.bytes -= open.reportedRequestBytes + open.reportedResponseBytes
      account.chunks += pipe.chunks - open.reportedChunks
    }
    open.reportedChunks = pipe.chunks
    reportBytes(open)
  }

  #heldBy(uid: string): Held {
    return this.#held.get(uid) ?? nobody
  }

  #holdFor(uid: string): Held {
    let held = this.#held.get(uid)
    if (held === undefined) {
      held = { open: new Set(), attempts: new Set() }
      this.#held.set(uid, held)
    }
    return held
  }

  #letGo(uid: string): void {
    if (this.countOf(uid) > 0) return
    this.#held.delete(uid)
    if (this.#held.size > 0) return
    this.#onEmpty?.()
    this.#onEmpty = undefined
  }

  *#all(): Generator<Open> {
    for (const { open } of this.#held.values()) yield* open
  }

  #log(
    subject: ConnectionSubject,
    verdict: 'allowed' | 'refused' | 'failed',
    end: {
      readonly requestBytes: number
      readonly responseBytes: number
      readonly error: PipeError
      readonly leftOut?: number
    },
  ): void {
    const log = this.#deps.accessLog
    if (log === undefined) return
    const outbound = subject.direction === 'outbound'
    log.write({
      subject,
      verdict,
      bytesSent: outbound ? end.requestBytes : end.responseBytes,
      bytesReceived: outbound ? end.responseBytes : end.requestBytes,
      durationMs: this.now() - subject.startedMs,
      error: end.error,
      leftOut: end.leftOut ?? 0,
    })
  }
}

/** `deny-rule bookstore/no-thieves rule 0`: what a refusal names. */
export function describeVerdict(verdict: Verdict): string {
  const policy = verdict.policy === undefined ? '' : ` ${verdict.policy}`
  const rule = verdict.rule === undefined ? '' : ` rule ${verdict.rule}`
  return `${verdict.reason}${policy}${rule}`
}

function reporterOf(subject: ConnectionSubject): 'source' | 'destination' {
  return subject.direction === 'outbound' ? 'source' : 'destination'
}

function labelsOf(subject: ConnectionSubject, flags: ResponseFlags): ConnectionLabels {
  return {
    uid: subject.uid,
    reporter: reporterOf(subject),
    source: subject.sourceParty,
    destination: subject.destinationParty,
    service: subject.service,
    flags,
    mutualTls: subject.protocol === 'hbone',
  }
}

/** Istio counts what the caller got as sent, for both reporters: the access log does not. */
function reportBytes(open: Open): void {
  const { requestBytes, responseBytes } = open.pipe
  open.series.receivedBytes.inc(requestBytes - open.reportedRequestBytes)
  open.series.sentBytes.inc(responseBytes - open.reportedResponseBytes)
  open.reportedRequestBytes = requestBytes
  open.reportedResponseBytes = responseBytes
}

function infoOf(open: Open, worker: number): ConnectionInfo {
  const { subject, pipe } = open
  const identity = (party: Party): string | undefined =>
    party.principal === unknown ? undefined : party.principal
  const outbound = subject.direction === 'outbound'
  return {
    id: `${worker}-${open.id}`,
    worker,
    workload: subject.uid,
    direction: subject.direction,
    protocol: subject.protocol,
    source: subject.source,
    destination: subject.destination,
    sourceIdentity: identity(subject.sourceParty),
    destinationIdentity: identity(subject.destinationParty),
    service: subject.service?.hostname,
    policy: subject.verdict?.policy,
    openedMs: open.openedMs,
    bytesSent: outbound ? pipe.requestBytes : pipe.responseBytes,
    bytesReceived: outbound ? pipe.responseBytes : pipe.requestBytes,
  }
}
