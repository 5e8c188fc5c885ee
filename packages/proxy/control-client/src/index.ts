/** The proxy's side of the control plane: configuration over delta ADS, certificates from the CA. */
export { adsClient, reconnectPauses } from './ads-client.ts'
export type { AdsClient, AdsClientDeps, AdsClientOptions, AdsNode, RejectedResource } from './ads-types.ts'
export { grpcCaClient } from './late-ca-client.ts'
export type { GrpcCaClientDeps, GrpcCaClientOptions } from './certificate-client.ts'
export { CertificateError } from './certificate-errors.ts'
export type { CertificateErrorCode } from './certificate-errors.ts'
export { PemCertificateSource } from './certificate-pem-source.ts'
export type { PemCertificateSourceDeps, PemCertificateSourceOptions } from './certificate-pem-source.ts'
export { IdentityUpdates } from './identity-updates.ts'
export type { IdentityDump, IdentityTargets } from './identity-updates.ts'
export { CertificateStore } from './certificate-store.ts'
export type { CertificateStoreDeps, CertificateStoreOptions } from './certificate-store.ts'
export type {
  CaClient,
  CaRequest,
  CertificateSource,
  CertificateStatus,
  WorkloadCertificate,
} from './certificate-types.ts'
