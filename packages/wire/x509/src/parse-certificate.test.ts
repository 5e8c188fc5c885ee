import assert from 'node:assert/strict'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { must } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import * as der from './der-write.ts'
import {
  certificatePem,
  createCertificate,
  createLeaf,
  createRoot,
  generateKeyPair,
  parseCertificate,
  parseCertificates,
  publicKeyOf,
  spiffeIdOf,
  splitPem,
  uriSansOf,
} from './index.ts'
import type { LeafOptions } from './index.ts'

const dayMs = 86_400_000
const nowMs = Date.UTC(2026, 5, 1)
const validity = { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + dayMs }
const root = createRoot({ subject: { organization: 'test', commonName: 'root' }, ...validity })
const { publicKey } = generateKeyPair()
const web = 'spiffe://cluster.local/ns/shop/sa/web'

function leaf(options: Partial<LeafOptions>): ReturnType<typeof createLeaf> {
  return createLeaf({ issuer: root, publicKey, ...validity, ...options })
}

describe('createCertificate and node:crypto agree', () => {
  test('on a leaf', () => {
    const ips = ['10.1.2.3', '2001:db8::1'].map((text) => must(parseIpAddress(text)))
    const ours = leaf({
      uriSans: [web],
      dnsSans: ['control.test'],
      ipSans: ips,
      subject: { commonName: 'x' },
    })
    const theirs = new X509Certificate(ours.der)
    assert.equal(theirs.serialNumber.toLowerCase(), ours.serial)
    assert.equal(theirs.validFromDate.getTime(), ours.notBeforeMs)
    assert.equal(theirs.validToDate.getTime(), ours.notAfterMs)
    assert.equal(theirs.ca, false)
    assert.equal(
      theirs.subjectAltName,
      `URI:${web}, DNS:control.test, IP Address:10.1.2.3, IP Address:2001:DB8:0:0:0:0:0:1`,
    )
    assert.deepEqual([ours.uriSans, ours.dnsSans, ours.ipSans], [[web], ['control.test'], ips])
    assert.deepEqual(theirs.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    assert.deepEqual(ours.extendedKeyUsage, theirs.keyUsage)
    assert.deepEqual(ours.keyUsage, [0])
    assert.ok(theirs.checkIssued(new X509Certificate(root.certificate.der)))
    const rootKey = publicKeyOf(root.certificate)
    assert.ok(rootKey !== undefined && theirs.verify(rootKey))
    assert.ok(publicKeyOf(ours)?.equals(theirs.publicKey))
  })

  test('on a root and an intermediate', () => {
    const theirs = new X509Certificate(root.certificate.der)
    assert.ok(theirs.ca && theirs.checkIssued(theirs) && theirs.verify(theirs.publicKey))
    assert.deepEqual([root.certificate.isCa, root.certificate.keyUsage], [true, [5, 6]])
    const middle = createRoot({ ...validity, subject: { commonName: 'm' }, issuer: root, pathLength: 0 })
    assert.equal(middle.certificate.pathLength, 0)
    assert.ok(new X509Certificate(middle.certificate.der).verify(theirs.publicKey))
    assert.deepEqual(middle.certificate.authorityKeyId, root.certificate.subjectKeyId)
  })

  for (const [name, pair] of [
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ] as const) {
    test(`on a root with an ${name} key, as users may bring`, () => {
      const options = {
        publicKey: pair.publicKey,
        selfKey: pair.privateKey,
        subject: { commonName: name },
        isCa: true,
      }
      const made = createCertificate({ ...options, ...validity })
      const theirs = new X509Certificate(made.der)
      assert.ok(theirs.verify(theirs.publicKey))
    })
  }
})

test('createCertificate gives every certificate a positive serial of its own', () => {
  const serials = new Set(Array.from({ length: 50 }, () => leaf({}).serial))
  assert.equal(serials.size, 50)
  for (const serial of serials) assert.match(serial, /^[4-7][0-9a-f]{31}$/u)
  assert.equal(leaf({ serial: Uint8Array.of(0, 0, 0x0a) }).serial, 'a')
})

/** Case 29 of research/peers.md §6: what a certificate may try to be taken for. */
describe('spiffeIdOf (case 29)', () => {
  const cases: readonly (readonly [string, Partial<LeafOptions>, string | RegExp])[] = [
    ['takes one SPIFFE id', { uriSans: [web] }, web],
    ['takes dots in a service account for dots', { uriSans: [`${web}.v1`] }, `${web}.v1`],
    ['refuses a common name', { subject: { commonName: web } }, /found 0/u],
    ['refuses no SAN', {}, /found 0/u],
    ['refuses a DNS name alone', { dnsSans: ['web.shop'] }, /found 0/u],
    ['refuses two URI SANs', { uriSans: [web, `${web}2`] }, /found 2/u],
    ['refuses the same URI SAN twice', { uriSans: [web, web] }, /found 2/u],
    ['refuses a wildcard', { uriSans: ['spiffe://cluster.local/ns/shop/sa/*'] }, /not a service account/u],
    ['refuses a NUL', { uriSans: [`${web}\0.evil`] }, /not a service account/u],
    ['refuses a trailing slash', { uriSans: [`${web}/`] }, /five parts/u],
    ['refuses capitals', { uriSans: ['spiffe://CLUSTER.local/ns/shop/sa/web'] }, /trust domain/u],
    ['refuses another scheme', { uriSans: ['https://cluster.local/ns/shop/sa/web'] }, /spiffe/u],
    ['refuses an encoded slash', { uriSans: ['spiffe://cluster.local/ns/shop/sa/web%2fx'] }, /account/u],
    ['refuses a very long id', { uriSans: [`${web}${'a'.repeat(3000)}`] }, /longer/u],
  ]
  for (const [name, options, expected] of cases) {
    test(name, () => {
      const found = spiffeIdOf(leaf(options))
      if (typeof expected === 'string') assert.equal(found.ok && found.value, expected)
      else assert.match(found.ok ? found.value : found.error, expected)
    })
  }

  test('shows a NUL and a comma in a SAN as they are', () => {
    const odd = `${web}\0, DNS:evil`
    assert.deepEqual(must(uriSansOf(leaf({ uriSans: [odd] }).der)), [odd])
  })
})

describe('parseCertificate refuses', () => {
  const good = leaf({ uriSans: [web] }).der

  test('anything cut short', () => {
    for (let length = 0; length < good.length; length += 7) {
      assert.equal(parseCertificate(good.subarray(0, length)).ok, false)
    }
  })

  test('bytes after the end', () => {
    assert.equal(parseCertificate(Buffer.concat([good, Uint8Array.of(0)])).ok, false)
  })

  test('more than 64 KiB', () => {
    assert.match(errorOf(parseCertificate(new Uint8Array(65_537))), /at most 65536/u)
  })

  test('a SAN that is not ASCII', () => {
    const sans = der.sequence(der.element(der.contextTag(6, false), Uint8Array.of(0xff)))
    assert.match(errorOf(parseCertificate(withExtensions([['2.5.29.17', sans]]))), /not ASCII/u)
  })

  test('an extension twice', () => {
    const sans = der.sequence(der.element(der.contextTag(6, false), Buffer.from(web)))
    const twice = withExtensions([
      ['2.5.29.17', sans],
      ['2.5.29.17', sans],
    ])
    assert.match(errorOf(parseCertificate(twice)), /twice/u)
  })

  test('an extension with a rest', () => {
    const sans = Buffer.concat([der.sequence(), Uint8Array.of(5, 0)])
    assert.equal(parseCertificate(withExtensions([['2.5.29.17', sans]])).ok, false)
  })
})

/** Found by comparing with OpenSSL: each was read here as something that others do not see, or not seen. */
for (const [what, from, to] of [
  ['a second name in constructed form', '82037765', 'a2037765'],
  ['a name of no kind', '82037765', '02037765'],
  ['a key usage in the padding', '0403020780', '04030207c1'],
] as const) {
  test(`case 29: parseCertificate refuses ${what}`, () => {
    const good = Buffer.from(leaf({ uriSans: [web], dnsSans: ['web'] }).der).toString('hex')
    const bad = good.replace(from, to)
    assert.notEqual(bad, good)
    assert.equal(parseCertificate(Buffer.from(good, 'hex')).ok, true)
    assert.equal(parseCertificate(Buffer.from(bad, 'hex')).ok, false)
  })
}

test('parseCertificate names critical extensions that it does not know', () => {
  const certificate = must(parseCertificate(withExtensions([['2.5.29.30', der.sequence()]])))
  assert.deepEqual(certificate.unknownCritical, ['2.5.29.30'])
})

test('parseCertificates reads a chain in order and refuses keys, breaks and nothing', () => {
  const first = leaf({ uriSans: [web] })
  const text = `# chain\n${certificatePem(first)}${certificatePem(root.certificate)}`
  assert.deepEqual(
    must(parseCertificates(text)).map((certificate) => certificate.serial),
    [first.serial, root.certificate.serial],
  )
  assert.match(errorOf(parseCertificates('')), /found none/u)
  assert.match(
    errorOf(parseCertificates(text.replaceAll('CERTIFICATE', 'PRIVATE KEY'))),
    /found PRIVATE KEY/u,
  )
  assert.match(errorOf(splitPem(text.replace(/-----END[^\n]*\n$/u, ''))), /without its END/u)
  assert.match(errorOf(splitPem(text.replace('MII', 'M!I'))), /expected base64/u)
  assert.match(errorOf(splitPem(certificatePem(first).repeat(300))), /at most 256/u)
  assert.match(errorOf(splitPem('x'.repeat(1_048_577))), /at most 1048576/u)
})

/** A certificate of our own making up to the extensions, unsigned. */
function withExtensions(list: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const algorithm = der.sequence(der.oid('1.2.840.10045.4.3.2'))
  const extensions = list.map(([type, value]) =>
    der.sequence(der.oid(type), der.boolean(true), der.octetString(value)),
  )
  const body = der.sequence(
    der.element(der.contextTag(0, true), der.smallInteger(2)),
    der.smallInteger(7),
    algorithm,
    der.sequence(),
    der.sequence(der.time(nowMs), der.time(nowMs + dayMs)),
    der.sequence(),
    publicKey.export({ type: 'spki', format: 'der' }),
    der.element(der.contextTag(3, true), der.sequence(...extensions)),
  )
  return der.sequence(body, algorithm, der.bitString(Uint8Array.of(1)))
}

function errorOf(result: { readonly ok: boolean; readonly error?: string }): string {
  assert.equal(result.ok, false)
  return result.error ?? ''
}
