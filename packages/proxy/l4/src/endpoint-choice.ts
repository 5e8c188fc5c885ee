import { serviceKey } from '@tulle/mesh'
import type { Rng } from '@tulle/core'
import type { Service, Workload } from '@tulle/mesh'
import type { MeshState } from './mesh-state.ts'
import { placeKey, rankOf } from './nearness.ts'
import type { Whereabouts } from './nearness.ts'

/** One workload, and its port that a connection is meant for. */
export interface Upstream {
  readonly workload: Workload
  readonly service: Service | undefined
  readonly port: number
}

interface Ranked extends Upstream {
  /** The more, the nearer. */
  readonly rank: number
}

/** The endpoints that a connection to one port of a service may go to. */
interface Choice {
  readonly all: readonly Ranked[]
  /** The nearest of them, with the sums of capacities up to each. */
  readonly candidates: readonly Upstream[]
  readonly upTo: Float64Array
}

/**
 * One endpoint of a service for a connection to one of its ports, by capacity and at random, of the nearest where the service
 * prefers those; undefined where none is left that is healthy and not in `tried`.
 */
export function chooseEndpoint(
  state: MeshState,
  { service, port, tried, caller }: ServicePortFacts,
  rng: Rng,
): Upstream | undefined {
  const choice = choiceOf(state, { service, port, caller })
  return pickEndpoint(tried === undefined ? choice : without(choice, tried), rng)
}

export interface ServicePortFacts {
  readonly service: Service
  readonly port: number
  /** Endpoints (uids) that are not to be chosen again. */
  readonly tried: ReadonlySet<string> | undefined
  /** Absent: nobody knows where it is. */
  readonly caller?: Whereabouts | undefined
}

/** Services can have thousands of endpoints, which are looked at when one of them changes, not for each connection. */
const choices: WeakMap<
  readonly Workload[],
  { readonly service: Service; readonly byPort: Map<number | string, Choice> }
> = new WeakMap()

function choiceOf(
  state: MeshState,
  { service, port, caller }: Pick<ServicePortFacts, 'service' | 'port' | 'caller'>,
): Choice {
  const endpoints = state.endpointsOf(serviceKey(service))
  let known = choices.get(endpoints)
  if (known?.service !== service) {
    known = { service, byPort: new Map() }
    choices.set(endpoints, known)
  }
  const { loadBalancing } = service
  const prefers = loadBalancing !== undefined && loadBalancing.preference.length > 0 && caller !== undefined
  const name = prefers ? `${port} ${placeKey(loadBalancing, caller)}` : port
  let choice = known.byPort.get(name)
  if (choice === undefined) {
    choice = makeChoice(endpoints, { service, port, caller })
    known.byPort.set(name, choice)
  }
  return choice
}

function without({ all }: Choice, tried: ReadonlySet<string>): Choice {
  return choiceAmong(all.filter(({ workload }) => !tried.has(workload.uid)))
}

function makeChoice(
  endpoints: readonly Workload[],
  { service, port: servicePort, caller }: Pick<ServicePortFacts, 'service' | 'port' | 'caller'>,
): Choice {
  const { loadBalancing } = service
  const allowAll = loadBalancing?.health === 'allow-all'
  const candidates: Ranked[] = []
  for (const workload of endpoints) {
    if (workload.health === 'unhealthy' && !allowAll) continue
    if (workload.capacity <= 0 || workload.addresses.length === 0) continue
    const port = targetPort(service, workload, servicePort)
    const rank =
      loadBalancing === undefined || caller === undefined ? 0 : rankOf(loadBalancing, caller, workload)
    if (port !== undefined && rank !== undefined) candidates.push({ workload, service, port, rank })
  }
  return choiceAmong(candidates)
}

function choiceAmong(all: readonly Ranked[]): Choice {
  const nearest = all.reduce((most, { rank }) => Math.max(most, rank), 0)
  const candidates = all.filter(({ rank }) => rank === nearest)
  const upTo = new Float64Array(candidates.length)
  let total = 0
  for (const [i, { workload }] of candidates.entries()) upTo[i] = total += workload.capacity
  return { all, candidates, upTo }
}

/** The endpoint's own map first: named ports differ from endpoint to endpoint. */
export function targetPort(service: Service, workload: Workload, servicePort: number): number | undefined {
  const own = workload.services.get(serviceKey(service))
  const mapped = own?.find((mapping) => mapping.servicePort === servicePort)
  if (mapped !== undefined) return mapped.targetPort
  const declared = service.ports.find((port) => port.servicePort === servicePort)
  return declared === undefined || declared.targetPort === 0 ? undefined : declared.targetPort
}

/** Weighted by capacity. */
function pickEndpoint({ candidates, upTo }: Omit<Choice, 'all'>, rng: Rng): Upstream | undefined {
  const wanted = rng.next() * (upTo.at(-1) ?? 0)
  let low = 0
  let high = candidates.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (wanted < (upTo[middle] ?? 0)) high = middle
    else low = middle + 1
  }
  return candidates[low]
}
