import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { frameType } from './frame.ts'
import type { Http2Stream } from './session-types.ts'
import {
  connect,
  frameBytes,
  greetedClient,
  greetedServer,
  headersFrame,
  memoryPair,
  RecordingHandler,
  settingsFrame,
  turns,
  uint32,
  windowUpdate,
} from './test-support.ts'

test('END_STREAM rides on DATA that is still in the batch, and is a frame of its own otherwise', () => {
  const probe = greetedClient()
  const stream = probe.session.open(connect, new RecordingHandler())
  stream?.sendCopy(Buffer.from('x'), 0, 1)
  stream?.end()
  deepEqual(
    probe.take().map((frame) => [frame.type, frame.flags]),
    [
      [frameType.headers, 4],
      [frameType.data, 1],
    ],
  )
  const second = probe.session.open(connect, new RecordingHandler())
  second?.sendCopy(Buffer.from('x'), 0, 1)
  probe.take()
  second?.end()
  deepEqual(
    probe.take().map((frame) => [frame.type, frame.flags, frame.payload.length]),
    [[frameType.data, 1, 0]],
  )
})

test('small frames of all streams leave in one write per turn', async () => {
  const probe = greetedClient()
  const streams = [1, 2, 3].map(() => probe.session.open(connect, new RecordingHandler()))
  for (const stream of streams) stream?.sendCopy(Buffer.from('abc'), 0, 3)
  equal(probe.transport.writes.length, 0)
  await turns(1)
  equal(probe.transport.writes.length, 1)
})

test('sendSlab puts the header into the headroom, behind what was batched before', () => {
  const probe = greetedClient()
  const stream = probe.session.open(connect, new RecordingHandler())
  const slab = Buffer.alloc(9 + 100, 0x61)
  let given = 0
  stream?.sendSlab(slab, 100, () => given++)
  equal(probe.transport.writes.length, 2)
  equal(given, 1)
  equal(slab.toString('hex', 0, 9), '000064' + '00' + '00' + '00000001')
  equal(probe.take().at(-1)?.payload.toString('latin1'), 'a'.repeat(100))
})

test('sendSlab beyond the frame size of the peer is split', () => {
  const probe = greetedClient()
  const stream = probe.session.open(connect, new RecordingHandler())
  const slab = Buffer.alloc(9 + 40_000, 0x61)
  let given = 0
  stream?.sendSlab(slab, 40_000, () => given++)
  equal(given, 1)
  const data = probe.take().filter((frame) => frame.type === frameType.data)
  ok(data.every((frame) => frame.payload.length <= 16_384))
  equal(Buffer.concat(data.map((frame) => frame.payload)).toString('latin1'), 'a'.repeat(40_000))
})

test('a write that is not done keeps its bytes counted', () => {
  const probe = greetedClient()
  probe.transport.keepsWrites = true
  probe.session.open(connect, new RecordingHandler())
  ok(probe.session.counters.bytesBuffered > 0)
  probe.session.flush()
  ok(probe.session.counters.bytesBuffered > 0)
  for (const done of probe.transport.pending) done()
  equal(probe.session.counters.bytesBuffered, 0)
})

test('sendable is the least of both windows, and onWritable follows their growth', () => {
  const probe = greetedClient()
  const handler = new RecordingHandler()
  const stream = probe.session.open(connect, handler)
  equal(stream?.sendable, 65_535)
  equal(stream?.sendCopy(Buffer.alloc(65_535), 0, 65_535), false)
  equal(stream?.sendable, 0)
  probe.feed(windowUpdate(0, 10_000))
  equal(handler.writable, 0)
  probe.feed(windowUpdate(1, 500))
  equal(handler.writable, 1)
  equal(stream?.sendable, 500)
})

test('SETTINGS_INITIAL_WINDOW_SIZE moves open streams, also below zero (RFC 9113 §6.9.2)', () => {
  const probe = greetedClient()
  const handler = new RecordingHandler()
  const stream = probe.session.open(connect, handler)
  stream?.sendCopy(Buffer.alloc(1000), 0, 1000)
  probe.feed(settingsFrame(4, 400))
  equal(stream?.sendable, 0)
  probe.feed(windowUpdate(1, 600))
  equal(stream?.sendable, 0)
  probe.feed(settingsFrame(4, 500))
  equal(handler.writable, 1)
  equal(stream?.sendable, 100)
})

test('a full transport stops every stream until it drains', () => {
  const probe = greetedClient()
  const handlers = [new RecordingHandler(), new RecordingHandler()]
  const streams = handlers.map((handler) => probe.session.open(connect, handler))
  probe.transport.roomy = false
  probe.session.flush()
  deepEqual(
    streams.map((stream) => stream?.sendable),
    [0, 0],
  )
  probe.transport.roomy = true
  probe.session.onTransportDrain()
  deepEqual(
    handlers.map((handler) => handler.writable),
    [1, 1],
  )
  deepEqual(
    streams.map((stream) => stream?.sendable),
    [65_535, 65_535],
  )
})

test('who could not send is told before who has just sent', () => {
  const probe = greetedClient()
  const order: string[] = []
  const open = (name: string): Http2Stream | undefined => {
    const handler = new RecordingHandler()
    handler.onWritable = () => {
      order.push(name)
      const room = stream?.sendable ?? 0
      stream?.sendCopy(Buffer.alloc(room), 0, room)
    }
    const stream = probe.session.open(connect, handler)
    return stream
  }
  const [a, b] = [open('a'), open('b')]
  a?.sendCopy(Buffer.alloc(65_535), 0, 65_535)
  equal(b?.sendable, 0)
  probe.feed(windowUpdate(1, 65_535))
  for (let round = 0; round < 4; round++) probe.feed(windowUpdate(0, 100))
  equal(order.join(''), 'abab')
})

test('consumed widens both windows, batched', () => {
  let stream: Http2Stream | undefined
  const probe = greetedServer({
    settings: {
      initialStreamWindowBytes: 65_535,
      maxStreamWindowBytes: 65_535,
      initialSessionWindowBytes: 65_535,
      maxSessionWindowBytes: 65_535,
    },
    onStream: (opened) => {
      stream = opened
      return new RecordingHandler()
    },
  })
  probe.feed(headersFrame(1, connect), frameBytes({ streamId: 1, payload: Buffer.alloc(40_000) }))
  equal(probe.session.counters.bytesUnconsumed, 40_000)
  stream?.consumed(30_000)
  deepEqual(probe.take(), [])
  stream?.consumed(10_000)
  deepEqual(
    probe.take().map((frame) => [frame.type, frame.streamId, frame.payload.readUInt32BE()]),
    [
      [frameType.windowUpdate, 1, 40_000],
      [frameType.windowUpdate, 0, 40_000],
    ],
  )
  stream?.consumed(1_000_000)
  equal(probe.session.counters.bytesUnconsumed, 0)
})

test('what a reset stream had not consumed goes back to the session', () => {
  const probe = greetedServer({ onStream: () => new RecordingHandler() })
  for (let id = 1; id < 100; id += 2) {
    const data = frameBytes({ streamId: id, payload: Buffer.alloc(100_000) })
    probe.feed(
      headersFrame(id, connect),
      data,
      frameBytes({ type: frameType.rstStream, streamId: id, payload: uint32(8) }),
    )
  }
  deepEqual(probe.ends, [])
  equal(probe.session.counters.bytesUnconsumed, 0)
})

test('receive reports a buffer that was kept', () => {
  const handler = new RecordingHandler()
  const probe = greetedServer({ onStream: () => handler })
  probe.feed(headersFrame(1, connect))
  const data = frameBytes({ streamId: 1, payload: Buffer.from('abc') })
  equal(probe.session.receive(data, 0, data.length), false)
  handler.onData = () => true
  equal(probe.session.receive(data, 0, data.length), true)
})

test('bulk data crosses windows, pieces and a full transport unharmed', async () => {
  const total = 3_000_000
  const received = new RecordingHandler()
  const server: Http2Stream[] = []
  const pair = memoryPair({
    onStream(stream) {
      server.push(stream)
      const { onData } = received
      received.onData = (bytes, start, end) => {
        onData.call(received, bytes, start, end)
        stream.consumed(end - start)
        return false
      }
      return received
    },
  })
  const source = Buffer.alloc(total)
  for (let at = 0; at < total; at += 4) source.writeUInt32LE(at, at)
  let sent = 0
  const handler = new RecordingHandler()
  const stream = pair.client.open(connect, handler)
  const pump = (): void => {
    for (let room = stream?.sendable ?? 0; room > 0 && sent < total; room = stream?.sendable ?? 0) {
      const piece = Math.min(room, total - sent, 100_000)
      stream?.sendCopy(source, sent, sent + piece)
      sent += piece
    }
    if (sent === total) stream?.end()
  }
  handler.onWritable = pump
  pump()
  for (let turn = 0; turn < 2000 && received.events.at(-1) !== 'end'; turn++) await turns(1)
  equal(received.bytes, total)
  ok(Buffer.concat(received.data).equals(source))
  ok(pair.server.counters.receiveWindowBytes >= 1024 * 1024)
})
