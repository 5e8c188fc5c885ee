import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { must, TestClock } from '@tulle/core'
import { SignJWT } from 'jose'
import { loadTokenKey, mintNodeToken, verifyNodeToken } from './node-tokens.ts'
import type { TokenKey } from './node-tokens.ts'

const clock = new TestClock()
const hourMs = 3_600_000
let folder = ''
let key: TokenKey = { secret: new Uint8Array() }

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tulle-tokens-'))
  key = await loadTokenKey(join(folder, 'state', 'tokens.key'))
})
after(() => rm(folder, { recursive: true }))

test('verifyNodeToken says whose token it is', async () => {
  const token = await mintNodeToken(key, { node: 'node-1', ttlMs: hourMs, clock })
  const expiresAtMs = clock.nowMs() + hourMs
  assert.deepEqual(must(await verifyNodeToken(key, token, clock)), { node: 'node-1', expiresAtMs })
})

test('loadTokenKey makes a key of mode 0600 once', async () => {
  const file = join(folder, 'again.key')
  const first = await loadTokenKey(file)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.deepEqual(Buffer.from((await loadTokenKey(file)).secret), Buffer.from(first.secret))
  await writeFile(file, 'short')
  await assert.rejects(loadTokenKey(file), { code: 'CA_BAD_TOKEN_KEY', message: /expected 32 bytes/u })
  await chmod(file, 0o604)
  await assert.rejects(loadTokenKey(file), { code: 'CA_KEY_EXPOSED' })
})

test('mintNodeToken mints for no odd node names', () => {
  for (const node of ['', 'a b', '../x', 'x'.repeat(300)]) {
    assert.throws(() => void mintNodeToken(key, { node, ttlMs: hourMs, clock }), /expected a node name/u)
  }
})

/** Case 32 of research/peers.md §6, for our own tokens. */
describe('verifyNodeToken refuses (case 32)', () => {
  const seconds = clock.nowMs() / 1000
  const claims = {
    node: 'node-1',
    sub: 'node:node-1',
    aud: 'tulle-control',
    iss: 'tulle-control',
    nbf: seconds,
    exp: seconds + 60,
  }
  const sign = (payload: Record<string, unknown>, alg = 'HS256', secret = key.secret): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg }).sign(secret)
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const without = (name: keyof typeof claims): Record<string, unknown> =>
    Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name))

  const cases: readonly (readonly [string, () => string | Promise<string>, RegExp])[] = [
    ['nothing', () => '', /malformed/u],
    ['text', () => 'a.b.c', /malformed|wrong|not one of ours/u],
    ['a token of 100 KB', () => 'a'.repeat(100_000), /at most 4096/u],
    ['another key', () => sign(claims, 'HS256', Buffer.alloc(32, 7)), /signature of the token is wrong/u],
    ['alg none', () => `${encode({ alg: 'none' })}.${encode(claims)}.`, /another algorithm/u],
    [
      'another algorithm with the right key',
      () => sign(claims, 'HS512', Buffer.concat([key.secret, key.secret])),
      /another algorithm/u,
    ],
    ['one that has expired', () => sign({ ...claims, exp: seconds - 31 }), /has expired/u],
    ['one of the future', () => sign({ ...claims, nbf: seconds + 31 }), /another audience or time/u],
    ['another audience', () => sign({ ...claims, aud: 'istio-ca' }), /another audience/u],
    ['another issuer', () => sign({ ...claims, iss: 'kubernetes' }), /another audience/u],
    ['one that never ends', () => sign(without('exp')), /another audience or time/u],
    ['one without audience', () => sign(without('aud')), /another audience/u],
    ['one without node', () => sign(without('node')), /names no node/u],
    ['a node that is no text', () => sign({ ...claims, node: ['node-1'] }), /names no node/u],
    ['a subject of another node', () => sign({ ...claims, sub: 'node:node-2' }), /names no node/u],
  ]
  for (const [name, make, expected] of cases) {
    test(name, async () => {
      const found = await verifyNodeToken(key, await make(), clock)
      assert.match(found.ok ? 'accepted' : found.error, expected)
    })
  }

  test('any token with one letter changed', async () => {
    const token = await mintNodeToken(key, { node: 'node-1', ttlMs: hourMs, clock })
    for (let at = 0; at < token.length; at += 3) {
      // The last letter of a part holds spare bits; changing the highest bit of each letter is always a change.
      const letter = token[at] === 'A' ? 'w' : 'A'
      const changed = `${token.slice(0, at)}${letter}${token.slice(at + 1)}`
      assert.equal((await verifyNodeToken(key, changed, clock)).ok, false, `letter ${at}`)
    }
  })

  test('a good one after its time', async () => {
    const later = new TestClock()
    const token = await mintNodeToken(key, { node: 'node-1', ttlMs: hourMs, clock: later })
    await later.advance(hourMs)
    assert.ok((await verifyNodeToken(key, token, later)).ok, 'within the skew that is forgiven')
    await later.advance(31_000)
    const found = await verifyNodeToken(key, token, later)
    assert.match(found.ok ? '' : found.error, /has expired/u)
  })
})
