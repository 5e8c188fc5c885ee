import type { Clock, Rng } from '@tulle/core'
import type { LocalityPreference, OutlierDetection } from '@tulle/traffic'
import type { Balancer, PickQuery } from './contract.ts'
import type { Attempt, Endpoint, EndpointLocality, EndpointSpec, Outcome } from './endpoint.ts'
import { OutlierDetector } from './outlier-detector.ts'
import type { HealthEvent } from './outlier-detector.ts'
import { Tier, tierCount, tierOf, weightOf } from './tier.ts'
import { TrackedEndpoint } from './tracked-endpoint.ts'

export interface BalancerOptions {
  /** Where this proxy is: nearer endpoints first. Without, all are equally near. */
  readonly locality?: EndpointLocality
  /** What that means; without: the same subzone, zone, region, anywhere. */
  readonly preference?: LocalityPreference
  /** Without: nothing is ejected. */
  readonly outliers?: OutlierDetection
  readonly onHealth?: (event: HealthEvent) => void
}

export interface BalancerDeps {
  readonly clock: Clock
  readonly rng: Rng
}

/** How fast a measurement fades. */
const decayMs = 10_000
/** A failure counts as so many times the mean latency: who fails at once would look fast, and get everything. */
const failureFactor = 3
/** What one answer is of the mean latency. */
const meanShare = 1 / 16
/** A tier keeps all of its traffic until less than 1/1.4 = 71 % of it is healthy. */
const overprovision = 1.4
/** With less than this share of the ready endpoints in rotation, ejections are ignored: the fault is hardly theirs. */
const panicShare = 0.5
/** Draws that may hit an excluded endpoint before all are looked through. */
const drawsBeforeScan = 3

const nothing: readonly never[] = []

/**
 * Peak-EWMA with two random choices, over the nearest endpoints.
 *
 * Near and far: a tier (subzone, zone, region, the rest; those within what is preferred are one) gets all traffic while at least 71 % of its weight is in rotation;
 * below, what it cannot take goes to the next. It does not look at how busy a tier is.
 * Panic: with less than half of the ready endpoints in rotation, all ready ones are, ejected or not. An endpoint that is not
 * ready gets nothing even then.
 */
export function createBalancer<S extends EndpointSpec>(
  options: BalancerOptions,
  deps: BalancerDeps,
): Balancer<S> {
  return new PeakEwmaBalancer<S>(options, deps)
}

/** Begins with the endpoint as begun, and the rest as not yet known. */
class RunningAttempt<S extends EndpointSpec> implements Attempt<S> {
  readonly endpoint: TrackedEndpoint<S>
  readonly startedMs: number
  readonly isProbe: boolean
  answered: boolean = false
  finished: boolean = false

  constructor(endpoint: TrackedEndpoint<S>, startedMs: number) {
    this.endpoint = endpoint
    this.startedMs = startedMs
    this.isProbe = endpoint.health === 'probing'
  }
}

class PeakEwmaBalancer<S extends EndpointSpec> implements Balancer<S> {
  readonly #own: EndpointLocality | undefined
  readonly #preference: LocalityPreference | undefined
  readonly #clock: Clock
  readonly #rng: Rng
  readonly #outliers: OutlierDetector<S> | undefined
  readonly #endpoints: Map<string, TrackedEndpoint<S>> = new Map()
  readonly #tiers: readonly Tier<S>[] = Array.from({ length: tierCount }, () => new Tier<S>())
  /** The mean over all endpoints, for what a failure costs. */
  #meanLatencyMs: number = 0
  #isStale: boolean = false

  constructor(options: BalancerOptions, { clock, rng }: BalancerDeps) {
    this.#own = options.locality
    this.#preference = options.preference
    this.#clock = clock
    this.#rng = rng
    this.#outliers =
      options.outliers === undefined
        ? undefined
        : new OutlierDetector(options.outliers, this.#endpoints, options.onHealth ?? (() => undefined))
  }

  get size(): number {
    return this.#endpoints.size
  }

  get endpoints(): Iterable<Endpoint<S>> {
    return this.#endpoints.values()
  }

  replace(specs: readonly S[]): void {
    const left = new Set(this.#endpoints.keys())
    for (const spec of specs) {
      left.delete(spec.key)
      const known = this.#endpoints.get(spec.key)
      if (known === undefined) this.#endpoints.set(spec.key, new TrackedEndpoint(spec))
      else known.spec = spec
    }
    for (const key of left) {
      const endpoint = this.#endpoints.get(key)
      if (endpoint !== undefined) endpoint.gone = true
      this.#endpoints.delete(key)
    }
    this.#outliers?.resized()
    this.#isStale = true
  }

  find(key: string): Endpoint<S> | undefined {
    return this.#endpoints.get(key)
  }

  pick(query?: PickQuery<S>): Endpoint<S> | undefined {
    const nowMs = this.#clock.monotonicMs()
    const excluded = query?.exclude ?? nothing
    if (this.#outliers !== undefined && this.#outliers.outCount > 0) {
      this.#outliers.release(nowMs)
      const probe = this.#outliers.probe((endpoint) => excluded.includes(endpoint))
      if (probe !== undefined) return probe
    }
    if (this.#isStale) this.#rebuild()
    const tier = this.#chooseTier()
    if (tier === undefined || excluded.length === 0) return tier?.pick(this.#rng, nowMs, decayMs)
    return this.#pickAnother(tier, excluded, nowMs)
  }

  begin(endpoint: Endpoint<S>): Attempt<S> {
    const tracked = this.#tracked(endpoint)
    const attempt = new RunningAttempt(tracked, this.#clock.monotonicMs())
    tracked.active++
    if (attempt.isProbe) tracked.probesInFlight++
    return attempt
  }

  answered(attempt: Attempt<S>, outcome: Outcome): void {
    const running = this.#running(attempt)
    if (running.answered || running.finished) return
    running.answered = true
    if (outcome === 'unknown') return
    const { endpoint } = running
    const nowMs = this.#clock.monotonicMs()
    const tookMs = nowMs - running.startedMs
    if (outcome === 'slow') {
      if (tookMs > (endpoint.latencyMs ?? 0)) endpoint.observe(tookMs, nowMs, decayMs)
      return
    }
    const costMs = outcome === 'ok' ? tookMs : Math.max(tookMs, this.#meanLatencyMs * failureFactor)
    endpoint.observe(costMs, nowMs, decayMs)
    if (outcome === 'ok') this.#takeIntoMean(tookMs)
    // What began before an ejection says nothing about whether the endpoint is well again.
    if (endpoint.health === 'probing' && !running.isProbe) return
    if (this.#outliers?.observe(endpoint, outcome, nowMs) === true) this.#isStale = true
  }

  finished(attempt: Attempt<S>): void {
    const running = this.#running(attempt)
    if (running.finished) return
    running.finished = true
    running.endpoint.active--
    if (running.isProbe) running.endpoint.probesInFlight--
  }

  #takeIntoMean(tookMs: number): void {
    const isFirst = this.#meanLatencyMs === 0
    this.#meanLatencyMs = isFirst ? tookMs : this.#meanLatencyMs + (tookMs - this.#meanLatencyMs) * meanShare
  }

  #chooseTier(): Tier<S> | undefined {
    const [nearest] = this.#tiers
    if (nearest?.share === 1) return nearest
    let aim = this.#rng.next()
    let last: Tier<S> | undefined
    for (const tier of this.#tiers) {
      if (tier.share === 0) continue
      last = tier
      aim -= tier.share
      if (aim < 0) return tier
    }
    return last
  }

  #pickAnother(tier: Tier<S>, excluded: readonly Endpoint<S>[], nowMs: number): Endpoint<S> | undefined {
    const isExcluded = (endpoint: TrackedEndpoint<S>): boolean => excluded.includes(endpoint)
    let drawn: TrackedEndpoint<S> | undefined
    for (let draw = 0; draw < drawsBeforeScan; draw++) {
      drawn = tier.pick(this.#rng, nowMs, decayMs)
      if (drawn !== undefined && !isExcluded(drawn)) return drawn
    }
    for (const other of [tier, ...this.#tiers]) {
      const found = other.scan(this.#rng, isExcluded)
      if (found !== undefined) return found
    }
    return drawn
  }

  #rebuild(): void {
    this.#isStale = false
    const isPanic = this.#isPanic()
    for (const tier of this.#tiers) tier.clear()
    for (const endpoint of this.#endpoints.values()) {
      const tier = this.#tierOf(endpoint)
      if (tier === undefined) continue
      this.#tiers[tier]?.add(endpoint, endpoint.spec.ready && (isPanic || !endpoint.ejected))
    }
    for (const tier of this.#tiers) tier.seal()
    this.#shareOut()
  }

  #isPanic(): boolean {
    let ready = 0
    let healthy = 0
    for (const endpoint of this.#endpoints.values()) {
      if (!endpoint.spec.ready || this.#tierOf(endpoint) === undefined) continue
      ready++
      if (!endpoint.ejected) healthy++
    }
    return healthy < ready * panicShare
  }

  /** Undefined: it gets nothing. */
  #tierOf(endpoint: TrackedEndpoint<S>): number | undefined {
    return weightOf(endpoint) === 0 ? undefined : tierOf(this.#own, endpoint.spec.locality, this.#preference)
  }

  /** Nearer tiers first, each as much as its health allows; where all together are short, in proportion. */
  #shareOut(): void {
    const capacity = this.#tiers.map((tier) => Math.min(1, tier.healthyPart * overprovision))
    const total = Math.min(
      1,
      capacity.reduce((sum, part) => sum + part, 0),
    )
    let left = 1
    for (const [index, tier] of this.#tiers.entries()) {
      tier.share = total === 0 ? 0 : Math.min(left, (capacity[index] ?? 0) / total)
      left -= tier.share
    }
  }

  #tracked(endpoint: Endpoint<S>): TrackedEndpoint<S> {
    if (endpoint instanceof TrackedEndpoint) return endpoint
    throw new TypeError(`expected an endpoint of this balancer, found ${endpoint.key}`)
  }

  #running(attempt: Attempt<S>): RunningAttempt<S> {
    if (attempt instanceof RunningAttempt) return attempt
    throw new TypeError(`expected an attempt that this balancer began, found one at ${attempt.endpoint.key}`)
  }
}
