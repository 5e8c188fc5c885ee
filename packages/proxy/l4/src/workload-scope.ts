import { encodeBaggage } from '@tulle/hbone'
import type { Identity } from '@tulle/identity'
import { ReadyGroup } from '@tulle/kernel'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress, Workload } from '@tulle/mesh'
import type { ApplicablePolicies } from '@tulle/policy'
import type { ServedWorkload } from '@tulle/tunnel'
import type { EnrolledWorkload, SocketAddress } from './data-plane.ts'
import { partyOf } from './party.ts'
import type { Party } from './party.ts'
import type { SocketPlace } from './sockets.ts'
import type { WorkerContext } from './worker-context.ts'

/** One enrolled workload as its connections need it: who it is, where its sockets are, what holds for it. */
export class WorkloadScope {
  readonly context: WorkerContext
  readonly enrolled: EnrolledWorkload
  readonly identity: Identity
  readonly place: SocketPlace
  /** To be noted for what is read for it: its neighbours' handshakes then leave it time. */
  readonly served: ServedWorkload
  /** It was removed: what still waits for something must not begin. */
  ended: boolean = false
  #policies: ApplicablePolicies | undefined
  #policiesRevision: number = -1
  #baggageOf: Workload | undefined
  #baggage: string | undefined
  #undescribed: Party | undefined

  constructor(context: WorkerContext, enrolled: EnrolledWorkload, identity: Identity) {
    this.context = context
    this.enrolled = enrolled
    this.identity = identity
    this.served = context.served.workload()
    const { netns, listeners } = enrolled
    const captured = netns !== undefined || listeners === undefined || listeners.captured === true
    this.place = { netns: enrolled.netns, captured, group: new ReadyGroup() }
  }

  get uid(): string {
    return this.enrolled.uid
  }

  /**
   * As the control plane describes it; it may not have done so yet. A description with another identity is not of
   * this workload: its policies would be somebody else's.
   */
  get workload(): Workload | undefined {
    const workload = this.context.state.workload(this.enrolled.uid)
    return workload !== undefined && hasIdentity(workload, this.identity) ? workload : undefined
  }

  get party(): Party {
    const { workload } = this
    if (workload !== undefined) return partyOf(workload, this.identity)
    const { name, namespace } = this.enrolled
    this.#undescribed ??= { ...partyOf(undefined, this.identity), uid: this.uid, workload: name, namespace }
    return this.#undescribed
  }

  /**
   * What holds for connections to it. A workload that the control plane does not describe names no policies that
   * we could know of, so it is closed. The same object for as long as nothing of it changes.
   */
  get policies(): ApplicablePolicies {
    const { state } = this.context
    if (this.#policies === undefined || this.#policiesRevision !== state.revision) {
      const { workload } = this
      const found =
        workload === undefined ? { known: [], unknown: [`of ${this.uid}`] } : state.policiesFor(workload)
      if (this.#policies === undefined || !samePolicies(this.#policies, found)) this.#policies = found
      this.#policiesRevision = state.revision
    }
    return this.#policies
  }

  /** What it says of itself in each request; undefined until the control plane has described it. */
  get baggage(): string | undefined {
    const { workload } = this
    if (workload === undefined) return undefined
    if (this.#baggageOf !== workload) {
      this.#baggageOf = workload
      this.#baggage = encodeBaggage(workload)
    }
    return this.#baggage
  }

  get full(): boolean {
    const { connections, limits } = this.context
    return connections.countOf(this.uid) >= limits.maxConnectionsPerWorkload
  }

  /** Where its application listens for what comes to this address of the workload. */
  applicationOf(destination: SocketAddress): SocketAddress {
    const { applications = [] } = this.enrolled.listeners ?? {}
    return applications.find(({ port }) => port === destination.port)?.address ?? destination
  }

  /** Who has this address, as far as is known: for labels, and only with the identity that was proven. */
  partyAt(ip: IpAddress, identity: Identity | undefined): Party {
    const entry = this.context.state.byAddress(this.context.network, ip)
    const workload = entry?.kind === 'workload' ? entry.workload : undefined
    if (identity === undefined || workload === undefined) return partyOf(workload, identity)
    return partyOf(hasIdentity(workload, identity) ? workload : undefined, identity)
  }
}

function samePolicies(a: ApplicablePolicies, b: ApplicablePolicies): boolean {
  return sameItems(a.known, b.known) && sameItems(a.unknown, b.unknown)
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

function hasIdentity(workload: Workload, identity: Identity): boolean {
  return (
    workload.namespace === identity.namespace &&
    workload.serviceAccount === identity.serviceAccount &&
    workload.trustDomain === identity.trustDomain
  )
}

/** Most connections come from few addresses: parsing each again would cost more than policy does. */
const knownIps = new Map<string, IpAddress | undefined>()
const maxKnownIps = 4096

/** Socket addresses come as text, IPv4 sometimes mapped into IPv6; keys and policies know one spelling. */
export function canonicalIp(text: string): IpAddress | undefined {
  if (knownIps.has(text)) return knownIps.get(text)
  // An IPv6 zone says which link, not which address.
  const parsed = parseIpAddress(text.replace(/%.*$/u, ''))
  const address = parsed.ok ? parsed.value : undefined
  if (knownIps.size >= maxKnownIps) knownIps.clear()
  knownIps.set(text, address)
  return address
}
