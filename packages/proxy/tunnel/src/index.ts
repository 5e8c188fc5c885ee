/**
 * HBONE: one mutually authenticated TLS session between two proxies, with a CONNECT stream a connection.
 * Who the peer is gets settled here, before the first HTTP/2 byte; whether it may is the caller's business.
 */
export { ByteBudget } from './byte-budget.ts'
export { ClientPool } from './client-pool.ts'
export type { ClientPoolOptions, OnSession } from './client-pool.ts'
export { CredentialHolder } from './credential-holder.ts'
export type { Credentials } from './credential-holder.ts'
export { noRevocations } from './credentials.ts'
export type { Revocations, WorkloadCertificate } from './credentials.ts'
export type { DialDeps, TunnelTarget } from './dial.ts'
export type { DialFailure } from './errors.ts'
export { HboneServer } from './hbone-server.ts'
export type { HboneServerOptions, PeerAddress, ServerRefusal } from './hbone-server.ts'
export { InboundTunnel } from './inbound-tunnel.ts'
export type { RefusalStatus } from './inbound-tunnel.ts'
export { PeerVerifier } from './peer-verifier.ts'
export type { PeerRefusal, PeerRefusalReason, PeerVerifierOptions, VerifiedPeer } from './peer-verifier.ts'
export { ReceiveSlabs } from './receive-slabs.ts'
export { SessionKeeper } from './session-keeper.ts'
export { tlsGroupFloor, tlsGroups } from './tls-settings.ts'
export { ClientTunnelSession } from './tunnel-session.ts'
export type { TunnelSession } from './tunnel-session.ts'
