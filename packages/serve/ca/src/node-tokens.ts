import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { err, errorCode, ok } from '@tulle/core'
import type { Clock, Result } from '@tulle/core'
import { jwtVerify, SignJWT } from 'jose'
import { CaError } from './errors.ts'
import { readSecret, writePrivate } from './private-file.ts'

/** The secret that node tokens are signed with. */
export interface TokenKey {
  readonly secret: Uint8Array
}

/** Who asks, as far as a token can say. */
export interface NodeCaller {
  readonly node: string
}

/** What a token of ours says. */
export interface NodeToken extends NodeCaller {
  readonly expiresAtMs: number
}

export interface NodeTokenOptions {
  readonly node: string
  readonly ttlMs: number
  readonly clock: Clock
}

const audience = 'tulle-control'
const issuer = 'tulle-control'
const algorithm = 'HS256'
const secretBytes = 32
const maxTokenBytes = 4096
const maxClockSkewSeconds = 30
const nodeName = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/u

/** Reads the key from a 0600 file, or makes one there. */
export async function loadTokenKey(file: string): Promise<TokenKey> {
  const text = await readSecret(file)
  if (text === undefined) {
    const secret = randomBytes(secretBytes)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writePrivate(file, `${secret.toString('base64url')}\n`)
    return { secret }
  }
  const secret = Buffer.from(text.trim(), 'base64url')
  if (secret.length !== secretBytes) {
    throw new CaError(
      'CA_BAD_TOKEN_KEY',
      `${file}: expected ${secretBytes} bytes in base64url, found ${secret.length}; remove it to get a new one`,
    )
  }
  return { secret }
}

/** A bearer token that says on which node its holder runs: for this control plane, for a limited time. */
export function mintNodeToken(key: TokenKey, options: NodeTokenOptions): Promise<string> {
  const { node, ttlMs, clock } = options
  if (!nodeName.test(node)) {
    throw new TypeError(
      `expected a node name of letters, digits, ".", "-" and "_", found ${JSON.stringify(node)}`,
    )
  }
  const nowSeconds = Math.floor(clock.nowMs() / 1000)
  return new SignJWT({ node })
    .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(`node:${node}`)
    .setIssuedAt(nowSeconds)
    .setNotBefore(nowSeconds)
    .setExpirationTime(nowSeconds + Math.ceil(ttlMs / 1000))
    .sign(key.secret)
}

/**
 * Whose token this is. Refused, with the reason: expired, not yet valid (30 s of skew are forgiven), for another
 * audience, tampered with, any algorithm but HS256, without a node.
 */
export async function verifyNodeToken(
  key: TokenKey,
  token: string,
  clock: Clock,
): Promise<Result<NodeToken>> {
  if (token.length > maxTokenBytes) return err(`expected a token of at most ${maxTokenBytes} bytes`)
  try {
    const { payload } = await jwtVerify(token, key.secret, {
      algorithms: [algorithm],
      audience,
      issuer,
      requiredClaims: ['exp', 'nbf', 'sub'],
      clockTolerance: maxClockSkewSeconds,
      currentDate: new Date(clock.nowMs()),
    })
    const { node, sub, exp = 0 } = payload
    if (typeof node !== 'string' || !nodeName.test(node) || sub !== `node:${node}`) {
      return err('the token names no node')
    }
    return ok({ node, expiresAtMs: exp * 1000 })
  } catch (error) {
    return err(reasons.get(errorCode(error)) ?? 'the token is not one of ours')
  }
}

/** What jose says, in words that are safe to send to whoever asks. */
const reasons: ReadonlyMap<string, string> = new Map([
  ['ERR_JWT_EXPIRED', 'the token has expired'],
  ['ERR_JWT_CLAIM_VALIDATION_FAILED', 'the token is for another audience or time'],
  ['ERR_JOSE_ALG_NOT_ALLOWED', 'the token is signed with another algorithm'],
  ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'the signature of the token is wrong'],
  ['ERR_JWS_INVALID', 'the token is malformed'],
  ['ERR_JWT_INVALID', 'the token is malformed'],
])
