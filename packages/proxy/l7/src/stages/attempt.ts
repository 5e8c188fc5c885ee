import type { Attempt as BalancedAttempt, Endpoint, Outcome } from '@tulle/balance'
import type {
  ClientExchange,
  ClientHandler,
  Fields,
  RequestFate,
  RequestHead,
  ResponseHead,
} from '@tulle/http1'
import { http2Error } from '@tulle/http2'
import type { L7Environment } from '../environment.ts'
import { isUnsendable } from '../retry-decision.ts'
import type { Timeout } from '../timeouts.ts'
import type { AttemptSpan } from '../tracing/request-trace.ts'
import type { Cluster, UpstreamConnection, UpstreamSpec } from '../upstream/cluster.ts'

/** Whom an attempt tells. Nothing more is told of an attempt that was abandoned. */
export interface AttemptOwner {
  onInform(head: ResponseHead): void
  onResponse(attempt: Attempt, head: ResponseHead, end: boolean): void
  onResponseData(attempt: Attempt, bytes: Buffer, start: number, end: number): boolean
  onResponseEnd(attempt: Attempt, trailers: Fields | undefined): void
  /** Over, before or after its response began; code and fate are those of `ClientHandler.onReset`. */
  onAttemptFailed(attempt: Attempt, code: number, fate: RequestFate): void
  /** No answer within the time of one attempt. */
  onAttemptLate(attempt: Attempt): void
  onUpstreamWritable(attempt: Attempt): void
}

export interface AttemptPlan {
  readonly cluster: Cluster
  readonly endpoint: Endpoint<UpstreamSpec>
  readonly connection: UpstreamConnection
  /** 0: none. */
  readonly timeoutMs: number
  /** Undefined: it is not recorded. */
  readonly span: AttemptSpan | undefined
}

/** One try of a request at one endpoint. Its place within the service's limit of requests was taken before, and is given back here. */
export class Attempt implements ClientHandler {
  readonly endpoint: Endpoint<UpstreamSpec>
  readonly #environment: L7Environment
  readonly #owner: AttemptOwner
  readonly #plan: AttemptPlan
  readonly #balanced: BalancedAttempt<UpstreamSpec>
  #exchange: ClientExchange | undefined
  #timeout: Timeout | undefined
  #isAnswered: boolean = false
  #over: boolean = false

  constructor(plan: AttemptPlan, owner: AttemptOwner, environment: L7Environment) {
    this.endpoint = plan.endpoint
    this.#plan = plan
    this.#owner = owner
    this.#environment = environment
    this.#balanced = plan.cluster.balancer.begin(plan.endpoint)
  }

  /** False: the connection takes no request. */
  begin(head: RequestHead, end: boolean): boolean {
    const { connection, timeoutMs } = this.#plan
    this.#exchange = connection.request(head, this, end)
    if (this.#exchange === undefined) {
      this.#finish('unknown', 'overloaded')
      return false
    }
    if (timeoutMs > 0 && !this.#over)
      this.#timeout = this.#environment.timeouts.begin(timeoutMs, () => {
        this.#timeout = undefined
        this.#owner.onAttemptLate(this)
      })
    return true
  }

  /** Where the request's payload goes. */
  get exchange(): ClientExchange | undefined {
    return this.#exchange
  }

  get connected(): boolean {
    return this.#plan.connection.connected
  }

  get isOver(): boolean {
    return this.#over
  }

  /** Gives it up, with one word for why where it has no answer; nobody hears of it again. */
  abandon(outcome: Outcome, why?: string): void {
    if (this.#over) return
    this.#finish(outcome, why)
    this.#exchange?.reset(http2Error.cancel)
  }

  onInform(head: ResponseHead): void {
    if (!this.#over) this.#owner.onInform(head)
  }

  onResponse(head: ResponseHead, end: boolean): void {
    if (this.#over) return
    this.#endTimeout()
    this.#plan.span?.answered(head.status)
    this.#answered(head.status >= 500 ? 'failed' : 'ok')
    this.#owner.onResponse(this, head, end)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    return this.#over ? false : this.#owner.onResponseData(this, bytes, start, end)
  }

  onEnd(trailers?: Fields): void {
    if (this.#over) return
    this.#finish(undefined, undefined)
    this.#owner.onResponseEnd(this, trailers)
  }

  onReset(code: number, fate: RequestFate): void {
    if (this.#over) return
    if (isUnsendable(code, fate)) this.#finish('unknown', 'unsendable')
    else this.#finish('failed', this.connected ? 'upstream_reset' : 'connect_failed')
    // What was given to a connection that was never made stayed here.
    this.#owner.onAttemptFailed(this, code, this.connected ? fate : 'unsent')
  }

  onWritable(): void {
    this.#owner.onUpstreamWritable(this)
  }

  #finish(outcome: Outcome | undefined, failure: string | undefined): void {
    this.#over = true
    this.#plan.span?.end(failure)
    this.#endTimeout()
    this.#plan.cluster.resilience.breaker.requests.giveBack()
    if (outcome !== undefined) this.#answered(outcome)
    this.#plan.cluster.balancer.finished(this.#balanced)
  }

  /** The first says how it went. */
  #answered(outcome: Outcome): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#plan.cluster.balancer.answered(this.#balanced, outcome)
  }

  #endTimeout(): void {
    if (this.#timeout !== undefined) this.#environment.timeouts.end(this.#timeout)
    this.#timeout = undefined
  }
}
