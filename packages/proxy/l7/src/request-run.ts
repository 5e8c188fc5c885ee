import { backoffOf, wantsRepeat } from '@tulle/balance'
import type { AttemptResult, Endpoint } from '@tulle/balance'
import type {
  Fields,
  RequestFate,
  RequestHead,
  ResponseHead,
  ServerExchange,
  ServerHandler,
} from '@tulle/http1'
import { http2Error } from '@tulle/http2'
import type { RetryRule } from '@tulle/traffic'
import type { ActiveRequest } from './active-requests.ts'
import { chooseAnother, chooseEndpoint, isRefusedBy } from './choose-endpoint.ts'
import type { Downstream } from './downstream.ts'
import type { L7Environment } from './environment.ts'
import { Hedges, hedgingOf } from './hedges.ts'
import { answerOf } from './local-reply.ts'
import type { LocalReply, ResponseFlag } from './local-reply.ts'
import {
  budgetSpent,
  failureReply,
  noEndpoint,
  overloaded,
  tooLate,
  tooManyWaiting,
} from './failure-replies.ts'
import { beginMirrors } from './mirror-run.ts'
import type { MirrorRun } from './mirror-run.ts'
import { ReplayBuffer } from './replay-buffer.ts'
import { walkRequestPath } from './request-path.ts'
import { RequestState } from './request-state.ts'
import { isRace, isUnsendable, retryRuleOf } from './retry-decision.ts'
import { Attempt } from './stages/attempt.ts'
import type { AttemptOwner } from './stages/attempt.ts'
import { accessDenied } from './stages/authorize.ts'
import { balance } from './stages/balance.ts'
import { encode } from './stages/encode.ts'
import { judgeAgain } from './stages/judge-again.ts'
import { judgeTrailers } from './stages/judge-trailers.ts'
import type { Timeout } from './timeouts.ts'
import type { RequestTrace } from './tracing/request-trace.ts'
import type { Cluster, UpstreamSpec } from './upstream/cluster.ts'

const none: readonly never[] = []

/** Repeats that nobody is to blame for; so many of them in a row are no race any more. */
const maxFreeRepeats = 3

/**
 * One request from its head to its end: through the stages, then attempts until one is answered, then the answer's way back. Payload
 * passes in both directions with credit given as it leaves, so that the slower side sets the pace.
 */
export class RequestRun implements ServerHandler, AttemptOwner, ActiveRequest {
  place: number = -1
  readonly #environment: L7Environment
  readonly #state: RequestState
  readonly #exchange: ServerExchange
  readonly #startedMs: number
  #lastMovedMs: number
  /** Since the last look: a look at the clock each time would cost more. */
  #hasMoved: boolean = false
  #trace: RequestTrace | undefined
  /** The one under way, or the first of them; once there is an answer, the one that gave it. */
  #attempt: Attempt | undefined
  #hedges: Hedges | undefined
  #attempts: number = 0
  #freeRepeats: number = 0
  #countedRepeats: number = 0
  #endpoint: string | undefined
  #replay: ReplayBuffer | undefined
  #mirrors: readonly MirrorRun[] = none
  #timeout: Timeout | undefined
  #pause: Disposable | undefined
  /** An answer's head has left, ours or a backend's. */
  #answered: boolean = false
  #requestEnded: boolean = false
  #responseEnded: boolean = false
  #over: boolean = false
  #status: number = 0
  #flag: ResponseFlag = '-'
  #reason: string | undefined
  #grpcStatus: string | undefined
  #requestBytes: number = 0
  #responseBytes: number = 0
  /** Received and not given credit for yet. */
  #owedDown: number = 0
  #owedUp: number = 0

  constructor(
    environment: L7Environment,
    downstream: Downstream,
    head: RequestHead,
    exchange: ServerExchange,
  ) {
    this.#environment = environment
    this.#exchange = exchange
    this.#state = new RequestState(head, downstream)
    this.#startedMs = environment.clock.monotonicMs()
    this.#lastMovedMs = this.#startedMs
  }

  get lastMovedMs(): number {
    if (this.#hasMoved) this.#lastMovedMs = this.#environment.clock.monotonicMs()
    this.#hasMoved = false
    return this.#lastMovedMs
  }

  /** With `end`, the request has no payload. */
  begin(end: boolean): void {
    const environment = this.#environment
    environment.active.add(this)
    this.#requestEnded = end
    this.#trace = environment.tracer.begin(this.#state.fields)
    const reply = walkRequestPath(this.#state, environment)
    if (reply !== undefined) {
      this.#answer(reply)
      return
    }
    this.#trace?.mark(this.#state.fields)
    if (!end) this.#replay = new ReplayBuffer()
    const timeoutMs = this.#state.rule?.rule.requestTimeoutMs ?? 0
    if (timeoutMs > 0) this.#timeout = environment.timeouts.begin(timeoutMs, () => this.#onLate())
    this.#state.cluster?.resilience.budget.request()
    this.#mirrors = beginMirrors(this.#state, end, environment)
    if (this.#state.delayMs > 0) this.#later(this.#state.delayMs)
    else this.#try()
  }

  // What comes from the client.

  onData(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start
    this.#requestBytes += length
    this.#moved()
    if (this.#over) this.#discard(length)
    else this.#forward(bytes, start, end)
    for (const mirror of this.#mirrors) mirror.send(bytes, start, end)
    return false
  }

  onEnd(trailers?: Fields): void {
    this.#requestEnded = true
    const state = this.#state
    if (!this.#over) state.trailers = trailers
    const refusal = judgeTrailers(state, this.#attempt?.endpoint, this.#environment)
    for (const mirror of this.#mirrors) mirror.end(state.trailers)
    if (this.#over) return
    if (refusal === undefined) this.#attempt?.exchange?.endWithTrailers(trailers)
    else this.#giveUp(refusal, refusal.reason)
    if (this.#responseEnded) this.#done()
    else if (this.#attempt !== undefined) this.#armHedge()
  }

  onReset(_code: number): void {
    for (const mirror of this.#mirrors) mirror.giveUp()
    // With its answer complete, a client may leave. A tunnel has another half.
    if (this.#over || (this.#responseEnded && this.#status !== 101)) return
    this.#attempt?.abandon('unknown', 'client_gone')
    this.#flag = 'DC'
    this.#reason = 'client_gone'
    this.#done()
  }

  onWritable(): void {
    const owed = this.#owedUp
    this.#owedUp = 0
    this.#moved()
    if (owed > 0) this.#attempt?.exchange?.consumed(owed)
  }

  // What comes from the attempt.

  onInform(head: ResponseHead): void {
    if (!this.#answered) this.#exchange.inform(head)
  }

  onResponse(attempt: Attempt, head: ResponseHead, end: boolean): void {
    this.#moved()
    const rule = retryRuleOf(this.#state)
    if (rule.statusCodes.includes(head.status) && this.#hasOthers(attempt)) {
      attempt.abandon('failed')
      return
    }
    if (this.#wantsRepeat(rule, { kind: 'status', status: head.status })) {
      attempt.abandon('failed')
      this.#repeat(rule, 'retry_status')
      return
    }
    if (this.#hedges?.settle(attempt) === true) this.#reason = 'hedged'
    this.#attempt = attempt
    this.#endpoint = attempt.endpoint.key
    this.#replay = undefined
    this.#answered = true
    this.#status = head.status
    if (end) this.#grpcStatus = head.fields.get('grpc-status')
    this.#responseEnded = end
    this.#state.answeredBy = attempt.endpoint.key
    encode(this.#state, head)
    this.#exchange.respond(head, end)
  }

  onResponseData(attempt: Attempt, bytes: Buffer, start: number, end: number): boolean {
    const length = end - start
    this.#responseBytes += length
    this.#moved()
    if (this.#exchange.sendCopy(bytes, start, end)) attempt.exchange?.consumed(length)
    else this.#owedUp += length
    return false
  }

  onResponseEnd(_attempt: Attempt, trailers: Fields | undefined): void {
    if (trailers !== undefined) this.#grpcStatus = trailers.get('grpc-status') ?? this.#grpcStatus
    this.#responseEnded = true
    this.#exchange.endWithTrailers(trailers)
    // Each half of a tunnel ends by itself.
    if (this.#requestEnded || this.#status !== 101) this.#done()
  }

  onAttemptFailed(attempt: Attempt, code: number, fate: RequestFate): void {
    if (this.#answered) {
      this.#breakOff(code, 'UC', 'upstream_reset')
      return
    }
    if (this.#hasOthers(attempt)) return
    const rule = retryRuleOf(this.#state)
    const { connected } = attempt
    const unsendable = isUnsendable(code, fate)
    const race = !unsendable && isRace({ fate, connected, method: this.#state.method })
    const result = { kind: fate === 'unsent' ? 'connection' : 'reset' } as const
    if (race && this.#freeRepeats < maxFreeRepeats && this.#canReplay()) {
      this.#freeRepeats++
      this.#tryAgain()
    } else if (!unsendable && this.#wantsRepeat(rule, result)) this.#repeat(rule, 'retry_reset')
    else this.#answer(failureReply(code, fate, connected))
  }

  onAttemptLate(attempt: Attempt): void {
    attempt.abandon('failed', 'attempt_timeout')
    if (this.#answered) {
      this.#breakOff(http2Error.cancel, 'UT', 'attempt_timeout')
      return
    }
    if (this.#hasOthers(attempt)) return
    const rule = retryRuleOf(this.#state)
    if (this.#wantsRepeat(rule, { kind: 'timeout' })) this.#repeat(rule, 'retry_timeout')
    else this.#answer(tooLate)
  }

  onUpstreamWritable(): void {
    this.#giveDownstreamCredit()
  }

  /** Nothing moved for too long. */
  endIdle(): void {
    this.#giveUp(tooLate, 'idle')
  }

  // Attempts.

  /** The first follows at once on the stages; for the others there may be another world. */
  #tryAgain(): void {
    const environment = this.#environment
    const reply = judgeAgain(this.#state, environment) ?? balance(this.#state, environment)
    if (reply === undefined) this.#try()
    else this.#answer(reply)
  }

  #try(): void {
    const { cluster } = this.#state
    if (cluster === undefined) return
    const endpoint = chooseEndpoint(this.#state, cluster)
    if (endpoint === undefined || this.#attempts >= this.#environment.limits.maxAttempts) {
      this.#answer(noEndpoint)
      return
    }
    if (isRefusedBy(this.#state, endpoint)) {
      this.#answer(accessDenied('no-allow-rule'))
      return
    }
    const attempt = this.#makeAttempt(cluster, endpoint)
    if (attempt === undefined) {
      this.#answer(cluster.resilience.breaker.pending.isFull ? tooManyWaiting : overloaded)
      return
    }
    this.#attempt = attempt
    if (this.#send(attempt)) this.#armHedge()
    else this.#answer(overloaded)
  }

  /** Undefined: the service's limits leave no room for it. */
  #makeAttempt(cluster: Cluster, endpoint: Endpoint<UpstreamSpec>): Attempt | undefined {
    const { requests } = cluster.resilience.breaker
    if (!requests.tryTake()) return undefined
    const connection = cluster.connect(endpoint)
    if (connection === undefined) {
      requests.giveBack()
      return undefined
    }
    const timeoutMs = this.#state.rule?.rule.attemptTimeoutMs ?? 0
    const span = this.#trace?.beginAttempt(this.#state.head, endpoint.spec, this.#attempts)
    this.#attempts++
    this.#endpoint = endpoint.key
    return new Attempt({ cluster, endpoint, connection, timeoutMs, span }, this, this.#environment)
  }

  #armHedge(): void {
    const hedging = hedgingOf(this.#state)
    if (hedging === undefined || this.#answered || this.#over) return
    this.#hedges ??= new Hedges(hedging, this.#environment.timeouts)
    const isRepeatable = this.#requestEnded && this.#canReplay()
    this.#hedges.arm({ attempts: this.#attempts, method: this.#state.method, isRepeatable }, () =>
      this.#hedge(),
    )
  }

  /** No answer yet: another endpoint is asked beside the one that is slow, where there is one, and the budget has a repeat. */
  #hedge(): void {
    const state = this.#state
    const { cluster, verdict, refusedBy, judgedBy } = state
    const first = this.#attempt
    const hedges = this.#hedges
    if (cluster === undefined || first === undefined || hedges === undefined) return
    if (this.#attempts >= this.#environment.limits.maxAttempts) return
    if (judgeAgain(state, this.#environment) !== undefined) {
      // What is under way was judged when it began.
      Object.assign(state, { verdict, refusedBy, judgedBy })
      return
    }
    const endpoint = chooseAnother(state, cluster, [first.endpoint, ...hedges.endpoints])
    if (endpoint === undefined || !cluster.resilience.budget.tryRepeat()) return
    const attempt = this.#makeAttempt(cluster, endpoint)
    if (attempt === undefined) return
    hedges.add(first, attempt)
    if (this.#send(attempt)) this.#armHedge()
    else hedges.drop(attempt)
  }

  /** Whether others are still under way beside one that has failed. */
  #hasOthers(failed: Attempt): boolean {
    const other = this.#hedges?.drop(failed)
    if (other === undefined) return false
    ;(this.#state.tried ??= []).push(failed.endpoint)
    this.#attempt = other
    return true
  }

  /** False: its connection takes no request after all. */
  #send(attempt: Attempt): boolean {
    const bodyless =
      this.#requestEnded && this.#state.trailers === undefined && (this.#replay?.bytes ?? 0) === 0
    if (!attempt.begin(this.#state.head, bodyless)) return false
    const out = attempt.exchange
    if (bodyless || out === undefined || attempt.isOver) return true
    if (this.#replay === undefined || this.#replay.sendTo(out)) this.#giveDownstreamCredit()
    this.#trimReplay()
    if (this.#requestEnded) out.endWithTrailers(this.#state.trailers)
    return true
  }

  #repeat(rule: RetryRule, reason: string): void {
    if (this.#state.cluster?.resilience.budget.tryRepeat() !== true) {
      this.#answer(budgetSpent)
      return
    }
    this.#countedRepeats++
    this.#reason = reason
    const endpoint = this.#attempt?.endpoint
    if (endpoint !== undefined) (this.#state.tried ??= []).push(endpoint)
    this.#attempt = undefined
    const waitMs = backoffOf(rule, this.#countedRepeats, this.#environment.rng)
    if (waitMs > 0) this.#later(waitMs)
    else this.#tryAgain()
  }

  /** The next attempt, or the fault in its place, after a pause. */
  #later(waitMs: number): void {
    this.#pause = this.#environment.clock.after(waitMs, () => {
      this.#pause = undefined
      const { abort } = this.#state
      if (abort === undefined) this.#tryAgain()
      else this.#answer(abort)
    })
  }

  #wantsRepeat(rule: RetryRule, result: AttemptResult): boolean {
    return wantsRepeat(rule, this.#countedRepeats, result) && this.#canReplay()
  }

  /** Nothing of the body has been forgotten. */
  #canReplay(): boolean {
    return this.#replay !== undefined || this.#requestBytes === 0
  }

  // Payload of the request.

  #forward(bytes: Buffer, start: number, end: number): void {
    const length = end - start
    this.#replay?.add(bytes, start, end)
    const out = this.#attempt?.exchange
    // Between two attempts it waits in the replay buffer, without credit.
    if (out !== undefined && out.sendCopy(bytes, start, end)) this.#exchange.consumed(length)
    else this.#owedDown += length
    if (out !== undefined) this.#trimReplay()
  }

  #giveDownstreamCredit(): void {
    const owed = this.#owedDown
    this.#owedDown = 0
    this.#moved()
    if (owed > 0) this.#exchange.consumed(owed)
  }

  #trimReplay(): void {
    if ((this.#replay?.bytes ?? 0) > this.#environment.limits.maxReplayBytes) this.#replay = undefined
  }

  /** The answer is complete: what still comes of the request is for nobody. */
  #discard(length: number): void {
    this.#owedDown += length
    if (this.#owedDown > this.#environment.limits.maxDiscardedBytes) this.#exchange.reset(http2Error.noError)
    else this.#exchange.consumed(length)
  }

  // Ends.

  #onLate(): void {
    this.#timeout = undefined
    this.#giveUp(tooLate, 'request_timeout')
  }

  /** Whatever runs for it is abandoned, and the client told by the reply, or in the middle of an answer by its end. */
  #giveUp(reply: LocalReply, why: string): void {
    this.#attempt?.abandon('unknown', why)
    if (this.#answered) this.#breakOff(http2Error.cancel, reply.flag, why)
    else this.#answer(reply)
  }

  #answer(reply: LocalReply): void {
    const { head, body, grpcStatus } = answerOf(reply, this.#state)
    this.#answered = true
    this.#status = reply.status
    this.#flag = reply.flag
    this.#reason = reply.reason
    this.#grpcStatus = grpcStatus
    if (this.#state.rule?.filters.cors !== undefined) encode(this.#state, head)
    this.#responseEnded = true
    this.#exchange.respond(head, body === '')
    if (body !== '') {
      const bytes = Buffer.from(body)
      this.#responseBytes += bytes.length
      this.#exchange.sendCopy(bytes, 0, bytes.length)
      this.#exchange.endWithTrailers()
    }
    this.#done()
  }

  /** The answer had begun: all that can be said is that it is not whole. */
  #breakOff(code: number, flag: ResponseFlag, reason: string): void {
    this.#flag = flag
    this.#reason = reason
    this.#exchange.reset(code)
    this.#done()
  }

  #done(): void {
    if (this.#over) return
    this.#over = true
    const environment = this.#environment
    environment.active.remove(this)
    if (this.#timeout !== undefined) environment.timeouts.end(this.#timeout)
    this.#pause?.[Symbol.dispose]()
    this.#hedges?.end()
    this.#replay = undefined
    const owed = this.#owedDown
    this.#owedDown = 0
    const endedMs = environment.clock.monotonicMs()
    environment.onDone({
      request: this.#state,
      status: this.#status,
      flag: this.#flag,
      reason: this.#reason,
      grpcStatus: this.#grpcStatus,
      startedMs: this.#startedMs,
      endedMs,
      durationMs: endedMs - this.#startedMs,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      attempts: this.#attempts,
      endpoint: this.#endpoint,
      trace: this.#trace,
    })
    if (owed > 0 && !this.#requestEnded) this.#exchange.consumed(owed)
  }

  #moved(): void {
    this.#hasMoved = true
  }
}
