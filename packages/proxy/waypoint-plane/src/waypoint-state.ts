import { err } from '@tulle/core'
import type { Clock, Result } from '@tulle/core'
import { MeshState } from '@tulle/l4'
import type { RejectedResource } from '@tulle/l4'
import { RouteTable, tlsKey } from '@tulle/l7'
import { serviceKey } from '@tulle/mesh'
import type { GatewayAddress, Service, Workload } from '@tulle/mesh'
import { addressType } from '@tulle/mesh-xds'
import type { MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import { policyKey } from '@tulle/policy'
import { tlsLookup } from '@tulle/traffic'
import type { ServiceTraffic, TlsLookup, TlsTerms } from '@tulle/traffic'
import { accessType, decodeAccess, decodeServiceTraffic, serviceTrafficType } from '@tulle/traffic-xds'
import { AccessTable } from './access-table.ts'
import { BoundKeys } from './bound-keys.ts'
import { keepAccounts } from './keep-accounts.ts'

/** The traffic of a service, ready for requests. */
export interface KnownTraffic {
  readonly traffic: ServiceTraffic
  readonly table: RouteTable
  readonly tlsOf: TlsLookup
}

/** What a waypoint knows of the mesh, and of the traffic of those that are bound to it. */
export class WaypointState {
  readonly mesh: MeshState = new MeshState()
  readonly access: AccessTable = new AccessTable()
  readonly #uid: string
  readonly #demand: (service: string) => void
  readonly #log: (problem: string) => void
  /** `none`: the control plane says that there is nothing to be said. */
  readonly #traffic: Map<string, KnownTraffic | 'none'> = new Map()
  readonly #wanted: Set<string> = new Set()
  /** Of all terms of TLS that are in force; made anew when asked for after traffic has changed. */
  #tlsKeys: ReadonlySet<string> | undefined
  readonly #watchers: Map<string, Set<() => void>> = new Map()
  readonly #bound: BoundKeys

  constructor(options: {
    /** By which the mesh knows it. */
    readonly uid: string
    readonly clock: Clock
    /** Asks the control plane for a service's traffic. */
    readonly demand: (service: string) => void
    /** Told of parts of routes that are not in force. */
    readonly log: (problem: string) => void
  }) {
    this.#uid = options.uid
    this.#demand = options.demand
    this.#log = options.log
    this.#bound = new BoundKeys(options.clock)
  }

  /** Takes what it can; returns what it can't. */
  apply(update: ResourceUpdate): readonly RejectedResource[] {
    switch (update.typeUrl) {
      case addressType: {
        const rejected = this.mesh.apply(update)
        for (const { name } of update.upserts) this.#wantIfBound(name)
        const changed = [...update.upserts.map(({ name }) => name), ...update.removed]
        this.#bound.update(changed, (key) => this.#isBoundKey(key))
        return rejected
      }
      case serviceTrafficType:
        for (const name of update.removed) this.#settle(name, 'none')
        return applyEach(update.upserts, (resource) => this.#setTraffic(resource))
      case accessType:
        for (const name of update.removed) this.access.delete(name)
        return applyEach(update.upserts, (resource) => this.#setAccess(resource))
      default:
        return []
    }
  }

  /** Itself, as the control plane describes it. */
  get own(): Workload | undefined {
    return this.mesh.workload(this.#uid)
  }

  /** Whether callers of it may come here: they are to, or they were lately, and somebody has not heard of it yet. */
  takes(key: string, to: Parameters<WaypointState['isBound']>[0]): boolean {
    if (this.isBound(to)) this.#bound.add(key)
    return this.#bound.has(key) || this.#bound.wasLately(key)
  }

  /** Whether what callers of it came here for is to go on here. */
  keeps(key: string): boolean {
    return this.#bound.has(key)
  }

  /** Whether callers of it are to come here. */
  isBound(to: Pick<Service, 'waypoint' | 'weightedWaypoints'> | Pick<Workload, 'waypoint'>): boolean {
    const weighted =
      'weightedWaypoints' in to ? to.weightedWaypoints.map(({ destination }) => destination) : []
    return [to.waypoint, ...weighted].some((gateway) => gateway !== undefined && this.#isUs(gateway))
  }

  /** Undefined: it is not known yet. */
  trafficOf(service: string): KnownTraffic | 'none' | undefined {
    return this.#traffic.get(service)
  }

  /** Whether anything that is bound here still leads somewhere on these terms. */
  asksForTls(terms: TlsTerms): boolean {
    this.#tlsKeys ??= new Set(
      [...this.#traffic.values()]
        .flatMap((known) => (known === 'none' ? [] : (known.traffic.upstreamTls ?? [])))
        .flatMap(({ terms: one }) => (one === undefined ? [] : [tlsKey(one)])),
    )
    return this.#tlsKeys.has(tlsKey(terms))
  }

  /** Calls back once the traffic of the service is known; end the wait by disposing. */
  whenKnown(service: string, onKnown: () => void): Disposable {
    this.want(service)
    const watchers = this.#watchers.get(service) ?? new Set()
    this.#watchers.set(service, watchers.add(onKnown))
    return {
      [Symbol.dispose]: () => {
        watchers.delete(onKnown)
        if (watchers.size === 0 && this.#watchers.get(service) === watchers) this.#watchers.delete(service)
      },
    }
  }

  /** Asks for the traffic of a service, once. */
  want(service: string): void {
    if (this.#wanted.has(service)) return
    this.#wanted.add(service)
    this.#demand(service)
  }

  #isUs({ destination }: GatewayAddress): boolean {
    const ours = this.own?.addresses ?? []
    if (destination.kind === 'address') return ours.includes(destination.address)
    const key = serviceKey(destination)
    return this.mesh.service(key) !== undefined && this.own?.services.has(key) === true
  }

  #isBoundKey(key: string): boolean {
    const to = this.mesh.service(key) ?? this.mesh.workload(key)
    return to !== undefined && this.isBound(to)
  }

  /** Before the first request for it comes. */
  #wantIfBound(name: string): void {
    const service = this.mesh.service(name)
    if (service === undefined || !this.isBound(service)) return
    this.#bound.add(name)
    this.want(name)
  }

  #setTraffic({ name, bytes }: MeshResource): Result<undefined> {
    const decoded = decodeServiceTraffic(bytes)
    if (!decoded.ok) return decoded
    if (decoded.value.service !== name)
      return err(`the resource is of ${JSON.stringify(decoded.value.service)}`)
    const known = this.#traffic.get(name)
    const traffic =
      known === undefined || known === 'none' ? decoded.value : keepAccounts(known.traffic, decoded.value)
    const { table, problems } = RouteTable.compile(traffic)
    for (const problem of problems) this.#log(problem)
    this.#settle(name, { traffic, table, tlsOf: tlsLookup(traffic) })
    return { ok: true, value: undefined }
  }

  #settle(name: string, known: KnownTraffic | 'none'): void {
    this.#traffic.set(name, known)
    this.#tlsKeys = undefined
    const watchers = this.#watchers.get(name)
    this.#watchers.delete(name)
    for (const onKnown of watchers ?? []) onKnown()
  }

  #setAccess({ name, bytes }: MeshResource): Result<undefined> {
    const decoded = decodeAccess(bytes)
    const problem = !decoded.ok
      ? decoded.error
      : policyKey(decoded.value) === name
        ? undefined
        : `the resource is of ${JSON.stringify(policyKey(decoded.value))}`
    if (!decoded.ok || problem !== undefined) {
      this.access.refuse(name)
      return err(problem ?? '')
    }
    return this.access.set(decoded.value)
  }
}

function applyEach(
  resources: readonly MeshResource[],
  apply: (resource: MeshResource) => Result<undefined>,
): readonly RejectedResource[] {
  return resources.flatMap((resource) => {
    const result = apply(resource)
    return result.ok ? [] : [{ name: resource.name, reason: result.error }]
  })
}
