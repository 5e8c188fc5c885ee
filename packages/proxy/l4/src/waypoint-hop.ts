import { err, ok } from '@tulle/core'
import type { Result, Rng } from '@tulle/core'
import { serviceKey } from '@tulle/mesh'
import type { GatewayAddress, Service, Workload } from '@tulle/mesh'
import { chooseEndpoint } from './endpoint-choice.ts'
import type { AddressEntry, MeshState } from './mesh-state.ts'

export interface WaypointHop {
  readonly workload: Workload
  /** Where it takes HBONE. */
  readonly port: number
}

export interface WaypointFacts {
  readonly gateway: GatewayAddress
  /** The caller's. */
  readonly network: string
  readonly tried: ReadonlySet<string> | undefined
}

/**
 * The waypoints of a service in the order in which one connection tries them: the first by weight at random. Each judges by
 * all that is bound to the service, so that none is led around where the first does not answer. Empty: it has none.
 */
export function waypointsOf({ waypoint, weightedWaypoints }: Service, rng: Rng): readonly GatewayAddress[] {
  const weighted = weightedWaypoints.filter(({ weight }) => weight > 0)
  if (weighted.length === 0) {
    const only = waypoint ?? weightedWaypoints[0]?.destination
    return only === undefined ? [] : [only]
  }
  let left = rng.next() * weighted.reduce((sum, { weight }) => sum + weight, 0)
  const drawn = weighted.find(({ weight }) => (left -= weight) < 0) ?? weighted.at(-1)
  return [drawn, ...weighted.filter((one) => one !== drawn)].flatMap((one) => one?.destination ?? [])
}

/** One instance of a waypoint; an error says why there is none that can be used. */
export function waypointEndpoint(state: MeshState, facts: WaypointFacts, rng: Rng): Result<WaypointHop> {
  const { gateway, network, tried } = facts
  const name = describeGateway(gateway)
  const entry = entryOf(state, gateway)
  if (entry === undefined) return err(`waypoint ${name} is not known`)
  const hop = hopOf(state, entry, facts, rng)
  if (hop === undefined || tried?.has(hop.workload.uid) === true)
    return err(`waypoint ${name} has no instance that answers`)
  if (hop.workload.network !== network) return err(`waypoint ${name} is in network ${hop.workload.network}`)
  // Whoever named a waypoint wants callers to be known to it: it is never spoken to in the clear.
  if (hop.workload.tunnel === 'none') return err(`waypoint ${name} does not take HBONE`)
  return ok(hop)
}

function hopOf(
  state: MeshState,
  entry: AddressEntry,
  { gateway: { hboneMtlsPort }, tried }: WaypointFacts,
  rng: Rng,
): WaypointHop | undefined {
  if (entry.kind === 'workload') return { workload: entry.workload, port: hboneMtlsPort }
  return chooseEndpoint(state, { service: entry.service, port: hboneMtlsPort, tried }, rng)
}

function entryOf(state: MeshState, { destination }: GatewayAddress): AddressEntry | undefined {
  if (destination.kind === 'address') return state.byAddress(destination.network, destination.address)
  const service = state.service(serviceKey(destination))
  return service === undefined ? undefined : { kind: 'service', service }
}

function describeGateway({ destination }: GatewayAddress): string {
  return destination.kind === 'address' ? destination.address : serviceKey(destination)
}
