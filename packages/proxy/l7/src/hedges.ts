import { hedgeAfterMs } from '@tulle/balance'
import type { Endpoint } from '@tulle/balance'
import type { Hedging } from '@tulle/traffic'
import type { RequestState } from './request-state.ts'
import type { Attempt } from './stages/attempt.ts'
import type { Timeout, Timeouts } from './timeouts.ts'
import type { UpstreamSpec } from './upstream/cluster.ts'

/** How a request is hedged; undefined: it is not. What is attached to its rule goes before what is attached to the service. */
export function hedgingOf({ rule, cluster, head, session }: RequestState): Hedging | undefined {
  const hedging = rule?.rule.resilience?.hedging ?? cluster?.resilience.config.hedging
  // A tunnel is no question that two could answer, and a live session has one endpoint.
  return hedging === undefined || head.protocol !== undefined || session?.live !== undefined
    ? undefined
    : hedging
}

/** Attempts of one request beside one another: the first that is answered is the request's, the others are given up. */
export class Hedges {
  readonly #hedging: Hedging
  readonly #timeouts: Timeouts
  #timeout: Timeout | undefined
  /** Two or more, or none. */
  #running: Attempt[] = []

  constructor(hedging: Hedging, timeouts: Timeouts) {
    this.#hedging = hedging
    this.#timeouts = timeouts
  }

  get endpoints(): readonly Endpoint<UpstreamSpec>[] {
    return this.#running.map(({ endpoint }) => endpoint)
  }

  /** Calls back when another attempt is due, if there may be one. */
  arm(request: Parameters<typeof hedgeAfterMs>[1], onDue: () => void): void {
    this.#disarm()
    const afterMs = hedgeAfterMs(this.#hedging, request)
    if (afterMs === undefined) return
    this.#timeout = this.#timeouts.begin(afterMs, () => {
      this.#timeout = undefined
      onDue()
    })
  }

  /** One more beside the others. */
  add(first: Attempt, another: Attempt): void {
    if (this.#running.length === 0) this.#running.push(first)
    this.#running.push(another)
  }

  /** One has failed. Returns one that is still under way and may be answered; undefined: it was the last, or the only one. */
  drop(attempt: Attempt): Attempt | undefined {
    const left = this.#running.filter((one) => one !== attempt)
    // The last one is the only one again.
    this.#running = left.length > 1 ? left : []
    return left[0]
  }

  /** One is answered. Whether it had others beside it. */
  settle(winner: Attempt): boolean {
    this.#disarm()
    const losers = this.#running.filter((one) => one !== winner)
    this.#running = []
    for (const loser of losers) loser.abandon('slow')
    return losers.length > 0
  }

  /** The request is over without any of them. */
  end(): void {
    this.#disarm()
    const running = this.#running
    this.#running = []
    for (const attempt of running) attempt.abandon('unknown')
  }

  #disarm(): void {
    if (this.#timeout !== undefined) this.#timeouts.end(this.#timeout)
    this.#timeout = undefined
  }
}
