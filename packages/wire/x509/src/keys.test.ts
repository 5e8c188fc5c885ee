import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { must } from '@tulle/core'
import { generateKeyPair, keyPem, keysMatch, parsePrivateKey } from './index.ts'

test('generateKeyPair makes P-256 pairs whose PEM comes back', () => {
  const pair = generateKeyPair()
  const again = must(parsePrivateKey(keyPem(pair.privateKey)))
  assert.equal(pair.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  assert.ok(keysMatch(pair.publicKey, again))
  assert.ok(!keysMatch(generateKeyPair().publicKey, again))
})

describe('parsePrivateKey', () => {
  const pem = { type: 'pkcs8', format: 'pem' } as const
  const secret = 'MIGHAgEAMBMG'
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['refuses nothing', '', /expected a private key/u],
    [
      'refuses a broken one without repeating it',
      `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----`,
      /expected a private key/u,
    ],
    ['refuses Ed25519', generateKeyPairSync('ed25519').privateKey.export(pem).toString(), /found ed25519/u],
    [
      'refuses RSA of 1024 bits',
      generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export(pem).toString(),
      /1024 bits/u,
    ],
    [
      'refuses P-521',
      generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey.export(pem).toString(),
      /secp521r1/u,
    ],
    [
      'refuses one with a passphrase',
      generateKeyPair()
        .privateKey.export({ ...pem, cipher: 'aes-256-cbc', passphrase: 'x' })
        .toString(),
      /without a passphrase/u,
    ],
  ]
  for (const [name, text, expected] of cases) {
    test(name, () => {
      const found = parsePrivateKey(text)
      assert.equal(found.ok, false)
      const error = found.ok ? '' : found.error
      assert.match(error, expected)
      assert.ok(!error.includes(secret))
    })
  }
})
