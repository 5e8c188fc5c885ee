import type { Endpoint, EndpointSpec } from './endpoint.ts'

/** In rotation; out of it for a time; let back carefully, one attempt at a time. */
export type Health = 'in' | 'ejected' | 'probing'

/** Above any cost that was measured: nobody knows yet how slow the endpoint is, and somebody is finding out. */
const unmeasuredCost = 1e15

/** An endpoint with everything that is counted for it. Its balancer and the outlier detection write, others see `Endpoint`. */
export class TrackedEndpoint<S extends EndpointSpec> implements Endpoint<S> {
  readonly key: string
  spec: S
  active: number = 0
  gone: boolean = false
  health: Health = 'in'
  /** When an ejection ends. */
  returnsAtMs: number = 0
  /** Ejections that have not been forgiven: the next one is longer. */
  ejections: number = 0
  probesInFlight: number = 0
  /** Good answers in a row since probing began. */
  probesPassed: number = 0
  consecutiveFailures: number = 0
  windowOk: number = 0
  windowFailed: number = 0
  #latencyMs: number = -1
  #measuredAtMs: number = 0

  constructor(spec: S) {
    this.key = spec.key
    this.spec = spec
  }

  get ejected(): boolean {
    return this.health !== 'in'
  }

  get latencyMs(): number | undefined {
    return this.#latencyMs < 0 ? undefined : this.#latencyMs
  }

  /** Peak-EWMA: what is slower than the mean replaces it, what is faster moves it by how long ago the last one was. */
  observe(latencyMs: number, nowMs: number, decayMs: number): void {
    if (latencyMs >= this.#latencyMs) this.#latencyMs = latencyMs
    else {
      const kept = Math.exp((this.#measuredAtMs - nowMs) / decayMs)
      this.#latencyMs = this.#latencyMs * kept + latencyMs * (1 - kept)
    }
    this.#measuredAtMs = nowMs
  }

  /** What one more attempt would cost here, for comparison. An endpoint that nobody measures gets cheaper, and is tried again. */
  cost(nowMs: number, decayMs: number): number {
    if (this.#latencyMs < 0) return this.active === 0 ? 0 : unmeasuredCost * this.active
    const faded = this.#latencyMs * Math.exp((this.#measuredAtMs - nowMs) / decayMs)
    return faded * (this.active + 1)
  }
}
