import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import fc from 'fast-check'
import { SessionEndpoints } from './session-endpoints.ts'
import { SessionTokens } from './session-tokens.ts'

const secret = Buffer.alloc(32, 7)

function tokens(
  clock: TestClock,
  more: { secret?: Uint8Array; scope?: string; absoluteTimeoutMs?: number } = {},
): SessionTokens {
  return new SessionTokens({ secret, scope: 'shop/cart', absoluteTimeoutMs: 0, ...more }, clock)
}

test('SessionTokens reads what another proxy with the same secret gave out', () => {
  const clock = new TestClock()
  const token = tokens(clock).issue(tokens(clock).idOf('10.0.0.1:80'))
  assert.match(token, /^[A-Za-z0-9_-]{40}$/u)
  assert.equal(tokens(clock).read(token), tokens(clock).idOf('10.0.0.1:80'))
  assert.notEqual(tokens(clock).idOf('10.0.0.1:80'), tokens(clock).idOf('10.0.0.2:80'))
})

test('SessionTokens reads nothing of another secret or scope, and nothing that was changed', () => {
  const clock = new TestClock()
  const token = tokens(clock).issue(tokens(clock).idOf('a'))
  assert.equal(tokens(clock, { secret: Buffer.alloc(32, 8) }).read(token), undefined)
  assert.equal(tokens(clock, { scope: 'shop/orders' }).read(token), undefined)
  for (let at = 0; at < token.length; at++) {
    const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
    assert.equal(tokens(clock).read(changed), undefined)
  }
})

test('SessionTokens ends a session after its time, and one without end never', async () => {
  const clock = new TestClock()
  const limited = tokens(clock, { absoluteTimeoutMs: 1000 })
  const token = limited.issue(limited.idOf('a'))
  await clock.advance(1000)
  assert.equal(limited.read(token), limited.idOf('a'))
  await clock.advance(1)
  assert.equal(limited.read(token), undefined)
  assert.equal(tokens(clock).read(token), limited.idOf('a'))
})

test('SessionTokens takes anything from a peer', () => {
  const reader = tokens(new TestClock())
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: 'binary', minLength: 40, maxLength: 40 })),
      (text) => {
        assert.equal(reader.read(text), undefined)
      },
    ),
  )
})

test('SessionTokens wants a secret worth the name', () => {
  assert.throws(() => tokens(new TestClock(), { secret: Buffer.alloc(8) }), /at least 16 bytes/u)
})

test('SessionEndpoints leads a token to its endpoint as long as that exists, over changes of the set', () => {
  const sessions = new SessionEndpoints(tokens(new TestClock()))
  sessions.replace(['a', 'b'])
  const token = sessions.tokenFor('a')
  assert.ok(token)
  assert.equal(sessions.keyOf(token), 'a')
  sessions.replace(['c', 'a'])
  assert.equal(sessions.keyOf(token), 'a')
  sessions.replace(['c'])
  assert.equal(sessions.keyOf(token), undefined)
  assert.equal(sessions.tokenFor('a'), undefined)
  assert.equal(sessions.keyOf('nonsense'), undefined)
})
