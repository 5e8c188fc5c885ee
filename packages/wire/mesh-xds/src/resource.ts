import { hash } from 'node:crypto'
import type { DomainBundle, RevocationList } from '@tulle/identity'
import { policyKey } from '@tulle/policy'
import type { AuthorizationPolicy } from '@tulle/policy'
import { addressName, serviceAliases, workloadAliases } from './address-names.ts'
import type { AddressEntry } from './address-names.ts'
import { encodeService } from './encode-service.ts'
import { encodeWorkload } from './encode-workload.ts'
import { encodeAuthorization } from './encode-authorization.ts'
import { encodeRevocation, encodeTrustBundle } from './identity-resources.ts'

/** Workloads and services: `istio.workload.Address`. */
export const addressType = 'type.googleapis.com/istio.workload.Address'
/** Policies: `istio.security.Authorization`. */
export const authorizationType = 'type.googleapis.com/istio.security.Authorization'
/** Who is revoked: `tulle.identity.v1.Revocation`. Ours, so that others neither send nor ask for it. */
export const revocationType = 'type.googleapis.com/tulle.identity.v1.Revocation'
/** Roots by trust domain: `tulle.identity.v1.TrustBundle`. Ours too. */
export const trustBundleType = 'type.googleapis.com/tulle.identity.v1.TrustBundle'

/** One resource as it travels: encoded once for each version, whoever subscribes. */
export interface MeshResource {
  readonly name: string
  /** A hash of the content: equal content is an equal version, also after a restart of the control plane. */
  readonly version: string
  /** Other names by which it may be subscribed to. */
  readonly aliases: readonly string[]
  /**
   * Names of resources that it is a part of: whoever subscribes to one of them by name or alias gets it too, as istiod
   * gives the workloads of a service to who asks for the service. It does not travel.
   */
  readonly partOf?: readonly string[]
  readonly bytes: Uint8Array
}

/** What changed of one type, as it is handed on to whoever applies it. */
export interface ResourceUpdate {
  readonly typeUrl: string
  readonly upserts: readonly MeshResource[]
  readonly removed: readonly string[]
}

export function addressResource(entry: AddressEntry): MeshResource {
  const bytes = entry.kind === 'workload' ? encodeWorkload(entry.workload) : encodeService(entry.service)
  const aliases = entry.kind === 'workload' ? workloadAliases(entry.workload) : serviceAliases(entry.service)
  const resource = { name: addressName(entry), version: contentVersion(bytes), aliases, bytes }
  if (entry.kind === 'service' || entry.workload.services.size === 0) return resource
  return { ...resource, partOf: [...entry.workload.services.keys()] }
}

export function authorizationResource(policy: AuthorizationPolicy): MeshResource {
  const bytes = encodeAuthorization(policy)
  return { name: policyKey(policy), version: contentVersion(bytes), aliases: [], bytes }
}

export function revocationResource(list: RevocationList): MeshResource {
  const bytes = encodeRevocation(list)
  return { name: list.name, version: contentVersion(bytes), aliases: [], bytes }
}

export function trustBundleResource(bundle: DomainBundle): MeshResource {
  const bytes = encodeTrustBundle(bundle)
  return { name: bundle.trustDomain, version: contentVersion(bytes), aliases: [], bytes }
}

/** 128 bits of SHA-256 in 22 characters: short, since a reconnecting peer sends all of them. */
export function contentVersion(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64url').slice(0, 22)
}
