import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must, systemClock } from '@tulle/core'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import { certificatePem, createLeaf, createRoot, generateKeyPair, keyPem } from '@tulle/x509'

const dayMs = 86_400_000

/** PEM files of one workload, as every peer here takes them. */
export interface PemFiles {
  readonly identity: string
  readonly key: string
  readonly certificate: string
  readonly roots: string
  /** Certificate and key in one file, which is how HAProxy wants them. */
  readonly combined: string
}

/** One root, and a P-256 certificate for each service account of namespace `bench`. */
export function writeCertificates<const Name extends string>(
  folder: string,
  accounts: readonly Name[],
): Readonly<Record<Name, PemFiles>> {
  const nowMs = systemClock.nowMs()
  const times = { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + dayMs }
  const root = createRoot({ subject: { organization: 'bench' }, ...times })
  const roots = join(folder, 'roots.pem')
  writeFileSync(roots, certificatePem(root.certificate), { mode: 0o600 })
  const files = accounts.map((account): [Name, PemFiles] => {
    const identity = spiffeId(must(parseSpiffeId(`spiffe://cluster.local/ns/bench/sa/${account}`)))
    const { publicKey, privateKey } = generateKeyPair()
    const leaf = createLeaf({ publicKey, issuer: root, uriSans: [identity], ...times })
    const [key, certificate, combined] = ['key', 'crt', 'pem'].map((end) => join(folder, `${account}.${end}`))
    if (key === undefined || certificate === undefined || combined === undefined)
      throw new Error('unreachable')
    writeFileSync(key, keyPem(privateKey), { mode: 0o600 })
    writeFileSync(certificate, certificatePem(leaf), { mode: 0o600 })
    writeFileSync(combined, certificatePem(leaf) + keyPem(privateKey), { mode: 0o600 })
    return [account, { identity, key, certificate, roots, combined }]
  })
  return Object.fromEntries(files) as Record<Name, PemFiles>
}
