import type { Authority } from '@tulle/hbone'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { compareText } from '@tulle/core'
import type { Rng } from '@tulle/core'
import { isIpv6, isLoopback, serviceKey, workloadIdentity } from '@tulle/mesh'
import type { IpAddress, Service, Workload } from '@tulle/mesh'
import type { MeshState } from './mesh-state.ts'

export type OutboundRefusal =
  | 'loopback'
  | 'own-port'
  | 'waypoint-unusable'
  | 'other-network'
  | 'no-such-port'
  | 'no-healthy-upstream'
  | 'hostname-only'
  | 'not-visible'

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
}

/**
 * The order of ztunnel's outbound decisions. A waypoint can't be used yet, so whatever names one is refused, never
 * bypassed.
 */
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
  if (entry.kind === 'workload') return toWorkload(entry.workload, facts)
  return toService(state, entry.service, facts, rng)
}

function toWorkload(workload: Workload, facts: OutboundFacts): OutboundDecision {
  if (workload.waypoint !== undefined) {
    return refused('waypoint-unusable', `the waypoint of workload ${workload.uid} can't be used`)
  }
  const to: Upstream = { workload, service: undefined, port: facts.destinationPort }
  return direct(to, facts)
}

function toService(state: MeshState, service: Service, facts: OutboundFacts, rng: Rng): OutboundDecision {
  const key = serviceKey(service)
  if (service.visibility === 'namespace' && service.namespace !== facts.namespace) {
    return refused('not-visible', `service ${key} is visible to its own namespace only`)
  }
  if (service.waypoint !== undefined || service.weightedWaypoints.length > 0) {
    return refused('waypoint-unusable', `the waypoint of service ${key} can't be used`, service)
  }
  const servicePort = service.ports.find((port) => port.servicePort === facts.destinationPort)
  if (service.loadBalancing?.mode === 'passthrough') return plain(undefined, service, facts)
  if (servicePort === undefined) {
    return refused('no-such-port', `service ${key} has no port ${facts.destinationPort}`, service)
  }
  const choice = choiceOf(state, service, facts.destinationPort)
  const upstream = pickEndpoint(facts.tried === undefined ? choice : without(choice, facts.tried), rng)
  if (upstream === undefined) {
    return refused('no-healthy-upstream', `service ${key} has no healthy endpoint`, service)
  }
  return direct(upstream, facts)
}

interface Upstream {
  readonly workload: Workload
  readonly service: Service | undefined
  readonly port: number
}

/** The endpoints that a connection to one port of a service may go to, with the sums of capacities up to each. */
interface Choice {
  readonly candidates: readonly Upstream[]
  readonly upTo: Float64Array
}

/** Services can have thousands of endpoints, which are looked at when one of them changes, not for each connection. */
const choices: WeakMap<
  readonly Workload[],
  { readonly service: Service; readonly byPort: Map<number, Choice> }
> = new WeakMap()

function choiceOf(state: MeshState, service: Service, servicePort: number): Choice {
  const endpoints = state.endpointsOf(serviceKey(service))
  let known = choices.get(endpoints)
  if (known?.service !== service) {
    known = { service, byPort: new Map() }
    choices.set(endpoints, known)
  }
  let choice = known.byPort.get(servicePort)
  if (choice === undefined) {
    choice = makeChoice(endpoints, service, servicePort)
    known.byPort.set(servicePort, choice)
  }
  return choice
}

function without({ candidates }: Choice, tried: ReadonlySet<string>): Choice {
  return choiceAmong(candidates.filter(({ workload }) => !tried.has(workload.uid)))
}

function makeChoice(endpoints: readonly Workload[], service: Service, servicePort: number): Choice {
  const allowAll = service.loadBalancing?.health === 'allow-all'
  const candidates: Upstream[] = []
  for (const workload of endpoints) {
    if (workload.health === 'unhealthy' && !allowAll) continue
    if (workload.capacity <= 0 || workload.addresses.length === 0) continue
    const port = targetPort(service, workload, servicePort)
    if (port !== undefined) candidates.push({ workload, service, port })
  }
  return choiceAmong(candidates)
}

function choiceAmong(candidates: readonly Upstream[]): Choice {
  const upTo = new Float64Array(candidates.length)
  let total = 0
  for (const [i, { workload }] of candidates.entries()) upTo[i] = total += workload.capacity
  return { candidates, upTo }
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
function pickEndpoint({ candidates, upTo }: Choice, rng: Rng): Upstream | undefined {
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

const knownIdentities: WeakMap<
  Workload,
  { readonly service: Service | undefined; readonly ids: readonly SpiffeId[] }
> = new WeakMap()

/** The workload's own identity, and those that its service says may answer for it. */
function expectedIdentities(workload: Workload, service: Service | undefined): readonly SpiffeId[] {
  const known = knownIdentities.get(workload)
  if (known !== undefined && known.service === service) return known.ids
  const own = spiffeId(workloadIdentity(workload))
  const extra = (service?.subjectAltNames ?? []).flatMap((name) => {
    const parsed = parseSpiffeId(name)
    return parsed.ok ? [spiffeId(parsed.value)] : []
  })
  const ids = extra.length === 0 ? [own] : [...new Set([own, ...extra])].toSorted(compareText)
  knownIdentities.set(workload, { service, ids })
  return ids
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
