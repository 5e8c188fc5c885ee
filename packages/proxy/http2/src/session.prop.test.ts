import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TestClock } from '@tulle/core'
import { HpackEncoder } from './hpack-encoder.ts'
import type { Http2Stream } from './session-types.ts'
import { emptySettings, frameBytes, preface, Probe, RecordingHandler, uint32 } from './test-support.ts'

const clock = new TestClock()
const request = [':method', 'POST', ':scheme', 'http', ':path', '/', 'a', 'b']

/** A conversation that keeps to the rules, as bytes. One encoder, so that the table is used too. */
interface Step {
  readonly kind:
    | 'open'
    | 'data'
    | 'padded'
    | 'end'
    | 'reset'
    | 'ping'
    | 'settings'
    | 'window'
    | 'unknown'
    | 'split'
  readonly stream: number
  readonly bytes: number
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    'open',
    'data',
    'padded',
    'end',
    'reset',
    'ping',
    'settings',
    'window',
    'unknown',
    'split',
  ),
  stream: fc.nat(3),
  bytes: fc.nat(300),
})

function conversation(steps: readonly Step[]): Buffer {
  const encoder = new HpackEncoder()
  const parts = [preface, emptySettings]
  const open: number[] = []
  let next = 1
  for (const { kind, stream, bytes } of steps) {
    const streamId = open[stream % Math.max(1, open.length)] ?? 0
    if (kind === 'open' || kind === 'split') {
      const block = Buffer.from(encoder.bytes.subarray(0, encoder.encode([...request, 'n', String(bytes)])))
      const cut = kind === 'open' ? block.length : 3
      parts.push(
        frameBytes({
          type: 1,
          flags: kind === 'open' ? 4 : 0,
          streamId: next,
          payload: block.subarray(0, cut),
        }),
      )
      if (kind === 'split')
        parts.push(frameBytes({ type: 9, flags: 4, streamId: next, payload: block.subarray(cut) }))
      open.push(next)
      next += 2
    } else if (kind === 'ping') parts.push(frameBytes({ type: 6, payload: Buffer.alloc(8, bytes) }))
    else if (kind === 'settings') parts.push(emptySettings)
    else if (kind === 'unknown') parts.push(frameBytes({ type: 0x50, payload: Buffer.alloc(bytes) }))
    else if (streamId !== 0) {
      parts.push(streamFrame(kind, streamId, bytes))
      if (kind === 'end' || kind === 'reset') open.splice(open.indexOf(streamId), 1)
    }
  }
  return Buffer.concat(parts)
}

function streamFrame(kind: Step['kind'], streamId: number, bytes: number): Buffer {
  const payload = Buffer.alloc(bytes, 0x61 + (bytes % 26))
  if (kind === 'reset') return frameBytes({ type: 3, streamId, payload: uint32(8) })
  if (kind === 'window') return frameBytes({ type: 8, streamId, payload: uint32(bytes + 1) })
  if (kind === 'padded') {
    const padded = Buffer.concat([Buffer.from([bytes % 7]), payload, Buffer.alloc(bytes % 7)])
    return frameBytes({ flags: 8, streamId, payload: padded })
  }
  return frameBytes({ flags: kind === 'end' ? 1 : 0, streamId, payload })
}

/** Everything that users and the peer see of a session that was fed `bytes` in these pieces. */
function run(bytes: Buffer, cuts: readonly number[]): unknown {
  const handlers: RecordingHandler[] = []
  const probe = new Probe({
    role: 'server',
    clock,
    onStream(stream: Http2Stream, headers) {
      const handler = new RecordingHandler()
      handler.events.push(`open ${stream.id} ${headers.join(' ')}`)
      handlers.push(handler)
      return handler
    },
  })
  let at = 0
  for (const cut of [...cuts, bytes.length]) {
    const to = Math.min(bytes.length, at + cut)
    // Behind the piece lies garbage, as in a recycled buffer.
    const piece = Buffer.concat([Buffer.alloc(3, 0xee), bytes.subarray(at, to), Buffer.alloc(5, 0xee)])
    probe.session.receive(piece, 3, 3 + to - at)
    at = to
  }
  const { bytesUnconsumed, streamsOpen } = probe.session.counters
  const sent = probe.take().map((frame) => [frame.type, frame.streamId, frame.payload.toString('hex')])
  return {
    events: handlers.map((handler) => handler.events),
    ends: probe.ends,
    bytesUnconsumed,
    streamsOpen,
    sent,
  }
}

const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 })

test('any cutting of the same bytes gives the same events', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), cuts, (steps, pieces) => {
      const bytes = conversation(steps)
      const whole = run(bytes, [])
      deepEqual((whole as { ends: unknown }).ends, [])
      deepEqual(run(bytes, pieces), whole)
      deepEqual(
        run(
          bytes,
          Array.from({ length: bytes.length }, () => 1),
        ),
        whole,
      )
    }),
  )
})

const randomFrame = fc
  .record({
    type: fc.oneof(fc.nat(10), fc.nat(255)),
    flags: fc.oneof(fc.constantFrom(0, 1, 4, 5, 8, 0x25, 0x2d), fc.nat(255)),
    streamId: fc.oneof(fc.nat(8), fc.nat(0x7fff_ffff)),
    payload: fc.uint8Array({ maxLength: 60 }),
  })
  .map(frameBytes)

test('random frames never throw, and end the session with a code if at all', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('client', 'server'),
      fc.array(randomFrame, { maxLength: 30 }),
      (role, frames) => {
        const probe = new Probe({ role, clock, onStream: () => new RecordingHandler() })
        if (role === 'client')
          probe.session.open([':method', 'CONNECT', ':authority', 'a'], new RecordingHandler())
        else probe.feed(preface)
        probe.feed(emptySettings, ...frames)
        ok(probe.ends.length <= 1)
        for (const end of probe.ends) ok(end.code > 0 || end.cause === 'remote-goaway', end.message)
        ok(probe.session.counters.bytesUnconsumed >= 0)
      },
    ),
    { numRuns: 500 },
  )
})

test('a damaged conversation never throws', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 15 }),
      fc.nat(),
      fc.nat(255),
      cuts,
      (steps, where, octet, pieces) => {
        const bytes = conversation(steps)
        bytes[where % bytes.length] = octet
        run(bytes, pieces)
      },
    ),
    { numRuns: 300 },
  )
})
