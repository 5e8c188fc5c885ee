/**
 * The certificate authority of a mesh: roots in a folder, certificates for workloads over Istio's protocol,
 * tokens that say on which node their holder runs. It never asks a request where it comes from.
 */
export { CertificateAuthority } from './authority.ts'
export type {
  AuthorityDeps,
  AuthorityOptions,
  AuthorityState,
  IssuedCertificate,
  Rotation,
  RootInfo,
  ServingCertificate,
  ServingNames,
} from './authority.ts'
export { loadOrCreateAuthority } from './authority-folder.ts'
export type { AuthorityFolderOptions } from './authority-folder.ts'
export { makeRoot, parseRoot } from './authority-root.ts'
export type { AuthorityRoot } from './authority-root.ts'
export { bearerToken, caService } from './ca-service.ts'
export type { CaService, CaServiceDeps, CaServiceOptions } from './ca-service.ts'
export { CaError } from './errors.ts'
export type { CaErrorCode, Refusal, RefusalKind } from './errors.ts'
export { loadTokenKey, mintNodeToken, verifyNodeToken } from './node-tokens.ts'
export type { NodeCaller, NodeToken, NodeTokenOptions, TokenKey } from './node-tokens.ts'
export type { RevocationLists } from './revocations.ts'
export { RootRotation } from './root-rotation.ts'
export type { Holder, RootRotationDeps, RotationStage, RotationStatus } from './root-rotation.ts'
export { ServingCredentials } from './serving-credentials.ts'
export type { ServingDeps, ServingOptions } from './serving-credentials.ts'
