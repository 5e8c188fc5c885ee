import { isLoopback, networkAddressKey, serviceKey } from '@tulle/mesh'
import type { GatewayAddress } from '@tulle/mesh'
import type { AddressDemand } from './address-demand.ts'
import type { AddressEntry, MeshState } from './mesh-state.ts'
import type { OutboundFacts } from './outbound-decision.ts'

/** A name that has to be asked for before a connection can be decided about; undefined when nothing is missing. */
export function missingName(
  state: MeshState,
  demand: AddressDemand,
  facts: OutboundFacts,
): string | undefined {
  const { destinationIp, destinationPort, network } = facts
  // Refused whatever is there.
  if (!facts.loopbackAllowed && isLoopback(destinationIp)) return undefined
  if (facts.ownPorts.includes(destinationPort)) return undefined
  const lacks = (name: string): boolean => !state.knows(name) && !demand.isAbsent(name)
  const destination = networkAddressKey(network, destinationIp)
  if (lacks(destination)) return destination
  const entry = state.byAddress(network, destinationIp)
  return entry === undefined ? undefined : gatewaysOf(entry).map(gatewayName).find(lacks)
}

function gatewaysOf(entry: AddressEntry): readonly GatewayAddress[] {
  if (entry.kind === 'workload') return entry.workload.waypoint === undefined ? [] : [entry.workload.waypoint]
  const { waypoint, weightedWaypoints } = entry.service
  const weighted = weightedWaypoints.map(({ destination }) => destination)
  return waypoint === undefined ? weighted : [waypoint, ...weighted]
}

function gatewayName({ destination }: GatewayAddress): string {
  return destination.kind === 'address'
    ? networkAddressKey(destination.network, destination.address)
    : serviceKey(destination)
}
