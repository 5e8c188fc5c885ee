/** Who may ask what of whom: rules that read requests, and the verdict that they give on one. */
export { readsRequests } from './access-policy.ts'
export type { AccessPolicy, AccessRule } from './access-policy.ts'
export { authorizeRequest, compileAccess } from './authorize-request.ts'
export type { AccessFacts, ApplicableAccess, CompiledAccess } from './authorize-request.ts'
export { compileRequestMatch } from './request-match.ts'
export type { RequestFacts, RequestTest } from './request-match.ts'
