import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { http2Error } from './error-codes.ts'
import { frameFlag, frameType } from './frame.ts'
import { block, endedWith, frameBytes, greetedServer, RecordingHandler } from './test-support.ts'
import type { Probe } from './test-support.ts'

const fields = block([':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'books', 'a', 'b'])
const endHeaders = frameFlag.endHeaders

function server(clock: TestClock): Probe {
  return greetedServer({
    clock,
    limits: { frameTimeoutMs: 10_000, settingsTimeoutMs: 1e9 },
    onStream: () => new RecordingHandler(),
  })
}

/** A byte at a time, one a second; returns after how many the session was over. */
async function dribble(probe: Probe, clock: TestClock, bytes: Buffer): Promise<number> {
  for (let at = 0; at < bytes.length; at++) {
    probe.feed(bytes.subarray(at, at + 1))
    await clock.advance(1000)
    if (probe.ends.length > 0) return at + 1
  }
  return Infinity
}

const whole = frameBytes({ type: frameType.headers, flags: endHeaders, streamId: 1, payload: fields })
const inFrames = Buffer.concat([
  frameBytes({ type: frameType.headers, streamId: 1, payload: fields.subarray(0, 1) }),
  ...Array.from(fields.subarray(1, 10), (byte) =>
    frameBytes({ type: frameType.continuation, streamId: 1, payload: Uint8Array.of(byte) }),
  ),
])

for (const [name, before, bytes] of [
  ['a head', 0, whole],
  ['the payload of a head', 9, whole],
  ['a header block of many frames', 10, inFrames],
  ['SETTINGS', 0, frameBytes({ type: frameType.settings, payload: Buffer.alloc(60) })],
  ['GOAWAY', 0, frameBytes({ type: frameType.goaway, payload: Buffer.alloc(1000) })],
] as const)
  test(`case 17: ${name} that comes byte by byte has to be there in time`, async () => {
    const clock = new TestClock()
    const probe = server(clock)
    if (before > 0) probe.feed(bytes.subarray(0, before))
    equal(await dribble(probe, clock, bytes.subarray(before)), 10)
    endedWith(probe, http2Error.enhanceYourCalm)
    await clock.advance(1000)
    equal(clock.pending, 0)
  })

test('frames that come in two reads each may come for hours', async () => {
  const clock = new TestClock()
  const probe = server(clock)
  const ping = frameBytes({ type: frameType.ping, payload: Buffer.alloc(8) })
  // Whatever was read last is incomplete.
  const turned = Buffer.concat([ping.subarray(5), ping.subarray(0, 5)])
  probe.feed(ping.subarray(0, 5))
  for (let i = 0; i < 1000; i++) {
    await clock.advance(9999)
    probe.feed(turned)
  }
  deepEqual(probe.ends, [])
})

test('payload may come as slowly as its sender has it', async () => {
  const clock = new TestClock()
  const probe = server(clock)
  probe.feed(whole)
  const data = frameBytes({ type: frameType.data, streamId: 1, payload: Buffer.alloc(100) })
  probe.feed(data.subarray(0, 9))
  equal(await dribble(probe, clock, data.subarray(9)), Infinity)
  deepEqual(probe.ends, [])
  ok(probe.session.counters.bytesUnconsumed === 100)
})
