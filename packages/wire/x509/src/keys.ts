import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { element, oid, sequence, tags } from './der-write.ts'
import { oids } from './oids.ts'

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

interface SignatureAlgorithm {
  readonly keyType: 'ec' | 'rsa'
  readonly hash: 'sha256' | 'sha384' | 'sha512'
}

const algorithms: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  [oids.ecdsaSha256, { keyType: 'ec', hash: 'sha256' }],
  [oids.ecdsaSha384, { keyType: 'ec', hash: 'sha384' }],
  [oids.ecdsaSha512, { keyType: 'ec', hash: 'sha512' }],
  [oids.rsaSha256, { keyType: 'rsa', hash: 'sha256' }],
  [oids.rsaSha384, { keyType: 'rsa', hash: 'sha384' }],
  [oids.rsaSha512, { keyType: 'rsa', hash: 'sha512' }],
])

const minRsaBits = 2048

/** A fresh P-256 pair, as every workload's and root's is. */
export function generateKeyPair(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** PKCS#8 PEM of a private key: keep it in files of mode 0600. */
export function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** A private key that may sign for the mesh: EC on P-256 or P-384, or RSA of 2048 bits or more; PEM, not encrypted. */
export function parsePrivateKey(pem: string): Result<KeyObject> {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (error) {
    // OpenSSL's own text can repeat parts of its input, so only its code goes on.
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    return err(`expected a private key in PEM without a passphrase, found something else (${code})`)
  }
  const weak = weaknessOf(key)
  return weak === undefined
    ? ok(key)
    : err(`expected a key on P-256 or P-384 or RSA of 2048 bits or more, found ${weak}`)
}

/** Whether the private key is that of the public one. */
export function keysMatch(publicKey: KeyObject, privateKey: KeyObject): boolean {
  return createPublicKey(privateKey).equals(publicKey)
}

/** Undefined for a key that may sign; else what it is. */
export function weaknessOf(key: KeyObject): string | undefined {
  const details = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec') {
    const curve = details.namedCurve ?? 'an unnamed curve'
    return curve === 'prime256v1' || curve === 'secp384r1' ? undefined : curve
  }
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details.modulusLength ?? 0
    return bits >= minRsaBits ? undefined : `RSA of ${bits} bits`
  }
  return key.asymmetricKeyType ?? 'a key of another kind'
}

/** AlgorithmIdentifier of what `signBytes` makes with this key. */
export function signatureAlgorithm(key: KeyObject): Uint8Array {
  // RSA's parameters are NULL, ECDSA has none. @see RFC 8017 §A.2.4, RFC 5758 §3.2
  if (key.asymmetricKeyType === 'rsa') return sequence(oid(oids.rsaSha256), element(tags.null))
  return sequence(
    oid(key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? oids.ecdsaSha384 : oids.ecdsaSha256),
  )
}

export function signBytes(bytes: Uint8Array, key: KeyObject): Uint8Array {
  return sign(key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'sha384' : 'sha256', bytes, key)
}

/** False for an unknown algorithm, one of another key's kind, a weak key and a wrong signature alike. */
export function verifyBytes(
  bytes: Uint8Array,
  signature: { readonly algorithm: string; readonly bytes: Uint8Array },
  key: KeyObject,
): boolean {
  const algorithm = algorithms.get(signature.algorithm)
  if (algorithm === undefined || algorithm.keyType !== key.asymmetricKeyType) return false
  if (weaknessOf(key) !== undefined) return false
  return verify(algorithm.hash, bytes, key, signature.bytes)
}

/** A public key from SubjectPublicKeyInfo; undefined where OpenSSL doesn't take it. */
export function publicKeyFromSpki(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    // A point off the curve, an unknown algorithm: the caller says what it expected.
    return undefined
  }
}
