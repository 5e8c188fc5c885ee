import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must, TestClock } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { Http2Session } from '@tulle/http2'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import { PeerVerifier } from './peer-verifier.ts'
import { SessionKeeper } from './session-keeper.ts'

const graceMs = 600_000
const lifeMs = 3_600_000
const identity = must(parseSpiffeId('spiffe://cluster.local/ns/shop/sa/books'))

/** A clock whose time of day jumps while its timers go on. */
class JumpingClock extends TestClock {
  jumpMs: number = 0

  override nowMs(): number {
    return super.nowMs() + this.jumpMs
  }
}

/** A session with streams that never end by themselves, and what it was told. */
function longSession(clock: Clock, keeper: SessionKeeper): readonly string[] {
  const told: string[] = []
  const http = {
    usable: true,
    drain: () => told.push('GOAWAY'),
    goaway: () => {
      told.push('reset')
      kept[Symbol.dispose]()
    },
  }
  const notAfterMs = clock.nowMs() + lifeMs
  const kept = keeper.keep(
    {
      peer: { id: spiffeId(identity), identity, serial: '1', notAfterMs, rootFingerprint: '' },
      endsAtMs: notAfterMs,
      http: http as unknown as Http2Session, // all that the keeper uses of one
    },
    new PeerVerifier({ bundle: { roots: new Map() }, clock }),
  )
  return told
}

test('SessionKeeper says GOAWAY when a certificate ends, and resets what still runs after the grace', async () => {
  const clock = new TestClock()
  using keeper = new SessionKeeper(clock, graceMs)
  const told = longSession(clock, keeper)
  await clock.advance(lifeMs - 1000)
  assert.deepEqual(told, [])
  await clock.advance(1000)
  assert.deepEqual(told, ['GOAWAY'])
  await clock.advance(graceMs - 1000)
  assert.deepEqual(told, ['GOAWAY'])
  await clock.advance(1000)
  assert.deepEqual(told, ['GOAWAY', 'reset'])
  assert.equal(keeper.size, 0)
})

test('case 39: a clock that jumps over the end of a certificate leaves its streams their whole grace', async () => {
  const clock = new JumpingClock()
  using keeper = new SessionKeeper(clock, graceMs)
  const told = longSession(clock, keeper)
  clock.jumpMs = 2 * lifeMs
  await clock.advance(1000)
  assert.deepEqual(told, ['GOAWAY'])
  await clock.advance(graceMs - 2000)
  assert.deepEqual(told, ['GOAWAY'])
  // Back again: a session that was told to end does not become a good one.
  clock.jumpMs = -lifeMs
  await clock.advance(2000)
  assert.deepEqual(told, ['GOAWAY', 'reset'])
})

test('case 39: a clock that jumps back keeps no session alive for longer than its certificate', async () => {
  const clock = new JumpingClock()
  using keeper = new SessionKeeper(clock, graceMs)
  const told = longSession(clock, keeper)
  clock.jumpMs = -lifeMs
  await clock.advance(lifeMs - 1000)
  assert.deepEqual(told, [])
  await clock.advance(1000)
  assert.deepEqual(told, ['GOAWAY'])
})
