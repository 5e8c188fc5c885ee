/**
 * Certificates: a DER writer and a strict reader, P-256 certificates and signing requests, chains. It knows
 * neither time nor network: `nowMs` comes in. Readers return Results and never throw, whatever the bytes are.
 */
export { verifyChain, verifyIssuer } from './chain.ts'
export type { ChainOptions } from './chain.ts'
export { createCertificate, createLeaf, createRoot } from './create-certificate.ts'
export type {
  CertificateTemplate,
  LeafOptions,
  RootOptions,
  Signer,
  SubjectName,
} from './create-certificate.ts'
export { createCsr } from './create-csr.ts'
export type { CsrOptions } from './create-csr.ts'
export { generateKeyPair, keyPem, keysMatch, parsePrivateKey } from './keys.ts'
export type { KeyPair } from './keys.ts'
export { parseCertificate, publicKeyOf, spiffeIdOf, uriSansOf } from './parse-certificate.ts'
export type { Certificate } from './parse-certificate.ts'
export { parseCsr } from './parse-csr.ts'
export type { CertificateRequest } from './parse-csr.ts'
export {
  certificateFingerprint,
  certificatePem,
  csrPem,
  joinPem,
  parseCertificates,
  splitPem,
} from './pem.ts'
export type { PemBlock } from './pem.ts'
