import { constants, X509Certificate } from 'node:crypto'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import { allRoots } from '@tulle/identity'
import type { WorkloadCertificate } from './credentials.ts'

/** Post-quantum hybrid first; the peer may fall back to the classic curves. */
export const tlsGroups = 'X25519MLKEM768:X25519:P-256'

/** What a receiving side logs of its key exchange: Node tells the agreed group to clients only. */
export const tlsGroupFloor = 'P-256'

/** TLS 1.3 and nothing below, with this workload's key, trusting the union of all roots for OpenSSL's first look. */
function contextOptions(certificate: WorkloadCertificate): SecureContextOptions {
  return {
    key: certificate.keyPem,
    cert: chainToRoot(certificate),
    ca: [...allRoots(certificate.bundle)],
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ecdhCurve: tlsGroups,
  }
}

/**
 * A lone leaf, with the root that signed it. Without, OpenSSL looks for that root anew in every handshake, verifies the
 * leaf with it and sends both: the same bytes at twice the time. @see SSL_CTX_set_mode(3), SSL_MODE_NO_AUTO_CHAIN
 */
function chainToRoot({ chainPem, bundle }: WorkloadCertificate): string {
  if (chainPem.split('-----BEGIN CERTIFICATE-----').length !== 2) return chainPem
  const leaf = new X509Certificate(chainPem)
  const root = [...allRoots(bundle)].find((pem) => isSigner(new X509Certificate(pem), leaf))
  return root === undefined ? chainPem : `${chainPem.trimEnd()}\n${root}`
}

function isSigner(root: X509Certificate, leaf: X509Certificate): boolean {
  return leaf.checkIssued(root) && leaf.verify(root.publicKey)
}

/** For `tls.Server` and its `setSecureContext`. No tickets: a resumed session would never be verified again. */
export function serverContextOptions(certificate: WorkloadCertificate): SecureContextOptions {
  return { ...contextOptions(certificate), secureOptions: constants.SSL_OP_NO_TICKET }
}

export function serverOptions(certificate: WorkloadCertificate, handshakeTimeoutMs: number): TlsOptions {
  return {
    ...serverContextOptions(certificate),
    ALPNProtocols: ['h2'],
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeTimeoutMs,
  }
}

export function clientContextOptions(certificate: WorkloadCertificate): SecureContextOptions {
  return contextOptions(certificate)
}

/**
 * Bytes that may wait in a TLS socket before the session is told to hold back. Less than a slab: what waits behind a slab
 * would be copied into one buffer before it is encrypted. What a server accepts has this value anyway, and no other.
 */
export const transportHighWaterBytes: number = 64 * 1024
