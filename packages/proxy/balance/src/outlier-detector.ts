import type { OutlierDetection } from '@tulle/traffic'
import type { EndpointSpec, Outcome } from './endpoint.ts'
import type { TrackedEndpoint } from './tracked-endpoint.ts'

export type EjectionCause = 'consecutive failures' | 'success rate' | 'failed probe'

/** What happened to an endpoint's place in the rotation: for logs and metrics. */
export type HealthEvent =
  | { readonly kind: 'ejected'; readonly key: string; readonly cause: EjectionCause; readonly forMs: number }
  | { readonly kind: 'probing'; readonly key: string }
  | { readonly kind: 'returned'; readonly key: string }

/** Good answers in a row that bring an endpoint back. */
const probesToReturn = 3

/**
 * Takes endpoints out of rotation that fail: so many failures in a row, or too small a share of good answers within a
 * window. An ejection lasts twice as long each time; after it the endpoint gets one attempt at a time, and is back after
 * three good answers. Windows end with the first answer after them: there are no timers.
 */
export class OutlierDetector<S extends EndpointSpec> {
  readonly #config: OutlierDetection
  readonly #all: ReadonlyMap<string, TrackedEndpoint<S>>
  readonly #onEvent: (event: HealthEvent) => void
  readonly #out: Set<TrackedEndpoint<S>> = new Set()
  #windowEndMs: number = 0
  #nextReturnMs: number = Infinity
  #probing: number = 0

  /** `all` is the set as it is at any time, by key: its owner changes it and says so with `resized`. */
  constructor(
    config: OutlierDetection,
    all: ReadonlyMap<string, TrackedEndpoint<S>>,
    onEvent: (event: HealthEvent) => void,
  ) {
    this.#config = config
    this.#all = all
    this.#onEvent = onEvent
  }

  /** How many are out of rotation now, those that are probed included. */
  get outCount(): number {
    return this.#out.size
  }

  /** Takes note of an answer. Whether the rotation has changed. */
  observe(endpoint: TrackedEndpoint<S>, result: Outcome, nowMs: number): boolean {
    if (result === 'unknown' || endpoint.gone) return false
    if (endpoint.health === 'probing') return this.#probed(endpoint, result, nowMs)
    if (endpoint.health === 'ejected') return false
    let changed = this.#endWindow(nowMs)
    if (result === 'ok') {
      endpoint.windowOk++
      endpoint.consecutiveFailures = 0
    } else {
      endpoint.windowFailed++
      endpoint.consecutiveFailures++
      const limit = this.#config.consecutiveFailures
      if (limit > 0 && endpoint.consecutiveFailures >= limit) {
        changed = this.#eject(endpoint, 'consecutive failures', nowMs) || changed
      }
    }
    return changed
  }

  /** Ejections whose time is over become probes. */
  release(nowMs: number): void {
    if (nowMs < this.#nextReturnMs) return
    this.#nextReturnMs = Infinity
    for (const endpoint of this.#out) {
      if (endpoint.health !== 'ejected') continue
      if (endpoint.returnsAtMs > nowMs) {
        this.#nextReturnMs = Math.min(this.#nextReturnMs, endpoint.returnsAtMs)
        continue
      }
      endpoint.health = 'probing'
      endpoint.probesPassed = 0
      this.#probing++
      this.#onEvent({ kind: 'probing', key: endpoint.key })
    }
  }

  /** An endpoint that should be tried now, to see whether it is well again. */
  probe(isExcluded: (endpoint: TrackedEndpoint<S>) => boolean): TrackedEndpoint<S> | undefined {
    if (this.#probing === 0) return undefined
    for (const endpoint of this.#out) {
      const isDue = endpoint.health === 'probing' && endpoint.probesInFlight === 0
      if (isDue && endpoint.spec.ready && endpoint.spec.weight !== 0 && !isExcluded(endpoint)) return endpoint
    }
    return undefined
  }

  /** After the set has changed: forgets who is gone, and keeps the share of ejected ones by returning some. */
  resized(): void {
    for (const endpoint of this.#out) if (endpoint.gone) this.#return(endpoint)
    const soonestFirst = [...this.#out].toSorted((one, other) => one.returnsAtMs - other.returnsAtMs)
    const surplus = this.#out.size - this.#maxOut()
    for (const endpoint of soonestFirst.slice(0, Math.max(0, surplus))) this.#return(endpoint)
  }

  #maxOut(): number {
    return Math.floor((this.#all.size * this.#config.maxEjectedPercent) / 100)
  }

  #probed(endpoint: TrackedEndpoint<S>, result: Outcome, nowMs: number): boolean {
    if (result === 'ok') {
      endpoint.probesPassed++
      if (endpoint.probesPassed < probesToReturn) return false
      this.#return(endpoint)
      return true
    }
    this.#putOut(endpoint, 'failed probe', nowMs)
    return true
  }

  #endWindow(nowMs: number): boolean {
    if (nowMs < this.#windowEndMs) return false
    const isFirst = this.#windowEndMs === 0
    this.#windowEndMs = nowMs + this.#config.windowMs
    if (isFirst) return false
    let changed = false
    for (const endpoint of this.#all.values()) {
      if (this.#isPoor(endpoint)) changed = this.#eject(endpoint, 'success rate', nowMs) || changed
      else if (!endpoint.ejected && endpoint.windowFailed === 0)
        endpoint.ejections = Math.max(0, endpoint.ejections - 1)
      endpoint.windowOk = 0
      endpoint.windowFailed = 0
    }
    return changed
  }

  #isPoor({ health, windowOk, windowFailed }: TrackedEndpoint<S>): boolean {
    const { minSuccessRate, minRequests } = this.#config
    const requests = windowOk + windowFailed
    if (health !== 'in' || minSuccessRate <= 0 || requests < Math.max(1, minRequests)) return false
    return windowOk / requests < minSuccessRate
  }

  #eject(endpoint: TrackedEndpoint<S>, cause: EjectionCause, nowMs: number): boolean {
    if (this.#out.size + 1 > this.#maxOut()) return false
    this.#out.add(endpoint)
    this.#putOut(endpoint, cause, nowMs)
    return true
  }

  #putOut(endpoint: TrackedEndpoint<S>, cause: EjectionCause, nowMs: number): void {
    const { baseEjectionMs, maxEjectionMs } = this.#config
    if (endpoint.health === 'probing') this.#probing--
    // Doubling stops where numbers would: the limit is reached long before.
    const forMs = Math.min(maxEjectionMs, baseEjectionMs * 2 ** Math.min(endpoint.ejections, 30))
    endpoint.ejections++
    endpoint.health = 'ejected'
    endpoint.returnsAtMs = nowMs + forMs
    endpoint.consecutiveFailures = 0
    this.#nextReturnMs = Math.min(this.#nextReturnMs, endpoint.returnsAtMs)
    this.#onEvent({ kind: 'ejected', key: endpoint.key, cause, forMs })
  }

  #return(endpoint: TrackedEndpoint<S>): void {
    if (endpoint.health === 'probing') this.#probing--
    this.#out.delete(endpoint)
    endpoint.health = 'in'
    endpoint.consecutiveFailures = 0
    endpoint.windowOk = 0
    endpoint.windowFailed = 0
    if (!endpoint.gone) this.#onEvent({ kind: 'returned', key: endpoint.key })
  }
}
