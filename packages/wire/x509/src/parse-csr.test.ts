import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import { must } from '@tulle/core'
import type { SpiffeId } from '@tulle/identity'
import { encodeSans, extension } from './create-certificate.ts'
import * as der from './der-write.ts'
import { createCsr, csrPem, generateKeyPair, parseCsr } from './index.ts'

const web = 'spiffe://cluster.local/ns/shop/sa/web' as SpiffeId
const pair = generateKeyPair()
const extensionRequest = '1.2.840.113549.1.9.14'
const sha256WithEcdsa = '1.2.840.10045.4.3.2'

test('parseCsr reads what createCsr writes, as DER and as PEM', () => {
  const request = createCsr({ identity: web, keyPair: pair })
  for (const input of [request, csrPem(request)]) {
    const found = must(parseCsr(input))
    assert.deepEqual(found.uriSans, [web])
    assert.ok(found.publicKey.equals(pair.publicKey))
  }
})

interface Odd {
  readonly attributes?: readonly Uint8Array[]
  readonly version?: number
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  readonly algorithm?: string
  readonly hash?: string
  readonly signer?: KeyObject
}

/** A request as openssl could make it, with anything odd in it. */
function odd(options: Odd): Uint8Array {
  const { keys = pair, algorithm = sha256WithEcdsa, hash = 'sha256', version = 0 } = options
  const info = der.sequence(
    der.smallInteger(version),
    der.sequence(),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der.element(der.contextTag(0, true), ...(options.attributes ?? [requested(sans([web]))])),
  )
  const signature = sign(hash, info, options.signer ?? keys.privateKey)
  return der.sequence(info, der.sequence(der.oid(algorithm)), der.bitString(signature))
}

function requested(...extensions: readonly Uint8Array[]): Uint8Array {
  return der.sequence(der.oid(extensionRequest), der.setOf(der.sequence(...extensions)))
}

function sans(uriSans: readonly string[], dnsSans: readonly string[] = []): Uint8Array {
  return extension('2.5.29.17', true, encodeSans({ uriSans, dnsSans }) ?? der.sequence())
}

const ca = extension('2.5.29.19', true, der.sequence(der.boolean(true)))
const password = der.sequence(der.oid('1.2.840.113549.1.9.7'), der.setOf(der.utf8String('secret')))

/** design.md §5, "strict CSR reader"; issue 3: a CSR with extra extensions. */
describe('parseCsr refuses', () => {
  const cases: readonly (readonly [string, Odd, RegExp])[] = [
    [
      'an extension other than the alternative name',
      { attributes: [requested(sans([web]), ca)] },
      /2\.5\.29\.19/u,
    ],
    ['the same extension twice', { attributes: [requested(sans([web]), sans([web]))] }, /twice/u],
    ['another attribute', { attributes: [password] }, /1\.2\.840\.113549\.1\.9\.7/u],
    ['a second attribute', { attributes: [requested(sans([web])), password] }, /after the end/u],
    ['a DNS name beside the URI', { attributes: [requested(sans([web], ['web']))] }, /other than URIs/u],
    ['another version', { version: 1 }, /version 1/u],
    ['a signature by another key', { signer: generateKeyPair().privateKey }, /not signed with the key/u],
    ['SHA-1', { algorithm: '1.2.840.10045.4.1', hash: 'sha1' }, /ECDSA over SHA-256/u],
    ['P-384', { keys: generateKeyPairSync('ec', { namedCurve: 'P-384' }) }, /P-256/u],
    [
      'RSA',
      { keys: generateKeyPairSync('rsa', { modulusLength: 2048 }), algorithm: '1.2.840.113549.1.1.11' },
      /ECDSA over SHA-256/u,
    ],
    ['an RSA key that says ECDSA', { keys: generateKeyPairSync('rsa', { modulusLength: 2048 }) }, /P-256/u],
  ]
  for (const [name, options, expected] of cases) {
    test(name, () => {
      const found = parseCsr(odd(options))
      assert.match(found.ok ? 'accepted' : found.error, expected)
    })
  }

  test('more than 8 KiB', () => {
    const found = parseCsr(odd({ attributes: [requested(sans([web, 'x'.repeat(9000)]))] }))
    assert.match(found.ok ? '' : found.error, /at most 8192/u)
  })

  test('PEM of something else, or of two', () => {
    const request = csrPem(createCsr({ identity: web, keyPair: pair }))
    for (const text of ['', request + request, request.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE')]) {
      const found = parseCsr(text)
      assert.match(found.ok ? '' : found.error, /expected one CERTIFICATE REQUEST/u)
    }
  })
})

test('parseCsr shows no URI, two URIs and a NUL as they are, for its caller to refuse', () => {
  assert.deepEqual(must(parseCsr(odd({ attributes: [] }))).uriSans, [])
  const two = [web, `${web}\0`]
  assert.deepEqual(must(parseCsr(odd({ attributes: [requested(sans(two))] }))).uriSans, two)
})
