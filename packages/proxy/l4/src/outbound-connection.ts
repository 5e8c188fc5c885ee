import type { Result } from '@tulle/core'
import { encodeConnect } from '@tulle/hbone'
import { http2Error } from '@tulle/http2'
import type { HeaderList, StreamHandler } from '@tulle/http2'
import type { PlainSocket } from '@tulle/kernel'
import type { IpAddress } from '@tulle/mesh'
import { newTraceparent } from '@tulle/trace-context'
import type { ClientPool, ClientTunnelSession, DialFailure } from '@tulle/tunnel'
import type { ConnectionSubject, Refusal } from './connection-subject.ts'
import type { Attempt } from './connection-table.ts'
import type { Deadline } from './deadlines.ts'
import { decideOutbound } from './outbound-decision.ts'
import type { OutboundDecision, OutboundFacts } from './outbound-decision.ts'
import { destinationOf } from './outbound-party.ts'
import type { PipeError } from './pipe.ts'
import { TunnelPipe } from './tunnel-pipe.ts'
import type { WorkloadScope } from './workload-scope.ts'

/** Sessions that one connection is tried on: when peers refuse streams unseen because they drain, or are not there. */
const maxAttempts = 3

type Tunnelled = Extract<OutboundDecision, { kind: 'hbone' }>

export interface OutboundCall {
  readonly scope: WorkloadScope
  readonly pool: ClientPool
  /** The application's socket, which has read nothing. */
  readonly paused: PlainSocket
  readonly subject: ConnectionSubject
  readonly sourceIp: IpAddress
  /** What was decided about. */
  readonly facts: OutboundFacts
}

/** One captured connection on its way through a tunnel: `waiting` for the peer's answer, then copying. */
export class TunnelledCall implements StreamHandler {
  readonly #call: OutboundCall
  #decision: Tunnelled
  readonly #pipe: TunnelPipe
  readonly #traceparent: string
  readonly #attempt: Attempt
  #deadline: Deadline | undefined
  #attempts: number = 0
  #started: boolean = false
  #answered: boolean = false
  #over: boolean = false
  #tried: Set<string> | undefined
  #onDone: ((error: PipeError) => void) | undefined

  constructor(call: OutboundCall, decision: Tunnelled) {
    this.#call = call
    this.#decision = decision
    this.#traceparent = newTraceparent(call.scope.context.rng)
    const { buffers, connections } = call.scope.context
    call.subject.traceId = this.#traceparent.slice(3, 35)
    this.#attempt = connections.begin(call.subject, (refusal) => this.#fail(refusal))
    this.#pipe = new TunnelPipe({
      buffers,
      owner: { onDone: (error) => this.#onPipeDone(error) },
      socketCalls: true,
    })
  }

  start(): void {
    this.#attempts++
    const { ip: address, port, identities: destinationIdentities } = this.#decision
    const sourceAddress = this.#call.sourceIp
    const target = { address, port, destinationIdentities, sourceAddress }
    this.#call.pool.acquire(target, (outcome) => this.#onSession(outcome))
  }

  #onSession(outcome: Result<ClientTunnelSession, DialFailure>): void {
    if (this.#over) return
    if (!outcome.ok) {
      if (!this.#goElsewhere(outcome.error)) this.#fail(refusalOf(outcome.error))
      return
    }
    if (!this.#started && !this.#beginReading()) return
    const session = outcome.value
    this.#call.subject.tlsGroup = session.tlsGroup
    const stream = session.open(this.#headers(), this)
    if (stream === undefined || !this.#pipe.canMoveTo(stream)) {
      stream?.reset(http2Error.cancel)
      this.#tryAgain('no room in the session')
      return
    }
    this.#pipe.attachStream(stream)
    this.#deadline ??= this.#call.scope.context.answering.begin(() => this.#onLate())
  }

  /**
   * Where the chosen endpoint is gone, or somebody else has its address by now, another one of the service may
   * answer. Nothing was said to anybody yet, so that asking again repeats nothing.
   */
  #goElsewhere({ reason }: DialFailure): boolean {
    if (this.#attempts >= maxAttempts || reason === 'no-certificate') return false
    const { facts, scope, subject } = this.#call
    const { state, rng } = scope.context
    this.#tried ??= new Set()
    this.#tried.add(this.#decision.workload.uid)
    if (this.#decision.service === undefined) return false
    const next = decideOutbound(state, { ...facts, tried: this.#tried }, rng)
    // What was to be encrypted never becomes plaintext for want of an endpoint.
    if (next.kind !== 'hbone') return false
    this.#decision = next
    subject.hbone = { ip: next.ip, port: next.port }
    subject.destinationParty = destinationOf(next)
    this.start()
    return true
  }

  /** From here on the application's bytes come; the first of them travel with the request. */
  #beginReading(): boolean {
    const { paused } = this.#call
    if (paused.isClosed) {
      this.#fail({ flags: 'CONNECT', verdict: 'failed', error: 'the caller left' })
      return false
    }
    this.#started = true
    this.#pipe.attachSocket(paused)
    return true
  }

  #headers(): HeaderList {
    const { scope, sourceIp, subject } = this.#call
    const client = { address: sourceIp, port: subject.source.port }
    const host = this.#decision.service?.hostname
    return encodeConnect({
      authority: this.#decision.authority,
      baggage: scope.baggage ?? '',
      forwarded: host === undefined ? { client } : { client, host },
      traceparent: this.#traceparent,
    })
  }

  onHeaders(headers: HeaderList, endStream: boolean): void {
    if (this.#answered) {
      this.#pipe.onHeaders(headers, endStream)
      return
    }
    const status = headers[0] === ':status' ? (headers[1] ?? '') : ''
    if (status.startsWith('1')) return
    if (status !== '200') {
      const verdict = status === '401' ? 'refused' : 'failed'
      const flags = status === '401' ? 'DENY' : 'CONNECT'
      this.#fail({ flags, verdict, error: `the destination's proxy answered ${status}` })
      return
    }
    this.#answered = true
    this.#endWait()
    this.#onDone = this.#call.scope.context.connections.open(this.#attempt, this.#pipe)
    this.#pipe.onAnswered()
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    return this.#pipe.onData(bytes, start, end)
  }

  onEnd(): void {
    if (this.#answered) this.#pipe.onEnd()
  }

  onReset(code: number): void {
    if (this.#answered) this.#pipe.onReset(code)
    else if (!this.#over) {
      // The peer has not looked at a refused stream, so that asking again repeats nothing. @see RFC 9113 §8.7
      if (code === http2Error.refusedStream) this.#tryAgain('the session ended')
      else {
        const error = `the tunnel was reset before its answer, HTTP/2 error ${code}`
        this.#fail({ flags: 'H2_HANDSHAKE_FAILURE', verdict: 'failed', error })
      }
    }
  }

  onWritable(): void {
    this.#pipe.onWritable()
  }

  #onLate(): void {
    const { answerTimeoutMs } = this.#call.scope.context.limits
    const error = `the destination's proxy did not answer in ${answerTimeoutMs} ms`
    this.#fail({ flags: 'CONNECT', verdict: 'failed', error, limit: 'answer-timeout' })
  }

  #endWait(): void {
    if (this.#deadline !== undefined) this.#call.scope.context.answering.end(this.#deadline)
  }

  #tryAgain(why: string): void {
    if (this.#attempts < maxAttempts) this.start()
    else this.#fail({ flags: 'CONNECT', verdict: 'failed', error: why })
  }

  #fail(refusal: Refusal): void {
    if (this.#over) return
    this.#over = true
    this.#endWait()
    if (this.#started) this.#pipe.abort(refusal.error)
    else this.#call.paused.destroy()
    this.#call.scope.context.connections.giveUp(this.#attempt, refusal)
  }

  #onPipeDone(error: PipeError): void {
    if (this.#answered) this.#onDone?.(error)
    else this.#fail({ flags: 'CONNECT', verdict: 'failed', error: error ?? 'the caller left' })
  }
}

function refusalOf(failure: DialFailure): Refusal {
  const flags =
    failure.reason === 'tls'
      ? 'TLS_FAILURE'
      : failure.reason === 'peer' || failure.reason === 'no-certificate'
        ? 'IDENTITY_ERROR'
        : 'CONNECT'
  return { flags, verdict: 'failed', error: `${failure.reason}: ${failure.message}` }
}
