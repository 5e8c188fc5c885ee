import { systemClock } from '@tulle/core'
import { certificatePem, createLeaf, createRoot, generateKeyPair, keyPem } from '@tulle/x509'
import type { Signer } from '@tulle/x509'
import { expiredTlsPort, tlsPort } from './workload/ports.ts'
import type { ServerCertificate, TlsMaterial } from './workload/tls-material.ts'

const hourMs = 3_600_000
const nowMs = systemClock.nowMs()
const valid = { notBeforeMs: nowMs - hourMs, notAfterMs: nowMs + 24 * hourMs }

/** What the certificates of TLS backends say. */
export const backendName = 'secure.example.com'
export const backendUri = 'spiffe://example.com/ns/secure/sa/backend'

const root = createRoot({ subject: { organization: 'conformance' }, ...valid })
export const rootPem: string = certificatePem(root.certificate)
/** Of a CA that signed nothing. */
export const strangerPem: string = certificatePem(
  createRoot({ subject: { organization: 'stranger' }, ...valid }).certificate,
)

export const tlsMaterial: TlsMaterial = {
  [tlsPort]: serverCertificate(root, valid),
  [expiredTlsPort]: serverCertificate(root, { notBeforeMs: nowMs - 2 * hourMs, notAfterMs: nowMs - hourMs }),
}

function serverCertificate(
  issuer: Signer,
  when: { readonly notBeforeMs: number; readonly notAfterMs: number },
): ServerCertificate {
  const { publicKey, privateKey } = generateKeyPair()
  const leaf = createLeaf({ issuer, publicKey, dnsSans: [backendName], uriSans: [backendUri], ...when })
  return { cert: certificatePem(leaf), key: keyPem(privateKey) }
}
