/** Certificates and signing requests in DER: read or refused, and where OpenSSL reads them too, both read the same. */
import { X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { must } from '@tulle/core'
import { csrPem, parseCertificate, parseCsr, spiffeIdOf, splitPem, verifyChain } from '@tulle/x509'
import type { Certificate } from '@tulle/x509'
import { readSeed } from '../seed-files.ts'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'

/** Of keys that nobody has any more, so that every run is of the same bytes. */
const leaf = readSeed('certificate', 'leaf.der')
const root = readSeed('certificate', 'root.der')
const request = readSeed('csr', 'request.der')
const identity = 'spiffe://cluster.local/ns/shop/sa/web'
const rootCertificate = must(parseCertificate(root))
const leafCertificate = must(parseCertificate(leaf))
const requestKey = keyText(must(parseCsr(request)).publicKey)

function keyText(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('hex')
}

const words = [
  '0603551d11',
  '0603551d13',
  '0603551d0f',
  '0101ff',
  '0500',
  '3000',
  '020100',
  '0201ff',
  '8600',
  '820100',
  '3080',
  '308200ff',
  '3084ffffffff',
  '170d3236303130313030303030305a',
  '180f32303530303130313030303030305a',
].map((hex) => Buffer.from(hex, 'hex'))

/** Facts that OpenSSL finds in the same bytes; undefined where it does not take them. */
function bySystem(bytes: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes)
  } catch {
    // OpenSSL reads what we leave as it is, such as names, and may refuse it: that is its answer.
    return undefined
  }
}

function compare(found: Certificate, other: X509Certificate): void {
  const facts = (serial: string, from: number, to: number, ca: boolean): string =>
    `${serial} ${from} ${to} ${ca}`
  // OpenSSL counts one that may not sign certificates (bit 5) as no CA; we keep the two apart until a chain is walked.
  const certifies = found.isCa && (found.keyUsage?.includes(5) ?? true)
  const ours = facts(found.serial, found.notBeforeMs, found.notAfterMs, certifies)
  const theirs = facts(
    other.serialNumber.toLowerCase().replace(/^0+(?=.)/u, ''),
    other.validFromDate.getTime(),
    other.validToDate.getTime(),
    other.ca,
  )
  ensure(ours === theirs, () => `${ours} here, ${theirs} in OpenSSL`)
  const names = other.subjectAltName ?? ''
  for (const uri of found.uriSans) {
    if (/^[\w:/.-]+$/u.test(uri)) ensure(names.includes(`URI:${uri}`), () => `${uri} is not in ${names}`)
  }
}

export const certificates: FuzzTarget = {
  name: 'certificate',
  about:
    'any bytes are a certificate or a refusal; OpenSSL, where it takes them, finds the same in them; none is believed',
  seeds: [leaf, root],
  words,
  maxBytes: 1500,
  run(input) {
    const found = parseCertificate(input)
    if (!found.ok) return found.error.replaceAll(/\d+/gu, '').slice(0, 70)
    const other = bySystem(input)
    if (other !== undefined) compare(found.value, other)
    const named = spiffeIdOf(found.value)
    const chain = verifyChain({
      leaf: found.value,
      intermediates: [],
      roots: [rootCertificate],
      nowMs: Date.UTC(2027, 0),
    })
    const genuine = Buffer.compare(found.value.signed, leafCertificate.signed) === 0
    ensure(!chain.ok || genuine, () => 'a forged certificate is believed')
    return `read ${other !== undefined} ${named.ok} ${chain.ok} ${found.value.unknownCritical.length}`
  },
}

export const requests: FuzzTarget = {
  name: 'csr',
  about: 'any bytes are a signing request or a refusal, as DER and as PEM; one that is changed is refused',
  seeds: [request, Buffer.from(csrPem(request))],
  words: [
    ...words,
    ...['-----BEGIN CERTIFICATE REQUEST-----\n', '-----END CERTIFICATE REQUEST-----\n', '=', '\n'].map((t) =>
      Buffer.from(t),
    ),
  ],
  maxBytes: 1500,
  run(input) {
    const text = Buffer.from(input).toString('latin1')
    const blocks = splitPem(text)
    const found = parseCsr(text)
    const asPem = parseCsr(csrPem(input))
    const outcome = asPem.ok ? 'request' : asPem.error.replaceAll(/\d+/gu, '').slice(0, 70)
    if (asPem.ok) {
      // Signed by its own key: what matters in it can't be another than it was.
      const { uriSans, publicKey } = asPem.value
      ensure(
        uriSans.join() === identity && keyText(publicKey) === requestKey,
        () => 'a forged request is taken',
      )
    }
    return `${blocks.ok ? blocks.value.length : 'no'} ${found.ok} ${outcome}`
  },
}
