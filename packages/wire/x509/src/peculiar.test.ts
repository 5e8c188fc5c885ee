// @peculiar/x509 is the oracle: another hand's reading of RFC 5280 and RFC 2986, over WebCrypto.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { describe, test } from 'node:test'
import { must } from '@tulle/core'
import type { SpiffeId } from '@tulle/identity'
import * as peculiar from '@peculiar/x509'
import {
  createCsr,
  createLeaf,
  createRoot,
  csrPem,
  generateKeyPair,
  parseCertificate,
  parseCsr,
  verifyChain,
} from './index.ts'

const nowMs = Date.UTC(2026, 5, 1)
const validity = { notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + 86_400_000 }
const web = 'spiffe://cluster.local/ns/shop/sa/web' as SpiffeId
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const pair = generateKeyPair()
const root = createRoot({ subject: { organization: 'o', commonName: 'root' }, ...validity })

describe('@peculiar/x509 agrees', () => {
  test('on a leaf and its chain', async () => {
    const middle = createRoot({ subject: { commonName: 'm' }, issuer: root, pathLength: 0, ...validity })
    const ours = createLeaf({ issuer: middle, publicKey: pair.publicKey, uriSans: [web], ...validity })
    const theirs = new peculiar.X509Certificate(Buffer.from(ours.der))
    assert.equal(theirs.serialNumber, ours.serial)
    assert.deepEqual(
      [theirs.notBefore.getTime(), theirs.notAfter.getTime()],
      [ours.notBeforeMs, ours.notAfterMs],
    )
    assert.deepEqual(theirs.getExtension(peculiar.SubjectAlternativeNameExtension)?.names.toJSON(), [
      { type: 'url', value: web },
    ])
    assert.equal(theirs.getExtension(peculiar.BasicConstraintsExtension)?.ca, false)
    assert.equal(
      theirs.getExtension(peculiar.KeyUsagesExtension)?.usages,
      peculiar.KeyUsageFlags.digitalSignature,
    )
    const certificates = [middle.certificate, root.certificate].map(
      (certificate) => new peculiar.X509Certificate(Buffer.from(certificate.der)),
    )
    const chain = await new peculiar.X509ChainBuilder({ certificates }).build(theirs)
    assert.equal(chain.length, 3)
    assert.ok(
      await theirs.verify({ publicKey: await certificates[0]!.publicKey.export(), date: new Date(nowMs) }),
    )
  })

  test('on a request of ours', async () => {
    const theirs = new peculiar.Pkcs10CertificateRequest(csrPem(createCsr({ identity: web, keyPair: pair })))
    assert.ok(await theirs.verify())
    assert.equal(theirs.subject, '')
    const names = theirs.extensions.find((item) => item instanceof peculiar.SubjectAlternativeNameExtension)
    assert.deepEqual(names?.names.toJSON(), [{ type: 'url', value: web }])
  })
})

describe('of what @peculiar/x509 writes', () => {
  async function request(extensions: peculiar.Extension[]): Promise<string> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const made = await peculiar.Pkcs10CertificateRequestGenerator.create({
      keys,
      extensions,
      signingAlgorithm: algorithm,
    })
    return made.toString('pem')
  }
  const names = new peculiar.SubjectAlternativeNameExtension([{ type: 'url', value: web }])

  test('parseCsr reads a request', async () => {
    assert.deepEqual(must(parseCsr(await request([names]))).uriSans, [web])
  })

  test('parseCsr refuses one that asks to be a CA', async () => {
    const found = parseCsr(await request([names, new peculiar.BasicConstraintsExtension(true)]))
    assert.match(found.ok ? '' : found.error, /2\.5\.29\.19/u)
  })

  test('parseCertificate and verifyChain read a chain', async () => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const own = await peculiar.X509CertificateGenerator.createSelfSigned({
      name: 'CN=theirs',
      notBefore: new Date(validity.notBeforeMs),
      notAfter: new Date(validity.notAfterMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new peculiar.BasicConstraintsExtension(true, 1, true),
        new peculiar.KeyUsagesExtension(peculiar.KeyUsageFlags.keyCertSign, true),
      ],
    })
    const child = await peculiar.X509CertificateGenerator.create({
      subject: 'CN=leaf',
      issuer: own.subject,
      notBefore: new Date(validity.notBeforeMs),
      notAfter: new Date(validity.notAfterMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
      extensions: [names],
    })
    const leaf = must(parseCertificate(new Uint8Array(child.rawData)))
    const issuer = must(parseCertificate(new Uint8Array(own.rawData)))
    assert.deepEqual([issuer.isCa, issuer.pathLength, issuer.keyUsage], [true, 1, [5]])
    assert.deepEqual(leaf.uriSans, [web])
    assert.ok(verifyChain({ leaf, intermediates: [], roots: [issuer], nowMs }).ok)
  })
})
