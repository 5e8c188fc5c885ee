import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { http2Error } from './error-codes.ts'
import { frameType } from './frame.ts'
import type { Http2Stream } from './session-types.ts'
import {
  connect,
  frameBytes,
  greetedClient,
  greetedServer,
  headersFrame,
  RecordingHandler,
  uint32,
} from './test-support.ts'

test('GOAWAY of the peer: younger streams may be retried, older ones go on', () => {
  let told: number | undefined
  const probe = greetedClient({ onGoaway: (code) => (told = code) })
  const [old, young] = [new RecordingHandler(), new RecordingHandler()]
  probe.session.open(connect, old)
  probe.session.open(connect, young)
  probe.feed(frameBytes({ type: frameType.goaway, payload: Buffer.concat([uint32(1), uint32(0)]) }))
  equal(told, 0)
  deepEqual(young.events, [`reset ${http2Error.refusedStream}`])
  deepEqual(old.events, [])
  equal(probe.session.usable, false)
  equal(probe.session.open(connect, young), undefined)
  probe.feed(frameBytes({ type: frameType.rstStream, streamId: 1, payload: uint32(0) }))
  equal(probe.ends[0]?.cause, 'remote-goaway')
  equal(probe.transport.ended, true)
})

test('a server drains: warning, final GOAWAY a round trip later, end with the last stream (RFC 9113 §6.8)', () => {
  const streams: Http2Stream[] = []
  const probe = greetedServer({
    onStream: (opened) => {
      streams.push(opened)
      return new RecordingHandler()
    },
  })
  probe.feed(headersFrame(1, connect, 0x5))
  probe.session.drain()
  const [warning, ping] = probe.take()
  equal(warning?.payload.readUInt32BE(0), 0x7fff_ffff)
  probe.feed(headersFrame(3, connect, 0x5))
  equal(streams.length, 2)
  const pong = frameBytes({ type: frameType.ping, flags: 1, payload: ping?.payload ?? '' })
  const [final] = probe.feed(pong)
  equal(final?.payload.readUInt32BE(0), 3)
  probe.feed(headersFrame(5, connect), frameBytes({ streamId: 5, payload: Buffer.from('ignored') }))
  equal(streams.length, 2)
  deepEqual(probe.ends, [])
  for (const stream of streams) {
    stream.sendHeaders([':status', '200'], true)
  }
  deepEqual(probe.ends, [{ cause: 'drained', code: 0, message: 'drained' }])
  equal(probe.transport.ended, true)
})

test('a client drains when its streams have ended', () => {
  const probe = greetedClient()
  const stream = probe.session.open(connect, new RecordingHandler())
  probe.session.drain()
  equal(probe.session.open(connect, new RecordingHandler()), undefined)
  equal(probe.ends.length, 0)
  stream?.reset(http2Error.cancel)
  equal(probe.ends[0]?.cause, 'drained')
})

test('goaway tells the peer, resets streams and ends the transport', () => {
  const probe = greetedClient()
  const handler = new RecordingHandler()
  probe.session.open(connect, handler)
  probe.session.goaway(http2Error.inadequateSecurity)
  deepEqual(handler.events, [`reset ${http2Error.inadequateSecurity}`])
  equal(probe.transport.takeFrames().at(-1)?.type, frameType.goaway)
  deepEqual([probe.transport.ended, probe.transport.destroyed], [true, false])
})

test('destroy and a lost transport reset every stream once', () => {
  for (const end of ['destroy', 'onTransportClose'] as const) {
    const probe = greetedClient()
    const handler = new RecordingHandler()
    const stream = probe.session.open(connect, handler)
    probe.session[end]()
    probe.session[end]()
    deepEqual(handler.events, [`reset ${http2Error.cancel}`])
    equal(probe.ends.length, 1)
    equal(stream?.sendable, 0)
    stream?.sendCopy(Buffer.from('x'), 0, 1)
    stream?.consumed(1)
    equal(probe.transport.destroyed, true)
  }
})

test('keepalive: PING after silence, the end after no answer', async () => {
  const clock = new TestClock()
  const probe = greetedClient({ clock, keepalive: { intervalMs: 10_000, timeoutMs: 20_000 } })
  await clock.advance(50)
  probe.feed(frameBytes({ type: frameType.settings, flags: 1 }))
  equal(probe.session.counters.roundTripMs, 50)
  await clock.advance(20_000)
  const ping = probe.take().find((frame) => frame.type === frameType.ping)
  ok(ping)
  probe.feed(frameBytes({ type: frameType.ping, flags: 1, payload: ping.payload }))
  ok((probe.session.counters.roundTripMs ?? 99) <= 50)
  await clock.advance(60_000)
  equal(probe.ends[0]?.cause, 'keepalive')
  await clock.advance(1000)
  equal(probe.transport.destroyed, true)
  probe.session.onTransportClose()
  equal(clock.pending, 0)
})

test('a peer that leaves SETTINGS unanswered is told so', async () => {
  const clock = new TestClock()
  const probe = greetedClient({ clock })
  await clock.advance(10_000)
  equal(probe.ends[0]?.code, http2Error.settingsTimeout)
  const other = greetedClient({ clock })
  other.feed(frameBytes({ type: frameType.settings, flags: 1 }))
  await clock.advance(60_000)
  deepEqual(other.ends, [])
})

test('case 19: a stream that waits for the window too long is reset, and what waits is bounded', async () => {
  const clock = new TestClock()
  const probe = greetedClient({ clock, limits: { stallTimeoutMs: 4000 } })
  probe.feed(frameBytes({ type: frameType.settings, flags: 1 }))
  const handler = new RecordingHandler()
  const stream = probe.session.open(connect, handler)
  stream?.sendCopy(Buffer.alloc(65_535), 0, 65_535)
  probe.take()
  equal(stream?.sendable, 0)
  equal(probe.session.counters.bytesBuffered, 0)
  await clock.advance(2000)
  deepEqual(handler.events, [])
  await clock.advance(2000)
  deepEqual(handler.events, [`reset ${http2Error.cancel}`])
})

test('a session that is over lets go of its transport and its timers when the peer closes', () => {
  const clock = new TestClock()
  const probe = greetedClient({ clock })
  probe.session.goaway(http2Error.noError)
  equal(clock.pending, 1)
  probe.session.onTransportClose()
  equal(clock.pending, 0)
  equal(probe.transport.destroyed, true)
  equal(probe.ends.length, 1)
})
