import type { Authority } from '@tulle/hbone'
import type { SpiffeId } from '@tulle/identity'
import type { Rng } from '@tulle/core'
import { isIpv6, isLoopback, serviceKey } from '@tulle/mesh'
import type { GatewayAddress, IpAddress, Service, Workload } from '@tulle/mesh'
import { chooseEndpoint } from './endpoint-choice.ts'
import type { Upstream } from './endpoint-choice.ts'
import { expectedIdentities } from './expected-identities.ts'
import type { MeshState } from './mesh-state.ts'
import type { Whereabouts } from './nearness.ts'
import { waypointEndpoint, waypointsOf } from './waypoint-hop.ts'

export type OutboundRefusal =
  | 'loopback'
  | 'own-port'
  | 'waypoint-unusable'
  | 'other-network'
  | 'no-such-port'
  | 'no-healthy-upstream'
  | 'hostname-only'
  | 'not-visible'
  | 'not-answered'

/** What is to become of one captured connection. */
export type OutboundDecision =
  | {
      readonly kind: 'hbone'
      readonly workload: Workload
      readonly service: Service | undefined
      /** The next proxy. */
      readonly ip: IpAddress
      readonly port: number
      /** What the CONNECT names. */
      readonly authority: Authority
      readonly identities: readonly SpiffeId[]
    }
  | {
      readonly kind: 'tcp'
      readonly workload: Workload | undefined
      readonly service: Service | undefined
      readonly ip: IpAddress
      readonly port: number
      /** Nobody here knows the destination. */
      readonly passthrough: boolean
    }
  | {
      readonly kind: 'refused'
      readonly reason: OutboundRefusal
      readonly message: string
      readonly service: Service | undefined
    }

export interface OutboundFacts {
  /** The calling workload's. */
  readonly namespace: string
  readonly network: string
  readonly destinationIp: IpAddress
  readonly destinationPort: number
  /** Ports that belong to the proxy itself: a connection to one of them would loop. */
  readonly ownPorts: readonly number[]
  /** Where a connection to loopback may be meant: without redirection, mesh addresses can lie there. */
  readonly loopbackAllowed: boolean
  readonly hbonePort: number
  /** Endpoints (uids) that were found not to answer, or not to be who they should be. */
  readonly tried?: ReadonlySet<string>
  /** As the control plane describes it. */
  readonly caller?: Whereabouts | undefined
}

/** The order of ztunnel's outbound decisions. A waypoint that is named and can't be used is never bypassed. */
export function decideOutbound(state: MeshState, facts: OutboundFacts, rng: Rng): OutboundDecision {
  const { destinationIp, destinationPort } = facts
  const where = `${destinationIp} port ${destinationPort}`
  if (!facts.loopbackAllowed && isLoopback(destinationIp)) {
    return refused('loopback', `${where} is loopback`)
  }
  if (facts.ownPorts.includes(destinationPort)) {
    return refused('own-port', `${where} is a port of the node proxy`)
  }
  const entry = state.byAddress(facts.network, destinationIp)
  if (entry === undefined) return plain(undefined, undefined, facts)
  if (entry.kind === 'workload') return toWorkload(state, entry.workload, facts, rng)
  return toService(state, entry.service, facts, rng)
}

function toWorkload(state: MeshState, workload: Workload, facts: OutboundFacts, rng: Rng): OutboundDecision {
  if (workload.waypoint !== undefined) {
    return throughWaypoint(workload.waypoint, { state, facts, service: undefined, rng })
  }
  const to: Upstream = { workload, service: undefined, port: facts.destinationPort }
  return direct(to, facts)
}

function toService(state: MeshState, service: Service, facts: OutboundFacts, rng: Rng): OutboundDecision {
  const key = serviceKey(service)
  if (service.visibility === 'namespace' && service.namespace !== facts.namespace) {
    return refused('not-visible', `service ${key} is visible to its own namespace only`)
  }
  const { destinationPort: port, tried, caller } = facts
  const passthrough = service.loadBalancing?.mode === 'passthrough'
  if (!passthrough && !service.ports.some(({ servicePort }) => servicePort === port)) {
    return refused('no-such-port', `service ${key} has no port ${port}`, service)
  }
  const waypoints = waypointsOf(service, rng)
  if (waypoints.length > 0) return throughFirst(waypoints, { state, facts, service, rng })
  if (passthrough) return plain(undefined, service, facts)
  const upstream = chooseEndpoint(state, { service, port, tried, caller }, rng)
  if (upstream === undefined) {
    return refused('no-healthy-upstream', `service ${key} has no healthy endpoint`, service)
  }
  return direct(upstream, facts)
}

interface Hop {
  readonly state: MeshState
  readonly facts: OutboundFacts
  /** Absent: a workload was called by its address. */
  readonly service: Service | undefined
  readonly rng: Rng
}

/** To the first of them that can be used; what is said of the first is said where none can. */
function throughFirst(waypoints: readonly GatewayAddress[], hop: Hop): OutboundDecision {
  const decisions = waypoints.values().map((waypoint) => throughWaypoint(waypoint, hop))
  let first: OutboundDecision | undefined
  for (const decision of decisions) {
    if (decision.kind === 'hbone') return decision
    first ??= decision
  }
  return first ?? refused('waypoint-unusable', 'there is no waypoint', hop.service)
}

/** To the waypoint, which is told what the caller dialled; it alone decides where that leads. */
function throughWaypoint(gateway: GatewayAddress, { state, facts, service, rng }: Hop): OutboundDecision {
  const hop = waypointEndpoint(state, { gateway, network: facts.network, tried: facts.tried }, rng)
  if (!hop.ok) return refused('waypoint-unusable', hop.error, service)
  const { workload, port } = hop.value
  const ip = addressOf(workload, facts)
  if (ip === undefined)
    return refused('waypoint-unusable', `waypoint ${workload.uid} has no address`, service)
  const authority: Authority = {
    kind: 'address',
    address: facts.destinationIp,
    port: facts.destinationPort,
  }
  const identities = expectedIdentities(workload, undefined)
  return { kind: 'hbone', workload, service, ip, port, authority, identities }
}

function addressOf(workload: Workload, facts: OutboundFacts): IpAddress | undefined {
  if (workload.addresses.includes(facts.destinationIp)) return facts.destinationIp
  const wanted = isIpv6(facts.destinationIp)
  return workload.addresses.find((address) => isIpv6(address) === wanted) ?? workload.addresses[0]
}

function direct(to: Upstream, facts: OutboundFacts): OutboundDecision {
  const { workload, service, port } = to
  if (workload.network !== facts.network) {
    const message = `workload ${workload.uid} is in network ${workload.network}, which no gateway leads to`
    return refused('other-network', message, service)
  }
  const ip = addressOf(workload, facts)
  if (ip === undefined) {
    return refused('hostname-only', `workload ${workload.uid} has no address`, service)
  }
  if (workload.tunnel === 'none') {
    return { kind: 'tcp', workload, service, ip, port, passthrough: false }
  }
  const authority: Authority = { kind: 'address', address: ip, port }
  const identities = expectedIdentities(workload, service)
  return { kind: 'hbone', workload, service, ip, port: facts.hbonePort, authority, identities }
}

function plain(
  workload: Workload | undefined,
  service: Service | undefined,
  facts: OutboundFacts,
): OutboundDecision {
  const { destinationIp: ip, destinationPort: port } = facts
  return { kind: 'tcp', workload, service, ip, port, passthrough: true }
}

function refused(reason: OutboundRefusal, message: string, service?: Service): OutboundDecision {
  return { kind: 'refused', reason, message, service }
}
