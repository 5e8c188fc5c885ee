/** Hostile peers that keep to the letter of the protocol, and what they can make a session hold. Numbers: see abuse.test.ts. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { http2Error } from './error-codes.ts'
import { frameType } from './frame.ts'
import { HpackDecoder } from './hpack-decoder.ts'
import type { Http2Stream } from './session-types.ts'
import {
  block,
  connect,
  endedWith,
  feedUntilEnd,
  frameBytes,
  greetedClient,
  greetedServer,
  headersFrame,
  RecordingHandler,
  settingsFrame,
  uint32,
  windowUpdate,
} from './test-support.ts'
import type { Probe } from './test-support.ts'

function quietServer(): Probe {
  return greetedServer({ clock: new TestClock(), onStream: () => new RecordingHandler() })
}

test('case 14: resets spread over time earn no more than the rate', async () => {
  const clock = new TestClock()
  const probe = greetedServer({
    clock,
    limits: { resets: { burst: 10, perSecond: 5 } },
    onStream: () => new RecordingHandler(),
  })
  probe.feed(frameBytes({ type: frameType.settings, flags: 1 }))
  let resets = 0
  while (probe.ends.length === 0 && resets < 10_000) {
    const id = 2 * resets++ + 1
    probe.feed(
      headersFrame(id, connect),
      frameBytes({ type: frameType.rstStream, streamId: id, payload: uint32(8) }),
    )
    await clock.advance(100)
  }
  endedWith(probe, http2Error.enhanceYourCalm)
  // A token comes back in two rounds: 10 from the start, and one for each two that were taken.
  ok(resets >= 18 && resets <= 23, `took ${resets}`)
})

test('case 14: what a flood of resets opened is forgotten, stream by stream', () => {
  const probe = quietServer()
  feedUntilEnd(probe, 900, (round) => [
    headersFrame(2 * round + 1, connect),
    frameBytes({ type: frameType.rstStream, streamId: 2 * round + 1, payload: uint32(8) }),
  ])
  equal(probe.session.counters.streamsOpened, 900)
  equal(probe.session.counters.streamsOpen, 0)
  equal(probe.session.counters.bytesUnconsumed, 0)
})

test("case 15: resets of ours and of the peer's come out of one budget", () => {
  const probe = quietServer()
  const rounds = feedUntilEnd(probe, 10_000, (round) => {
    const id = 2 * round + 1
    if (round % 2 === 0) return [headersFrame(id, connect), windowUpdate(id, 0)]
    return [
      headersFrame(id, connect),
      frameBytes({ type: frameType.rstStream, streamId: id, payload: uint32(8) }),
    ]
  })
  ok(rounds <= 1002, `took ${rounds}`)
  endedWith(probe, http2Error.enhanceYourCalm)
})

test('case 15: streams that our own user refuses', () => {
  const probe = greetedServer({ clock: new TestClock(), onStream: () => undefined })
  const rounds = feedUntilEnd(probe, 10_000, (round) => [headersFrame(2 * round + 1, connect)])
  ok(rounds <= 1002, `took ${rounds}`)
  endedWith(probe, http2Error.enhanceYourCalm)
})

test('case 15: a server that makes its client reset is left too', () => {
  const probe = greetedClient({ clock: new TestClock() })
  // The peer's SETTINGS came without a limit of streams.
  const rounds = feedUntilEnd(probe, 10_000, () => {
    const stream = probe.session.open(connect, new RecordingHandler())
    return stream === undefined ? [] : [windowUpdate(stream.id, 0)]
  })
  ok(rounds <= 1002, `took ${rounds}`)
  endedWith(probe, http2Error.enhanceYourCalm)
})

test('case 16: an unfinished header block is held as far as its limit, and no stream comes of it', () => {
  const opened: number[] = []
  const probe = greetedServer({
    clock: new TestClock(),
    limits: { maxHeaderBlockBytes: 1000, maxContinuationFrames: 1_000_000 },
    onStream(stream) {
      opened.push(stream.id)
      return new RecordingHandler()
    },
  })
  probe.feed(frameBytes({ type: frameType.headers, streamId: 1, payload: Buffer.alloc(100) }))
  const rounds = feedUntilEnd(probe, 100_000, () => [
    frameBytes({ type: frameType.continuation, streamId: 1, payload: Buffer.alloc(1) }),
  ])
  equal(rounds, 901)
  deepEqual(opened, [])
  endedWith(probe, http2Error.enhanceYourCalm)
})

test('case 17: what a header block decodes to is capped, whichever way it is said', () => {
  const probe = quietServer()
  // Four bytes of Huffman code for `0` (5 bits each) are six octets; 60 000 of them stay below the block limit.
  const coded = Buffer.alloc(60_000, 0x00)
  const length = Buffer.from([0xff, 0x80 | ((coded.length - 127) & 0x7f), 0, 0])
  length[2] = 0x80 | (((coded.length - 127) >> 7) & 0x7f)
  length[3] = (coded.length - 127) >> 14
  const long = Buffer.concat([Buffer.from('000161', 'hex'), length, coded])
  const [answer] = probe.feed(frameBytes({ type: frameType.headers, flags: 5, streamId: 1, payload: long }))
  deepEqual([answer?.type, answer?.payload.readUInt32BE()], [frameType.rstStream, http2Error.enhanceYourCalm])
  equal(probe.session.counters.streamsOpen, 0)
  deepEqual(probe.ends, [])
})

test('case 17: a decoder keeps no more than its table, through ten thousand blocks that fill and empty it', () => {
  const decoder = new HpackDecoder(4096, 65_536)
  const value = Buffer.alloc(120, 0x61)
  for (let round = 0; round < 10_000; round++) {
    const name = Buffer.from(String(round).padStart(8, '0'))
    const field = Buffer.concat([Buffer.of(0x40, 8), name, Buffer.of(120), value])
    // To nothing, to all of it, then forty entries that push each other out.
    const bytes = Buffer.concat([Buffer.from('203fe11f', 'hex'), ...Array.from({ length: 4 }, () => field)])
    equal(decoder.decode(bytes, 0, bytes.length, []), 0)
    ok(decoder.tableBytes <= 4096)
  }
})

test('case 17: a table larger than we allow is COMPRESSION_ERROR', () => {
  const probe = quietServer()
  const payload = Buffer.concat([Buffer.from('3fe21f', 'hex'), block(connect)])
  probe.feed(frameBytes({ type: frameType.headers, flags: 4, streamId: 1, payload }))
  endedWith(probe, http2Error.compressionError)
})

test("case 18: what the peer's windows let out a byte at a time waits for the end of the turn", () => {
  const probe = greetedClient({ clock: new TestClock() })
  probe.feed(settingsFrame(4, 0))
  const handler = new RecordingHandler()
  const stream = probe.session.open(connect, handler)
  handler.onWritable = () => {
    const room = stream?.sendable ?? 0
    stream?.sendCopy(Buffer.alloc(room), 0, room)
  }
  equal(stream?.sendable, 0)
  probe.take()
  const dribble = Buffer.concat(Array.from({ length: 5000 }, () => windowUpdate(1, 1)))
  probe.session.receive(dribble, 0, dribble.length)
  ok(probe.transport.writes.length <= 2, `${probe.transport.writes.length} writes`)
})

test('case 19: a stream whose window stays at 0 holds nothing here and holds its sender back', () => {
  const probe = greetedClient({ clock: new TestClock() })
  probe.feed(settingsFrame(4, 0))
  const handler = new RecordingHandler()
  const stream = probe.session.open(connect, handler)
  probe.take()
  equal(stream?.sendable, 0)
  probe.feed(windowUpdate(0, 1_000_000))
  equal(handler.writable, 0, 'nobody may be told to send')
  equal(probe.session.counters.bytesBuffered, 0)
  probe.feed(windowUpdate(1, 10))
  equal(handler.writable, 1)
  equal(stream?.sendable, 10)
})

test('case 19: a peer that opens its windows wide and never reads makes us hold one batch', () => {
  const probe = greetedClient({ clock: new TestClock() })
  probe.feed(settingsFrame(4, 0x7fff_ffff), windowUpdate(0, 0x7fff_0000))
  probe.transport.roomy = false
  probe.transport.keepsWrites = true
  const streams: (Http2Stream | undefined)[] = []
  for (let index = 0; index < 50; index++) {
    const stream = probe.session.open(connect, new RecordingHandler())
    streams.push(stream)
    for (let room = stream?.sendable ?? 0; room > 0; room = stream?.sendable ?? 0) {
      stream?.sendCopy(Buffer.alloc(65_536), 0, Math.min(room, 65_536))
    }
  }
  deepEqual([...new Set(streams.map((stream) => stream?.sendable))], [0])
  ok(probe.session.counters.bytesBuffered < 400_000, `${probe.session.counters.bytesBuffered} bytes wait`)
})

test('case 19: a peer gets no credit for what our user has not taken, however many streams it opens', () => {
  const size = 65_535
  const probe = greetedServer({
    clock: new TestClock(),
    settings: {
      initialStreamWindowBytes: size,
      maxStreamWindowBytes: size,
      initialSessionWindowBytes: size,
      maxSessionWindowBytes: size,
    },
    onStream: () => new RecordingHandler(),
  })
  for (let id = 1; id <= 9; id += 2) {
    const answers = probe.feed(
      headersFrame(id, connect),
      frameBytes({ streamId: id, payload: Buffer.alloc(13_107) }),
    )
    deepEqual(answers, [])
  }
  equal(probe.session.counters.bytesUnconsumed, size)
  probe.feed(frameBytes({ streamId: 1, payload: 'aa' }))
  endedWith(probe, http2Error.flowControlError)
})

test('case 20: frames of unknown types and flags nobody defined are passed over', () => {
  const handler = new RecordingHandler()
  const probe = greetedServer({ clock: new TestClock(), onStream: () => handler })
  for (const type of [0x0a, 0x0c, 0x10, 0x42, 0xff]) {
    probe.feed(frameBytes({ type, flags: 0xff, streamId: 0x7fff_ffff, payload: Buffer.alloc(300) }))
  }
  probe.feed(headersFrame(1, connect, 0x4 | 0x40 | 0x10))
  probe.feed(frameBytes({ streamId: 1, flags: 0x76, payload: Buffer.from('abc') }))
  deepEqual(handler.events, ['data abc'])
  deepEqual(probe.ends, [])
})

test('case 20: a window pushed over 2^31-1 costs the stream alone', () => {
  const probe = quietServer()
  const [answer] = probe.feed(headersFrame(1, connect), windowUpdate(1, 0x7fff_0000), windowUpdate(1, 0xffff))
  deepEqual(
    [answer?.type, answer?.payload.readUInt32BE()],
    [frameType.rstStream, http2Error.flowControlError],
  )
  deepEqual(probe.ends, [])
})

test('case 20: the reserved bit of a stream number says nothing', () => {
  const probe = quietServer()
  const frame = headersFrame(1, connect)
  frame.writeUInt32BE(0x8000_0001, 5)
  probe.feed(frame)
  equal(probe.session.counters.streamsOpen, 1)
  deepEqual(probe.ends, [])
})
