import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { http2Error } from './error-codes.ts'
import { frameType } from './frame.ts'
import type { Http2Stream } from './session-types.ts'
import {
  connect,
  emptySettings,
  frameBytes,
  greetedClient,
  greetedServer,
  headersFrame,
  memoryPair,
  preface,
  Probe,
  RecordingHandler,
  settingsFrame,
  turns,
  uint32,
} from './test-support.ts'

test('a client greets with preface, SETTINGS and a wider session window', () => {
  const probe = new Probe({ role: 'client' })
  probe.session.flush()
  equal(Buffer.concat(probe.transport.writes).toString('latin1', 0, 24), preface.toString('latin1'))
  deepEqual(
    probe.take().map((frame) => frame.type),
    [frameType.settings, frameType.windowUpdate],
  )
})

test('a server answers SETTINGS and PING', () => {
  const probe = new Probe({ role: 'server' })
  probe.take()
  const ping = frameBytes({ type: frameType.ping, payload: '0102030405060708' })
  const [ack, pong] = probe.feed(preface, emptySettings, ping)
  deepEqual([ack?.type, ack?.flags], [frameType.settings, 1])
  deepEqual([pong?.type, pong?.flags, pong?.payload.toString('hex')], [frameType.ping, 1, '0102030405060708'])
})

test('CONNECT: headers, data both ways, half-close both ways', () => {
  const handler = new RecordingHandler()
  let stream: Http2Stream | undefined
  const probe = greetedServer({
    onStream(opened, headers, endStream) {
      deepEqual([...headers], connect)
      equal(endStream, false)
      stream = opened
      return handler
    },
  })
  probe.feed(headersFrame(1, connect))
  stream?.sendHeaders([':status', '200'], false)
  stream?.sendCopy(Buffer.from('hi there'), 0, 2)
  const sent = probe.take()
  deepEqual(
    sent.map((frame) => [frame.type, frame.flags, frame.payload.toString('latin1')]),
    [
      [frameType.headers, 4, '\x88'],
      [frameType.data, 0, 'hi'],
    ],
  )
  probe.feed(frameBytes({ streamId: 1, payload: Buffer.from('abc') }), frameBytes({ streamId: 1, flags: 1 }))
  deepEqual(handler.events, ['data abc', 'end'])
  equal(probe.session.counters.streamsOpen, 1)
  stream?.sendCopy(Buffer.from('late'), 0, 4)
  stream?.end()
  equal(probe.take().at(-1)?.flags, 1)
  equal(probe.session.counters.streamsOpen, 0)
})

test('padding is not payload, but counts for the windows', () => {
  const handler = new RecordingHandler()
  const probe = greetedServer({ onStream: () => handler })
  const padded = Buffer.concat([Buffer.from([4]), Buffer.from('abc'), Buffer.alloc(4)])
  probe.feed(headersFrame(1, connect), frameBytes({ streamId: 1, flags: 0x9, payload: padded }))
  deepEqual(handler.events, ['data abc', 'end'])
})

test('a client hears 1xx, response and trailers', () => {
  const probe = greetedClient()
  const handler = new RecordingHandler()
  probe.session.open([':method', 'GET', ':scheme', 'http', ':path', '/'], handler, true)
  probe.feed(
    headersFrame(1, [':status', '103']),
    headersFrame(1, [':status', '200', 'content-length', '2']),
    frameBytes({ streamId: 1, payload: Buffer.from('ok') }),
    headersFrame(1, ['grpc-status', '0'], 0x5),
  )
  deepEqual(handler.events, [
    'headers :status 103',
    'headers :status 200 content-length 2',
    'data ok',
    'headers grpc-status 0 end',
    'end',
  ])
  equal(probe.session.counters.streamsOpen, 0)
})

test('HEAD and 304 may speak of a content length that never comes', () => {
  const probe = greetedClient()
  const handler = new RecordingHandler()
  probe.session.open([':method', 'HEAD', ':scheme', 'http', ':path', '/'], handler, true)
  probe.feed(headersFrame(1, [':status', '200', 'content-length', '7'], 0x5))
  deepEqual(handler.events, ['headers :status 200 content-length 7 end', 'end'])
  const other = new RecordingHandler()
  probe.session.open([':method', 'GET', ':scheme', 'http', ':path', '/'], other, true)
  probe.feed(headersFrame(3, [':status', '304', 'content-length', '7'], 0x5))
  equal(other.events.at(-1), 'end')
})

test('a payload that belies its content-length resets the stream (RFC 9113 §8.1.1)', () => {
  for (const payload of ['x', 'xyz']) {
    const probe = greetedClient()
    const handler = new RecordingHandler()
    probe.session.open([':method', 'GET', ':scheme', 'http', ':path', '/'], handler, true)
    const head = headersFrame(1, [':status', '200', 'content-length', '2'])
    const sent = probe.feed(head, frameBytes({ streamId: 1, flags: 1, payload: Buffer.from(payload) }))
    equal(handler.events.at(-1), `reset ${http2Error.protocolError}`)
    equal(sent.at(-1)?.type, frameType.rstStream)
  }
})

test('open respects the stream limit of the peer, and onOpenable tells when there is room', () => {
  let openable = 0
  const probe = greetedClient({ onOpenable: () => openable++ })
  probe.feed(settingsFrame(3, 1))
  openable = 0
  const handler = new RecordingHandler()
  ok(probe.session.open(connect, handler))
  equal(probe.session.openable, 0)
  equal(probe.session.open(connect, handler), undefined)
  probe.feed(
    frameBytes({ type: frameType.rstStream, streamId: 1, payload: uint32(http2Error.refusedStream) }),
  )
  deepEqual(handler.events, ['reset 7'])
  equal(openable, 1)
  equal(probe.session.openable, 1)
})

test('open refuses headers that may not travel, and what the peer says is too long', () => {
  const probe = greetedClient()
  const handler = new RecordingHandler()
  equal(probe.session.open([...connect, 'a', 'b\r\nc: d'], handler), undefined)
  equal(probe.session.open([...connect, 'Upper', 'x'], handler), undefined)
  probe.feed(settingsFrame(6, 100))
  equal(probe.session.open([...connect, 'long', 'x'.repeat(100)], handler), undefined)
  ok(probe.session.open([':method', 'CONNECT', ':authority', 'a'], handler))
})

test('headers of our own that break the rules reset the stream and are not sent', () => {
  const handler = new RecordingHandler()
  let stream: Http2Stream | undefined
  const probe = greetedServer({
    onStream: (opened) => {
      stream = opened
      return handler
    },
  })
  probe.feed(headersFrame(1, connect))
  stream?.sendHeaders([':status', '200', 'a', '\u010a'], false)
  deepEqual(
    probe.take().map((frame) => frame.type),
    [frameType.rstStream],
  )
  deepEqual(handler.events, ['reset 2'])
})

test('a large header list goes out in CONTINUATION frames and comes in again', async () => {
  const long = 'v'.repeat(40_000)
  let got: readonly string[] = []
  const pair = memoryPair({
    onStream(_stream, headers) {
      got = headers
      return new RecordingHandler()
    },
  })
  pair.client.open([...connect, 'long', long], new RecordingHandler())
  await turns(6)
  equal(got.at(-1), long)
})
