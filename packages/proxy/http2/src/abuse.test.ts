/** Hostile peers. The case numbers are those of the forty inputs a mesh has to survive. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { http2Error } from './error-codes.ts'
import { frameType } from './frame.ts'
import type { Http2SessionOptions } from './session-options.ts'
import {
  emptySettings,
  endedWith,
  feedUntilEnd,
  frameBytes,
  greetedClient,
  greetedServer,
  Probe,
  preface,
  RecordingHandler,
  uint32,
} from './test-support.ts'

/** `:method GET`, `:scheme http`, `:path /`. */
const request = '828684'
const connect = Buffer.concat([
  Buffer.from('02', 'hex'),
  Buffer.from([7]),
  Buffer.from('CONNECT'),
  Buffer.from('010161', 'hex'),
])

function headers(streamId: number, flags: number = 0x5, payload: Uint8Array | string = request): Buffer {
  return frameBytes({ type: frameType.headers, flags, streamId, payload })
}

function reset(streamId: number): Buffer {
  return frameBytes({ type: frameType.rstStream, streamId, payload: uint32(8) })
}

function quiet(options: Partial<Http2SessionOptions> = {}): Probe {
  return greetedServer({ clock: new TestClock(), onStream: () => new RecordingHandler(), ...options })
}

test('case 14: HEADERS and RST_STREAM ten thousand times end in GOAWAY ENHANCE_YOUR_CALM', () => {
  const probe = quiet()
  const rounds = feedUntilEnd(probe, 10_000, (round) => [headers(2 * round + 1, 0x4), reset(2 * round + 1)])
  ok(rounds <= 1002, `took ${rounds}`)
  endedWith(probe, http2Error.enhanceYourCalm)
})

test('case 14: another session of the same process is not touched', () => {
  const [attacker, bystander] = [quiet(), quiet()]
  feedUntilEnd(attacker, 10_000, (round) => [headers(2 * round + 1, 0x4), reset(2 * round + 1)])
  bystander.feed(headers(1, 0x4))
  equal(bystander.session.counters.streamsOpen, 1)
  deepEqual(bystander.ends, [])
})

test('case 14: streams that were answered may be reset by the thousand, as TCP connections are', () => {
  const probe = quiet({
    onStream(stream) {
      stream.sendHeaders([':status', '200'], false)
      return new RecordingHandler()
    },
  })
  equal(
    feedUntilEnd(probe, 3000, (round) => [headers(2 * round + 1, 0x4), reset(2 * round + 1)]),
    3000,
  )
})

test('case 14: a peer within its budget is left alone', async () => {
  const clock = new TestClock()
  const probe = quiet({ clock })
  for (let second = 0; second < 30; second++) {
    const base = second * 200
    feedUntilEnd(probe, 100, (round) => [headers(2 * (base + round) + 1, 0x4), reset(2 * (base + round) + 1)])
    await clock.advance(1000)
    if (second === 0) probe.feed(frameBytes({ type: frameType.settings, flags: 1 }))
  }
  deepEqual(probe.ends, [])
})

const provocations: readonly (readonly [how: string, make: (id: number) => Buffer[]])[] = [
  ['malformed requests', (id) => [headers(id, 0x5, '8286')]],
  [
    'WINDOW_UPDATE by 0',
    (id) => [
      headers(id, 0x4),
      frameBytes({ type: frameType.windowUpdate, streamId: id, payload: uint32(0) }),
    ],
  ],
  [
    'window overflow',
    (id) => [
      headers(id, 0x4),
      frameBytes({ type: frameType.windowUpdate, streamId: id, payload: uint32(0x7fff_ffff) }),
    ],
  ],
  ['DATA behind END_STREAM', (id) => [headers(id, 0x5), frameBytes({ streamId: id, payload: 'aa' })]],
  ['HEADERS behind END_STREAM', (id) => [headers(id, 0x5), headers(id, 0x5)]],
  [
    'PRIORITY of a wrong length',
    (id) => [headers(id, 0x4), frameBytes({ type: frameType.priority, streamId: id, payload: '00' })],
  ],
  [
    'streams that depend on themselves',
    (id) => [headers(id, 0x25, Buffer.concat([uint32(id), Buffer.from(`00${request}`, 'hex')]))],
  ],
]

for (const [how, make] of provocations) {
  test(`case 15: resets of ours provoked by ${how}`, () => {
    const probe = quiet()
    const rounds = feedUntilEnd(probe, 10_000, (round) => make(2 * round + 1))
    ok(rounds <= 1002, `took ${rounds}`)
    endedWith(probe, http2Error.enhanceYourCalm)
  })
}

test('case 15: streams over the limit that we refuse', () => {
  const probe = quiet({ settings: { maxConcurrentStreams: 1 } })
  const rounds = feedUntilEnd(probe, 10_000, (round) => [headers(2 * round + 1, 0x4)])
  ok(rounds > 1 && rounds <= 1003, `took ${rounds}`)
  endedWith(probe, http2Error.enhanceYourCalm)
})

test('case 16: CONTINUATION without end, empty and full', () => {
  for (const payload of ['', '00'.repeat(1000)]) {
    const probe = quiet()
    probe.feed(headers(1, 0x0))
    const rounds = feedUntilEnd(probe, 1000, () => [
      frameBytes({ type: frameType.continuation, streamId: 1, payload }),
    ])
    ok(rounds <= 17, `took ${rounds}`)
    endedWith(probe, http2Error.enhanceYourCalm)
  }
})

test('case 16: a header block over the limit, in one frame or several', () => {
  const single = quiet({ limits: { maxHeaderBlockBytes: 1000 } })
  single.feed(headers(1, 0x4, Buffer.alloc(2000)))
  endedWith(single, http2Error.enhanceYourCalm)
  const several = quiet({ limits: { maxHeaderBlockBytes: 1000 } })
  several.feed(
    headers(1, 0x0, Buffer.alloc(900)),
    frameBytes({ type: frameType.continuation, streamId: 1, payload: Buffer.alloc(900) }),
  )
  endedWith(several, http2Error.enhanceYourCalm)
})

test('case 16: anything else between HEADERS and CONTINUATION', () => {
  for (const other of [
    emptySettings,
    frameBytes({ type: frameType.continuation, streamId: 3 }),
    frameBytes({ type: 0x77 }),
  ]) {
    const probe = quiet()
    probe.feed(headers(1, 0x0), other)
    endedWith(probe, http2Error.protocolError)
  }
})

/** One entry of 4000 octets in the table, then references to it of one byte each. */
function bomb(references: number): Buffer {
  const lengthBytes = Buffer.from([0x7f, 0x80 | ((4000 - 127) & 0x7f), (4000 - 127) >> 7])
  const entry = Buffer.concat([Buffer.from('400161', 'hex'), lengthBytes, Buffer.alloc(4000, 0x61)])
  return Buffer.concat([entry, Buffer.alloc(references, 0xbe)])
}

test('case 17: an HPACK bomb ends in COMPRESSION_ERROR', () => {
  const probe = quiet()
  probe.feed(headers(1, 0x5, bomb(10_000)))
  endedWith(probe, http2Error.compressionError)
})

test('case 17: a list somewhat over the limit costs the stream, not the session', () => {
  const probe = quiet()
  const frames = probe.feed(headers(1, 0x5, bomb(20)), headers(3, 0x5, request))
  deepEqual(
    frames.map((frame) => [frame.type, frame.streamId, frame.payload.readUInt32BE()]),
    [[frameType.rstStream, 1, http2Error.enhanceYourCalm]],
  )
  equal(probe.session.counters.streamsOpen, 1)
})

test('case 17: table-size churn', () => {
  const probe = quiet()
  probe.feed(headers(1, 0x5, `203fe11f203fe11f${request}`))
  endedWith(probe, http2Error.compressionError)
})

const floods: readonly (readonly [what: string, frame: Buffer, atMost: number])[] = [
  ['SETTINGS', emptySettings, 60],
  ['PING', frameBytes({ type: frameType.ping, payload: Buffer.alloc(8) }), 250],
  ['PRIORITY', frameBytes({ type: frameType.priority, streamId: 1, payload: Buffer.alloc(5) }), 1100],
  ['empty DATA', frameBytes({ streamId: 1 }), 1100],
  ['unknown frames', frameBytes({ type: 0x77, payload: 'aabb' }), 1100],
  ['RST_STREAM of a closed stream', reset(1), 1100],
]

for (const [what, frame, atMost] of floods) {
  test(`case 18: a flood of ${what}`, () => {
    const probe = quiet()
    probe.feed(headers(1, 0x4))
    const rounds = feedUntilEnd(probe, 10_000, () => [frame])
    ok(rounds <= atMost, `took ${rounds}`)
    endedWith(probe, http2Error.enhanceYourCalm)
  })
}

test('case 18: answers nobody reads are bounded even within the rates', async () => {
  const clock = new TestClock()
  const probe = quiet({ clock, limits: { maxQueuedControlBytes: 1000 } })
  probe.feed(frameBytes({ type: frameType.settings, flags: 1 }))
  probe.transport.roomy = false
  probe.transport.keepsWrites = true
  const ping = frameBytes({ type: frameType.ping, payload: Buffer.alloc(8) })
  for (let second = 0; second < 100 && probe.ends.length === 0; second++) {
    probe.feed(ping)
    await clock.advance(1000)
  }
  endedWith(probe, http2Error.enhanceYourCalm)
  ok(probe.session.counters.bytesBuffered < 2500)
})

test('case 19: a peer that reads nothing makes us hold nothing', () => {
  const probe = greetedClient({ clock: new TestClock() })
  const stream = probe.session.open([':method', 'CONNECT', ':authority', 'a'], new RecordingHandler())
  let sent = 0
  for (let room = stream?.sendable ?? 0; room > 0; room = stream?.sendable ?? 0) {
    stream?.sendCopy(Buffer.alloc(room), 0, room)
    sent += room
  }
  equal(sent, 65_535)
})

type Violation = readonly [what: string, frames: readonly Buffer[], code: number]
const violations: readonly Violation[] = [
  ['DATA on stream 0', [frameBytes({ payload: 'aa' })], http2Error.protocolError],
  ['DATA on an idle stream', [frameBytes({ streamId: 5, payload: 'aa' })], http2Error.protocolError],
  ['HEADERS on stream 0', [headers(0)], http2Error.protocolError],
  ['HEADERS on an even stream', [headers(2)], http2Error.protocolError],
  ['a stream number that goes back', [headers(5), headers(3)], http2Error.streamClosed],
  ['RST_STREAM on an idle stream', [reset(9)], http2Error.protocolError],
  [
    'RST_STREAM of a wrong length',
    [headers(1, 4), frameBytes({ type: 3, streamId: 1, payload: '00' })],
    http2Error.frameSizeError,
  ],
  [
    'WINDOW_UPDATE on an idle stream',
    [frameBytes({ type: 8, streamId: 9, payload: uint32(1) })],
    http2Error.protocolError,
  ],
  [
    'WINDOW_UPDATE by 0 on the session',
    [frameBytes({ type: 8, payload: uint32(0) })],
    http2Error.protocolError,
  ],
  [
    'session window overflow',
    [frameBytes({ type: 8, payload: uint32(0x7fff_ffff) })],
    http2Error.flowControlError,
  ],
  ['SETTINGS on a stream', [frameBytes({ type: 4, streamId: 1 })], http2Error.protocolError],
  ['SETTINGS of a wrong length', [frameBytes({ type: 4, payload: '0000' })], http2Error.frameSizeError],
  [
    'SETTINGS acknowledged with a payload',
    [frameBytes({ type: 4, flags: 1, payload: '000000000000' })],
    http2Error.frameSizeError,
  ],
  ['ENABLE_PUSH of 2', [frameBytes({ type: 4, payload: '000200000002' })], http2Error.protocolError],
  ['a window of 2^31', [frameBytes({ type: 4, payload: '000480000000' })], http2Error.flowControlError],
  ['a frame size of 1', [frameBytes({ type: 4, payload: '000500000001' })], http2Error.protocolError],
  [
    'PING on a stream',
    [frameBytes({ type: 6, streamId: 1, payload: Buffer.alloc(8) })],
    http2Error.protocolError,
  ],
  ['PING of a wrong length', [frameBytes({ type: 6, payload: '00' })], http2Error.frameSizeError],
  [
    'GOAWAY on a stream',
    [frameBytes({ type: 7, streamId: 1, payload: Buffer.alloc(8) })],
    http2Error.protocolError,
  ],
  ['GOAWAY of a wrong length', [frameBytes({ type: 7, payload: '00' })], http2Error.frameSizeError],
  [
    'PUSH_PROMISE',
    [frameBytes({ type: 5, streamId: 1, payload: Buffer.alloc(8) })],
    http2Error.protocolError,
  ],
  ['CONTINUATION of nothing', [frameBytes({ type: 9, streamId: 1 })], http2Error.protocolError],
  [
    'padding longer than DATA',
    [headers(1, 4), frameBytes({ streamId: 1, flags: 8, payload: '05aa' })],
    http2Error.protocolError,
  ],
  ['padding longer than HEADERS', [headers(1, 0xd, '09828684')], http2Error.protocolError],
  [
    'a frame over SETTINGS_MAX_FRAME_SIZE',
    [Buffer.from('100001000000000001', 'hex')],
    http2Error.frameSizeError,
  ],
  [
    'a window that SETTINGS push over 2^31-1',
    [
      headers(1, 4),
      frameBytes({ type: 8, streamId: 1, payload: uint32(0x7fff_0000) }),
      frameBytes({ type: 4, payload: '00047fffffff' }),
    ],
    http2Error.flowControlError,
  ],
]

for (const [what, frames, code] of violations) {
  test(`case 20: ${what}`, () => {
    const probe = quiet()
    probe.feed(...frames)
    endedWith(probe, code)
  })
}

test('case 20: more DATA than the session window', () => {
  const probe = quiet({ settings: { initialSessionWindowBytes: 65_535, maxSessionWindowBytes: 65_535 } })
  probe.feed(headers(1, 4), frameBytes({ streamId: 1, payload: Buffer.alloc(60_000) }))
  deepEqual(probe.ends, [])
  probe.feed(frameBytes({ streamId: 1, payload: Buffer.alloc(10_000) }))
  endedWith(probe, http2Error.flowControlError)
})

test('case 20: more DATA than the stream window costs the stream', () => {
  const probe = quiet({ settings: { initialStreamWindowBytes: 65_535 } })
  const [answer] = probe.feed(headers(1, 4), frameBytes({ streamId: 1, payload: Buffer.alloc(70_000) }))
  deepEqual(
    [answer?.type, answer?.payload.readUInt32BE()],
    [frameType.rstStream, http2Error.flowControlError],
  )
  deepEqual(probe.ends, [])
})

test('case 20: what was under way when we reset a stream is no error, and costs no window', () => {
  const probe = quiet({
    settings: { initialSessionWindowBytes: 65_535, maxSessionWindowBytes: 65_535 },
    onStream(stream) {
      stream.reset(http2Error.cancel)
      return new RecordingHandler()
    },
  })
  const data = frameBytes({ streamId: 1, payload: Buffer.alloc(10_000) })
  probe.feed(headers(1, 4), ...Array.from({ length: 50 }, () => data), headers(1, 5))
  deepEqual(probe.ends, [])
})

test('case 20: a peer that is no HTTP/2 client', () => {
  const probe = new Probe({ role: 'server', clock: new TestClock() })
  probe.feed(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
  endedWith(probe, http2Error.protocolError)
})

test('case 20: a first frame that is not SETTINGS', () => {
  const probe = new Probe({ role: 'server', clock: new TestClock() })
  probe.feed(preface, headers(1))
  endedWith(probe, http2Error.protocolError)
})

test('case 20: a server that pushes, opens streams, or sends DATA before its headers', () => {
  const opened = (): Probe => {
    const probe = greetedClient({ clock: new TestClock() })
    probe.session.open([':method', 'CONNECT', ':authority', 'a'], new RecordingHandler())
    return probe
  }
  const [pushing, opening, idle, early] = [opened(), opened(), opened(), opened()]
  pushing.feed(frameBytes({ type: 5, streamId: 1, payload: Buffer.alloc(8) }))
  endedWith(pushing, http2Error.protocolError)
  opening.feed(headers(2, 4, '88'))
  endedWith(opening, http2Error.protocolError)
  idle.feed(headers(3, 4, '88'))
  endedWith(idle, http2Error.protocolError)
  equal(early.feed(frameBytes({ streamId: 1, payload: 'aa' })).at(-1)?.type, frameType.rstStream)
})

test('case 21: malformed headers cost the stream, never reach its user, and never the session', () => {
  const asked: string[] = []
  const probe = quiet({
    onStream(_stream, list) {
      asked.push(list.join(' '))
      return new RecordingHandler()
    },
  })
  const field = (name: string, value: string): string =>
    Buffer.concat([
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]).toString('hex')
  const bad = [
    field('connection', 'close'),
    field('a', 'b\r\nc: d'),
    field('a', 'b\0'),
    field('Upper', 'x'),
    `${field('a', 'b')}82`,
  ]
  bad.forEach((extra, index) => {
    const [answer] = probe.feed(headers(2 * index + 1, 0x5, `${request}${extra}`))
    deepEqual(
      [answer?.type, answer?.payload.readUInt32BE()],
      [frameType.rstStream, http2Error.protocolError],
      extra,
    )
  })
  deepEqual(asked, [])
  deepEqual(probe.ends, [])
})

test('case 22: CONNECT with data before the answer is held to the window', () => {
  const handler = new RecordingHandler()
  const probe = quiet({ onStream: () => handler })
  probe.feed(headers(1, 0x4, connect), frameBytes({ streamId: 1, payload: Buffer.from('early') }))
  deepEqual(handler.events, ['data early'])
  equal(probe.session.counters.bytesUnconsumed, 5)
})

test('nothing is read behind the end of a session', () => {
  const asked: number[] = []
  const probe = quiet({
    onStream(stream) {
      asked.push(stream.id)
      return new RecordingHandler()
    },
  })
  probe.feed(headers(1), headers(2), headers(3))
  probe.feed(headers(5))
  deepEqual(asked, [1])
  equal(probe.ends.length, 1)
})
