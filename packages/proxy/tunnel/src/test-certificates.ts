/** Certificates good and bad, for tests of who is believed. */
import { must, systemClock } from '@tulle/core'
import { parseTrustDomain, parseSpiffeId, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import {
  certificatePem,
  createCertificate,
  createLeaf,
  createRoot,
  generateKeyPair,
  keyPem,
} from '@tulle/x509'
import type { Signer, SubjectName } from '@tulle/x509'
import type { WorkloadCertificate } from './credentials.ts'

export const hourMs = 3_600_000

export function testRoot(): Signer {
  const nowMs = systemClock.nowMs()
  return createRoot({
    subject: { organization: 'test' },
    notBeforeMs: nowMs - 48 * hourMs,
    notAfterMs: nowMs + 48 * hourMs,
  })
}

/** CAs below `root`, each signed by the one before: the last one, which signs leaves, comes first. */
export function chainBelow(root: Signer, count: number): readonly Signer[] {
  const chain: Signer[] = []
  const { notBeforeMs, notAfterMs } = root.certificate
  for (let depth = 0; depth < count; depth++) {
    const subject = { organization: `intermediate ${depth}` }
    chain.unshift(createRoot({ issuer: chain[0] ?? root, notBeforeMs, notAfterMs, subject }))
  }
  return chain
}

export function testId(account: string, domain: string = 'cluster.local'): SpiffeId {
  return spiffeId(must(parseSpiffeId(`spiffe://${domain}/ns/shop/sa/${account}`)))
}

export type Trusts = Readonly<Record<string, readonly Signer[]>>

export interface TestCertificateOptions {
  readonly root: Signer
  readonly identity: SpiffeId
  readonly trusts: Trusts
  readonly uriSans?: readonly string[]
  readonly dnsSans?: readonly string[]
  readonly subject?: SubjectName
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  readonly selfSigned?: boolean
  readonly intermediates?: readonly Signer[]
}

export function testCertificate(options: TestCertificateOptions): WorkloadCertificate {
  const nowMs = systemClock.nowMs()
  const { identity, trusts, intermediates = [] } = options
  const notBeforeMs = options.notBeforeMs ?? nowMs - hourMs
  const notAfterMs = options.notAfterMs ?? nowMs + hourMs
  const { publicKey, privateKey } = generateKeyPair()
  const { uriSans = [identity], dnsSans = [], subject } = options
  const template = {
    publicKey,
    notBeforeMs,
    notAfterMs,
    uriSans,
    dnsSans,
    ...(subject !== undefined && { subject }),
  }
  const leaf =
    options.selfSigned === true
      ? createCertificate({ ...template, selfKey: privateKey, isCa: false })
      : createLeaf({ ...template, issuer: options.root })
  const roots = new Map(
    Object.entries(trusts).map(([domain, signers]) => [
      must(parseTrustDomain(domain)),
      signers.map((signer) => certificatePem(signer.certificate)),
    ]),
  )
  const chain = [leaf, ...intermediates.map((signer) => signer.certificate)]
  return {
    identity,
    chainPem: chain.map(certificatePem).join(''),
    keyPem: keyPem(privateKey),
    bundle: { roots },
    notBeforeMs,
    notAfterMs,
    serial: leaf.serial,
  }
}
