import type { AccessPolicy } from '@tulle/access'
import { contentVersion } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import { policyKey } from '@tulle/policy'
import type { ServiceTraffic } from '@tulle/traffic'
import { encodeAccess } from './access.ts'
import { encodeServiceTraffic } from './encode-traffic.ts'

/** What happens to the requests to a service: `tulle.traffic.v1.ServiceTraffic`, by the service's key. */
export const serviceTrafficType = 'type.googleapis.com/tulle.traffic.v1.ServiceTraffic'
/** Policies as whoever reads requests enforces them: `tulle.traffic.v1.Access`, by the policy's key. */
export const accessType = 'type.googleapis.com/tulle.traffic.v1.Access'

export function serviceTrafficResource(traffic: ServiceTraffic): MeshResource {
  return resourceOf(traffic.service, encodeServiceTraffic(traffic))
}

export function accessResource(policy: AccessPolicy): MeshResource {
  return resourceOf(policyKey(policy), encodeAccess(policy))
}

function resourceOf(name: string, bytes: Uint8Array): MeshResource {
  return { name, version: contentVersion(bytes), aliases: [], bytes }
}
