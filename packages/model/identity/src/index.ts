/** Who a workload is, and whom a trust domain trusts to say so. */
export { parseSpiffeId, spiffeId } from './spiffe-id.ts'
export type { Identity, SpiffeId } from './spiffe-id.ts'
export { noRevocations, parseSerial, uniteRevocations } from './revocations.ts'
export type { RevocationList, Revocations } from './revocations.ts'
export { allRoots, rootsOf } from './trust-bundle.ts'
export type { DomainBundle, TrustBundle } from './trust-bundle.ts'
export { defaultTrustDomain, parseTrustDomain } from './trust-domain.ts'
export type { TrustDomain } from './trust-domain.ts'
