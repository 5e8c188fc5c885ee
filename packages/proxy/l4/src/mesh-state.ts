import { err } from '@tulle/core'
import type { Result } from '@tulle/core'
import { networkAddressKey, serviceKey } from '@tulle/mesh'
import type { IpAddress, Service, Workload } from '@tulle/mesh'
import {
  addressType,
  authorizationType,
  decodeAddress,
  decodeAuthorization,
  scopeOfRefused,
} from '@tulle/mesh-xds'
import type { MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import { policyKey, PolicyTable } from '@tulle/policy'
import type { ApplicablePolicies, AuthorizationPolicy, PolicySubject } from '@tulle/policy'
import type { RejectedResource } from './data-plane.ts'

interface StoredAddress {
  readonly bytes: Uint8Array
  readonly aliases: readonly string[]
  /** Known without decoding: most questions are about one kind. */
  readonly kind: AddressEntry['kind']
  /** Of a service. */
  readonly hostname: string | undefined
  /** Decoded when first used, dropped when replaced. */
  entry: AddressEntry | undefined
  readonly serviceKeys: readonly string[]
}

export type AddressEntry =
  | { readonly kind: 'workload'; readonly workload: Workload }
  | { readonly kind: 'service'; readonly service: Service }

/**
 * What a worker knows of the mesh: resources as bytes, decoded when a connection needs them. Policies are decoded
 * as they come, since one that can't be understood closes its workloads at once.
 */
export class MeshState {
  readonly #addresses: Map<string, StoredAddress> = new Map()
  /** `network/ip` to the names that claim it; the newest claim wins. */
  readonly #byAlias: Map<string, string[]> = new Map()
  readonly #endpoints: Map<string, Set<string>> = new Map()
  /** What `endpointsOf` gave, until one of them changes. */
  readonly #endpointLists: Map<string, readonly Workload[]> = new Map()
  readonly #byHostname: Map<string, Set<string>> = new Map()
  readonly #policies: PolicyTable = new PolicyTable()
  readonly #policyKeys: Set<string> = new Set()
  readonly #refused: Map<string, string> = new Map()
  readonly #seen: Set<string> = new Set()
  #revision: number = 0

  /** Both kinds have come at least once: before that, nothing may be answered. */
  get complete(): boolean {
    return this.#seen.has(addressType) && this.#seen.has(authorizationType)
  }

  /** Counts updates: what was derived from an older one is to be derived again. */
  get revision(): number {
    return this.#revision
  }

  get refusedPolicies(): readonly RejectedResource[] {
    return [...this.#refused].map(([name, reason]) => ({ name, reason }))
  }

  /** Takes what it can; returns what it can't. */
  apply(update: ResourceUpdate): readonly RejectedResource[] {
    const rejected: RejectedResource[] = []
    if (update.typeUrl !== addressType && update.typeUrl !== authorizationType) return rejected
    this.#revision++
    this.#seen.add(update.typeUrl)
    const ofAddresses = update.typeUrl === addressType
    for (const name of update.removed) {
      if (ofAddresses) this.#removeAddress(name)
      else this.#removePolicy(name)
    }
    for (const resource of update.upserts) {
      const result = ofAddresses ? this.#setAddress(resource) : this.#setPolicy(resource)
      if (!result.ok) rejected.push({ name: resource.name, reason: result.error })
    }
    return rejected
  }

  policiesFor(subject: PolicySubject): ApplicablePolicies {
    return this.#policies.policiesFor(subject)
  }

  workload(uid: string): Workload | undefined {
    const entry = this.#entry(uid, 'workload')
    return entry?.kind === 'workload' ? entry.workload : undefined
  }

  service(key: string): Service | undefined {
    const entry = this.#entry(key, 'service')
    return entry?.kind === 'service' ? entry.service : undefined
  }

  byAddress(network: string, address: IpAddress): AddressEntry | undefined {
    const name = this.#byAlias.get(networkAddressKey(network, address))?.at(-1)
    return name === undefined ? undefined : this.#entry(name)
  }

  /** Whether there is a resource with this name, or one that has it as `network/ip`. */
  knows(nameOrAlias: string): boolean {
    return this.#addresses.has(nameOrAlias) || this.#byAlias.has(nameOrAlias)
  }

  /** Services with this host name; `namespace` first where it has one. */
  byHostname(hostname: string, namespace: string): Service | undefined {
    const own = this.service(serviceKey({ namespace, hostname }))
    if (own !== undefined) return own
    const services = [...(this.#byHostname.get(hostname) ?? [])].flatMap((key) => this.service(key) ?? [])
    const visible = services.filter((service) => service.visibility === 'public')
    return visible.find((service) => service.canonical) ?? visible[0]
  }

  /** The workloads that serve a service, in no particular order; the same array for as long as none of them changes. */
  endpointsOf(key: string): readonly Workload[] {
    const known = this.#endpointLists.get(key)
    if (known !== undefined) return known
    const workloads = [...(this.#endpoints.get(key) ?? [])].flatMap((uid) => this.workload(uid) ?? [])
    if (workloads.length > 0) this.#endpointLists.set(key, workloads)
    return workloads
  }

  /** Everything decoded, for dumps. */
  *entries(): Generator<AddressEntry> {
    for (const name of this.#addresses.keys()) {
      const entry = this.#entry(name)
      if (entry !== undefined) yield entry
    }
  }

  *policies(): Generator<unknown> {
    for (const key of this.#policyKeys) yield this.#policies.get(key)
  }

  /** Decodes nothing where it is of another kind than the one that is wanted. */
  #entry(name: string, kind?: AddressEntry['kind']): AddressEntry | undefined {
    const stored = this.#addresses.get(name)
    if (stored === undefined || (kind !== undefined && stored.kind !== kind)) return undefined
    if (stored.entry === undefined) {
      const decoded = decodeAddress(stored.bytes)
      if (!decoded.ok) return undefined
      stored.entry = decoded.value
    }
    return stored.entry
  }

  #setAddress(resource: MeshResource): Result<void> {
    const decoded = decodeAddress(resource.bytes)
    if (!decoded.ok) return decoded
    const { value } = decoded
    const key = value.kind === 'workload' ? value.workload.uid : serviceKey(value.service)
    if (key !== resource.name) return err(`the resource is of ${JSON.stringify(key)}`)
    this.#removeAddress(resource.name)
    const serviceKeys = value.kind === 'workload' ? [...value.workload.services.keys()] : []
    const hostname = value.kind === 'service' ? value.service.hostname : undefined
    const { bytes, aliases } = resource
    const { kind } = value
    this.#addresses.set(resource.name, { bytes, aliases, kind, hostname, entry: undefined, serviceKeys })
    for (const alias of aliases) addTo(this.#byAlias, alias, resource.name)
    for (const key of serviceKeys) {
      addToSet(this.#endpoints, key, resource.name)
      this.#endpointLists.delete(key)
    }
    if (hostname !== undefined) addToSet(this.#byHostname, hostname, resource.name)
    return { ok: true, value: undefined }
  }

  #removeAddress(name: string): void {
    const stored = this.#addresses.get(name)
    if (stored === undefined) return
    if (stored.hostname !== undefined) removeFromSet(this.#byHostname, stored.hostname, name)
    for (const alias of stored.aliases) removeFrom(this.#byAlias, alias, name)
    for (const key of stored.serviceKeys) {
      removeFromSet(this.#endpoints, key, name)
      this.#endpointLists.delete(key)
    }
    this.#addresses.delete(name)
  }

  #setPolicy(resource: MeshResource): Result<void> {
    const decoded = decodePolicy(resource)
    if (!decoded.ok) {
      this.#policyKeys.delete(resource.name)
      this.#policies.refuse(resource.name, scopeOfRefused(resource.name, resource.bytes))
      this.#refused.set(resource.name, decoded.error)
      return decoded
    }
    this.#refused.delete(resource.name)
    this.#policyKeys.add(resource.name)
    this.#policies.set(decoded.value)
    return { ok: true, value: undefined }
  }

  #removePolicy(name: string): void {
    this.#refused.delete(name)
    this.#policyKeys.delete(name)
    this.#policies.delete(name)
  }
}

/** A policy under another name could neither be removed nor be missed by whoever names it. */
function decodePolicy({ name, bytes }: MeshResource): Result<AuthorizationPolicy> {
  const decoded = decodeAuthorization(bytes)
  if (!decoded.ok) return decoded
  const key = policyKey(decoded.value)
  return key === name ? decoded : err(`the resource is of ${JSON.stringify(key)}`)
}

function addTo(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

function removeFrom(map: Map<string, string[]>, key: string, value: string): void {
  const left = (map.get(key) ?? []).filter((other) => other !== value)
  if (left.length === 0) map.delete(key)
  else map.set(key, left)
}

function addToSet(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key)
  if (set === undefined) map.set(key, new Set([value]))
  else set.add(value)
}

function removeFromSet(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key)
  if (set?.delete(value) === true && set.size === 0) map.delete(key)
}
