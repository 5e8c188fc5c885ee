import type { Clock } from '@tulle/core'
import type { Service } from '@tulle/mesh'
import { authorizeWith } from '@tulle/policy'
import type { ApplicablePolicies, ConnectionFacts, Verdict } from '@tulle/policy'
import type { AccessLog } from './access-log.ts'
import type { ConnectionInfo, Direction, SocketAddress } from './data-plane.ts'
import { unknown } from './party.ts'
import type { Party } from './party.ts'
import type { Pipe, PipeError } from './pipe.ts'
import type { ResponseFlags, TcpSeries, Telemetry } from './telemetry.ts'

/** What is known of a connection, whatever becomes of it. */
export interface ConnectionSubject {
  /** The enrolled workload. */
  readonly uid: string
  readonly direction: Direction
  readonly protocol: 'hbone' | 'tcp'
  readonly source: SocketAddress
  readonly destination: SocketAddress
  readonly hbone: SocketAddress | undefined
  readonly sourceParty: Party
  readonly destinationParty: Party
  readonly service: Service | undefined
  readonly tlsGroup: string | undefined
  /** The same at both ends of a tunnel. */
  readonly traceId: string | undefined
  readonly verdict: Verdict | undefined
  /** Inbound: what policies are asked about, again when they change. */
  readonly facts: ConnectionFacts | undefined
  readonly startedMs: number
}

export interface Refusal {
  readonly flags: Exclude<ResponseFlags, '-'>
  readonly verdict: 'refused' | 'failed'
  readonly error: string
}

interface Open {
  readonly id: number
  readonly subject: ConnectionSubject
  readonly pipe: Pipe
  readonly series: TcpSeries
  readonly openedMs: number
  reportedRequestBytes: number
  reportedResponseBytes: number
}

export interface ConnectionTableDeps {
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly accessLog: AccessLog | undefined
  /** Of the mesh state. */
  revision(): number
}

/** Every open connection of a worker: counts, listings, metrics, the access log, and second looks by policy. */
export class ConnectionTable {
  readonly #deps: ConnectionTableDeps
  readonly #open: Map<number, Open> = new Map()
  readonly #perWorkload: Map<string, number> = new Map()
  #lastId: number = 0
  #onEmpty: (() => void) | undefined

  constructor(deps: ConnectionTableDeps) {
    this.#deps = deps
  }

  get size(): number {
    return this.#open.size
  }

  /** Monotonic: for `startedMs`. */
  now(): number {
    return this.#deps.clock.monotonicMs()
  }

  countOf(uid: string): number {
    return this.#perWorkload.get(uid) ?? 0
  }

  /** The connection copies from here on; returns what to call when it is over. */
  open(subject: ConnectionSubject, pipe: Pipe): (error: PipeError) => void {
    const id = ++this.#lastId
    const { telemetry, clock } = this.#deps
    const series = telemetry.bind({ ...labelsOf(subject), flags: '-' }, this.#deps.revision())
    const openedMs = clock.nowMs()
    this.#open.set(id, {
      id,
      subject,
      pipe,
      series,
      openedMs,
      reportedRequestBytes: 0,
      reportedResponseBytes: 0,
    })
    this.#perWorkload.set(subject.uid, this.countOf(subject.uid) + 1)
    series.opened.inc()
    telemetry.opened(reporterOf(subject))
    return (error) => this.#close(id, error)
  }

  /** A connection that never copied anything. */
  refuse(subject: ConnectionSubject, refusal: Refusal): void {
    this.#deps.telemetry.failed({ ...labelsOf(subject), flags: refusal.flags })
    this.#log(subject, refusal.verdict, { requestBytes: 0, responseBytes: 0, error: refusal.error })
  }

  /** Brings byte counters up to now; connections may be long. */
  report(): void {
    for (const open of this.#open.values()) reportBytes(open)
  }

  list(worker: number): readonly ConnectionInfo[] {
    return [...this.#open.values()].map((open) => infoOf(open, worker))
  }

  /** Closes the inbound connections of a workload that its policies no longer allow; returns how many. */
  recheck(uid: string, policies: ApplicablePolicies): number {
    let closed = 0
    for (const { subject, pipe } of this.#open.values()) {
      if (subject.uid !== uid || subject.facts === undefined) continue
      const verdict = authorizeWith(policies, subject.facts)
      if (verdict.allowed) continue
      closed++
      pipe.abort(`no longer allowed: ${describeVerdict(verdict)}`)
    }
    return closed
  }

  /** Connections from or to identities that are revoked. */
  closeRevoked(uid: string, identities: ReadonlySet<string>): void {
    for (const { subject, pipe } of this.#open.values()) {
      if (subject.uid !== uid) continue
      const { sourceParty, destinationParty } = subject
      if (identities.has(sourceParty.principal) || identities.has(destinationParty.principal)) {
        pipe.abort('revoked')
      }
    }
  }

  closeAll(uid: string | undefined, reason: string): void {
    for (const { subject, pipe } of this.#open.values()) {
      if (uid === undefined || subject.uid === uid) pipe.abort(reason)
    }
  }

  /** Resolves when nothing is open. */
  empty(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const earlier = this.#onEmpty
      this.#onEmpty = () => {
        earlier?.()
        resolve()
      }
    })
  }

  #close(id: number, error: PipeError): void {
    const open = this.#open.get(id)
    if (open === undefined) return
    this.#open.delete(id)
    const { subject } = open
    const count = this.countOf(subject.uid) - 1
    if (count === 0) this.#perWorkload.delete(subject.uid)
    else this.#perWorkload.set(subject.uid, count)
    reportBytes(open)
    open.series.closed.inc()
    this.#deps.telemetry.closed(reporterOf(subject))
    const { requestBytes, responseBytes } = open.pipe
    this.#log(subject, 'allowed', { requestBytes, responseBytes, error })
    if (this.#open.size > 0) return
    this.#onEmpty?.()
    this.#onEmpty = undefined
  }

  #log(
    subject: ConnectionSubject,
    verdict: 'allowed' | 'refused' | 'failed',
    end: { readonly requestBytes: number; readonly responseBytes: number; readonly error: PipeError },
  ): void {
    const log = this.#deps.accessLog
    if (log === undefined) return
    const outbound = subject.direction === 'outbound'
    const known = (name: string): string | undefined => (name === unknown ? undefined : name)
    log.write({
      src: addressText(subject.source),
      srcWorkload: known(subject.sourceParty.workload),
      srcNamespace: known(subject.sourceParty.namespace),
      srcIdentity: known(subject.sourceParty.principal),
      dst: addressText(subject.destination),
      dstHbone: subject.hbone && addressText(subject.hbone),
      dstService: subject.service?.hostname,
      dstWorkload: known(subject.destinationParty.workload),
      dstNamespace: known(subject.destinationParty.namespace),
      dstIdentity: known(subject.destinationParty.principal),
      direction: subject.direction,
      verdict,
      policy: subject.verdict?.policy,
      rule: subject.verdict?.rule,
      wouldRefuse: subject.verdict?.wouldRefuse?.policy,
      tlsGroup: subject.tlsGroup,
      traceId: subject.traceId,
      bytesSent: outbound ? end.requestBytes : end.responseBytes,
      bytesReceived: outbound ? end.responseBytes : end.requestBytes,
      durationMs: this.now() - subject.startedMs,
      error: end.error,
    })
  }
}

/** `deny-rule bookstore/no-thieves rule 0`: what a refusal names. */
export function describeVerdict(verdict: Verdict): string {
  const policy = verdict.policy === undefined ? '' : ` ${verdict.policy}`
  const rule = verdict.rule === undefined ? '' : ` rule ${verdict.rule}`
  return `${verdict.reason}${policy}${rule}`
}

function addressText({ ip, port }: SocketAddress): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function reporterOf(subject: ConnectionSubject): 'source' | 'destination' {
  return subject.direction === 'outbound' ? 'source' : 'destination'
}

function labelsOf(subject: ConnectionSubject): {
  readonly reporter: 'source' | 'destination'
  readonly source: Party
  readonly destination: Party
  readonly service: Service | undefined
  readonly mutualTls: boolean
} {
  return {
    reporter: reporterOf(subject),
    source: subject.sourceParty,
    destination: subject.destinationParty,
    service: subject.service,
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
