/**
 * Workloads, services and policies as they travel between control plane and node proxies: the bytes of
 * `istio.workload.Address` and `istio.security.Authorization`, as ztunnel reads and istiod writes them; and, between
 * our own two, who is revoked and which roots are believed.
 */
export { addressName, serviceAliases, workloadAliases } from './address-names.ts'
export type { AddressEntry } from './address-names.ts'
export { decodeAddress } from './decode-address.ts'
export { decodeAuthorization, scopeOfRefused } from './decode-authorization.ts'
export { decodeEnum, decodeList } from './decode-parts.ts'
export { digestsKey, formatDigestMark, parseDigestMark } from './digest-mark.ts'
export type { DigestMark } from './digest-mark.ts'
export { enumNames } from './enum-names.ts'
export type { EnumNames } from './enum-names.ts'
export { findForeignPart } from './closed-message.ts'
export { encodeService } from './encode-service.ts'
export { encodeWorkload } from './encode-workload.ts'
export { MessageWriter } from './message-writer.ts'
export { encodeAuthorization } from './encode-authorization.ts'
export {
  decodeRevocation,
  decodeTrustBundle,
  encodeRevocation,
  encodeTrustBundle,
} from './identity-resources.ts'
export {
  addressResource,
  addressType,
  authorizationResource,
  authorizationType,
  contentVersion,
  revocationResource,
  revocationType,
  trustBundleResource,
  trustBundleType,
} from './resource.ts'
export type { MeshResource, ResourceUpdate } from './resource.ts'
export { bucketOf, minDigestedNames, StateDigests } from './state-digests.ts'
export type { Buckets } from './state-digests.ts'
