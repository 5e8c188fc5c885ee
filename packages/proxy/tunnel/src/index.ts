/**
 * HBONE: one mutually authenticated TLS session between two proxies, with a CONNECT stream a connection.
 * Who the peer is gets settled here, before the first HTTP/2 byte; whether it may is the caller's business.
 */
export { noRevocations } from './credentials.ts'
export type { Revocations, WorkloadCertificate } from './credentials.ts'
