/** Who a workload is, and whom a trust domain trusts to say so. */
export { parseSpiffeId, spiffeId } from './spiffe-id.ts'
export type { Identity, SpiffeId } from './spiffe-id.ts'
export { allRoots, rootsOf } from './trust-bundle.ts'
export type { TrustBundle } from './trust-bundle.ts'
export { defaultTrustDomain, parseTrustDomain } from './trust-domain.ts'
export type { TrustDomain } from './trust-domain.ts'
