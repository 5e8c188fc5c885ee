import type { Rng } from '@tulle/core'
import { nearnesses } from '@tulle/traffic'
import type { LocalityPreference } from '@tulle/traffic'
import type { EndpointLocality, EndpointSpec } from './endpoint.ts'
import type { TrackedEndpoint } from './tracked-endpoint.ts'

/** How far an endpoint is: the same subzone, zone, region, anywhere else. */
export const tierCount: number = nearnesses.length

/** The nearest first, anywhere if need be. */
const nearestFirst: LocalityPreference = { prefer: 'subzone', failover: 'anywhere' }

/**
 * Without a place of one's own all endpoints are as near; one that nobody knows the place of is far. Undefined: farther than
 * anybody may be sent.
 */
export function tierOf(
  own: EndpointLocality | undefined,
  place: EndpointLocality | undefined,
  { prefer, failover }: LocalityPreference = nearestFirst,
): number | undefined {
  if (own === undefined) return 0
  const distance = distanceOf(own, place)
  if (distance > nearnesses.indexOf(failover)) return undefined
  return Math.max(distance, nearnesses.indexOf(prefer))
}

function distanceOf(own: EndpointLocality, place: EndpointLocality | undefined): number {
  if (place === undefined || place.region !== own.region) return 3
  if (place.zone !== own.zone) return 2
  return place.subzone === own.subzone ? 0 : 1
}

/** Endpoints that are equally near. */
export class Tier<S extends EndpointSpec> {
  /** Those that may be picked. */
  readonly available: TrackedEndpoint<S>[] = []
  /** Of all picks, the part that this tier gets. */
  share: number = 0
  #configuredWeight: number = 0
  #availableWeight: number = 0
  /** Sums of weights up to each endpoint; unused while all weigh the same. */
  #sums: Float64Array = new Float64Array(0)
  #isEven: boolean = true

  /** Of the weight that is configured, the part that may be picked; 0 where nothing is configured. */
  get healthyPart(): number {
    return this.#configuredWeight === 0 ? 0 : this.#availableWeight / this.#configuredWeight
  }

  clear(): void {
    this.available.length = 0
    this.share = 0
    this.#configuredWeight = 0
    this.#availableWeight = 0
    this.#isEven = true
  }

  add(endpoint: TrackedEndpoint<S>, isAvailable: boolean): void {
    const weight = weightOf(endpoint)
    this.#configuredWeight += weight
    if (!isAvailable) return
    this.#availableWeight += weight
    if (weightOf(this.available[0] ?? endpoint) !== weight) this.#isEven = false
    this.available.push(endpoint)
  }

  /** After the last `add`. */
  seal(): void {
    if (this.#isEven) return
    if (this.#sums.length < this.available.length) this.#sums = new Float64Array(this.available.length * 2)
    let sum = 0
    for (const [index, endpoint] of this.available.entries()) {
      sum += weightOf(endpoint)
      this.#sums[index] = sum
    }
  }

  /** The cheaper of two that chance chose, by weight; of equals the one with less to do. */
  pick(rng: Rng, nowMs: number, decayMs: number): TrackedEndpoint<S> | undefined {
    const { available } = this
    if (available.length < 2) return available[0]
    const first = this.#draw(rng)
    let second = this.#isEven ? Math.floor(rng.next() * (available.length - 1)) : this.#draw(rng)
    if (this.#isEven && second >= first) second++
    const one = available[first]
    const other = available[second]
    if (one === undefined || other === undefined || one === other) return one
    const difference = one.cost(nowMs, decayMs) - other.cost(nowMs, decayMs)
    if (difference === 0) return one.active <= other.active ? one : other
    return difference < 0 ? one : other
  }

  /** Any that is not excluded, beginning somewhere. */
  scan(rng: Rng, isExcluded: (endpoint: TrackedEndpoint<S>) => boolean): TrackedEndpoint<S> | undefined {
    const { available } = this
    const start = Math.floor(rng.next() * available.length)
    for (let step = 0; step < available.length; step++) {
      const endpoint = available[(start + step) % available.length]
      if (endpoint !== undefined && !isExcluded(endpoint)) return endpoint
    }
    return undefined
  }

  #draw(rng: Rng): number {
    const { length } = this.available
    if (this.#isEven) return Math.floor(rng.next() * length)
    const aim = rng.next() * this.#availableWeight
    let low = 0
    let high = length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sums[middle] ?? 0) > aim) high = middle
      else low = middle + 1
    }
    return low
  }
}

export function weightOf(endpoint: TrackedEndpoint<EndpointSpec>): number {
  return endpoint.spec.weight ?? 1
}
