/** Whole HTTP/2 sessions, each role against a peer that says anything. */
import type { Rng } from '@tulle/core'
import { TestClock } from '@tulle/core'
import { createHttp2Session } from '@tulle/http2'
import type { Http2Session, Http2Stream, SessionEnd, StreamHandler, Transport } from '@tulle/http2'
import { below, pick } from '../mutate.ts'
import { givePieces } from '../pieces.ts'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** `:method: CONNECT`, `:authority: a:1`; `:status: 200`; `:method: GET` with path and scheme. */
const blocks = [
  '0207434f4e4e454354010361' + '3a31',
  '88',
  '828684',
  '4803343031',
  '7f8001',
  '203fe11f88',
  '400161016288be',
].map((hex) => Buffer.from(hex, 'hex'))

function frame(type: number, flags: number, id: number, payload: Uint8Array | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(id >>> 0, 5)
  return Buffer.concat([head, body])
}

/** The first byte: how the stream's user behaves, and whether the peer greets by itself. */
const option = {
  consumes: 1,
  answers: 2,
  echoes: 4,
  resets: 8,
  refuses: 16,
  blocked: 32,
  pieces: 64,
  silent: 128,
} as const

const settings = frame(4, 0, 0)
const connect = frame(1, 4, 1, blocks[0])
const words = [
  settings,
  frame(4, 1, 0),
  frame(4, 0, 0, '000400000000'),
  frame(4, 0, 0, '00047fffffff'),
  frame(4, 0, 0, '000100000000'),
  frame(4, 0, 0, '000300000001'),
  frame(6, 0, 0, '0102030405060708'),
  frame(6, 1, 0, '0200000000000000'),
  frame(7, 0, 0, '0000000000000000'),
  frame(7, 0, 0, '7fffffff00000000'),
  frame(8, 0, 0, '00000001'),
  frame(8, 0, 1, '7fffffff'),
  frame(3, 0, 1, '00000008'),
  frame(2, 0, 1, '0000000110'),
  frame(0, 1, 1),
  frame(0, 8, 1, '0361620000'),
  frame(9, 4, 1, blocks[0]),
  frame(0, 0, 1, Buffer.alloc(300, 0x61)),
  connect,
  ...[3, 5].map((id) => frame(1, 5, id, blocks[2])),
  frame(1, 4, 1, blocks[1]),
]

function conversation(options: number, ...frames: readonly Buffer[]): Uint8Array {
  return Buffer.concat([Buffer.of(options), ...frames])
}

/** Frames that are mostly well-formed and often of one stream: noise would end at its first byte. */
function makeFrames(rng: Rng): Uint8Array {
  const pieces: Buffer[] = [Buffer.of(below(rng, 256) & (rng.next() < 0.9 ? 0x7f : 0xff))]
  for (let left = below(rng, 30); left > 0; left--) {
    if (rng.next() < 0.3) {
      pieces.push(pick(rng, words))
      continue
    }
    const type = rng.next() < 0.95 ? below(rng, 10) : below(rng, 256)
    const flags = pick(rng, [0, 0, 1, 4, 4, 5, 8, 0x0c, 0x25, 0x2d, 0xff])
    const id = pick(rng, [0, 1, 1, 1, 1, 3, 3, 5, 2, 7, 9, 0x7fff_ffff, 0x8000_0001])
    const payload = type === 1 || type === 9 ? pick(rng, blocks) : noise(rng, sizeOf(rng, type))
    pieces.push(frame(type, flags, id, payload))
  }
  return Buffer.concat(pieces)
}

function noise(rng: Rng, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = below(rng, 256)
  return bytes
}

function sizeOf(rng: Rng, type: number): number {
  const right = [below(rng, 100), 0, 5, 4, 6 * below(rng, 3), 8, 8, 8, 4][type]
  return right === undefined || rng.next() < 0.05 ? below(rng, 40) : right
}

/** Checks the order in which a stream's user is told things. */
class WatchedStream implements StreamHandler {
  stream: Http2Stream | undefined
  told: string = ''
  readonly #options: number

  constructor(options: number) {
    this.#options = options
  }

  onHeaders(): void {
    this.#tell('h')
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    this.#tell('d')
    ensure(
      start >= 0 && end > start && end <= bytes.length,
      () => `data from ${start} to ${end} of ${bytes.length}`,
    )
    const { stream } = this
    if (stream === undefined) return false
    if ((this.#options & option.echoes) !== 0 && stream.sendable >= end - start)
      stream.sendCopy(bytes, start, end)
    if ((this.#options & option.consumes) !== 0) stream.consumed(end - start)
    if ((this.#options & option.resets) !== 0) stream.reset(8)
    return false
  }

  onEnd(): void {
    this.#tell('e')
    if ((this.#options & option.answers) !== 0) this.stream?.end()
  }

  onReset(): void {
    this.#tell('r')
  }

  onWritable(): void {
    ensure(!this.told.includes('r'), () => 'a reset stream was told to write')
  }

  #tell(what: string): void {
    ensure(!this.told.includes('r'), () => `${what} after reset`)
    ensure(!this.told.includes('e') || what === 'r', () => `${what} after the end`)
    if (this.told.at(-1) !== what) this.told += what
  }
}

/** Looks at what a session says: whole frames, and nothing behind its end. */
class WatchedTransport implements Transport {
  readonly #blocked: boolean
  readonly #out: Buffer[] = []
  ended: boolean = false

  constructor(blocked: boolean) {
    this.#blocked = blocked
  }

  write(bytes: Uint8Array, done: (() => void) | undefined): boolean {
    ensure(!this.ended, () => 'bytes behind the end')
    // The batch that they are in is used again.
    this.#out.push(Buffer.from(bytes))
    done?.()
    return !this.#blocked
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    this.ended = true
  }

  /** The types of the frames it said. */
  types(client: boolean): string {
    const out = Buffer.concat(this.#out)
    let types = ''
    let at = client ? preface.length : 0
    for (; at + 9 <= out.length; at += 9 + out.readUIntBE(at, 3)) {
      const type = out.readUInt8(at + 3)
      ensure(type <= 9 && type !== 5, () => `a frame of type ${type}`)
      if (!types.includes(String(type))) types += type
    }
    ensure(at === out.length, () => 'a frame that does not end')
    return types
  }
}

let leftovers = 0

function run(role: 'client' | 'server', input: Uint8Array): string {
  const options = input[0] ?? 0
  const clock = new TestClock()
  const transport = new WatchedTransport((options & option.blocked) !== 0)
  const ends: SessionEnd[] = []
  const streams: WatchedStream[] = []
  const watch = (): WatchedStream => {
    const watched = new WatchedStream(options)
    streams.push(watched)
    return watched
  }
  const session = createHttp2Session({
    role,
    transport,
    clock,
    settings: { maxConcurrentStreams: 3 },
    limits: { maxHeaderListBytes: 1024, maxHeaderBlockBytes: 1024 },
    onStream(stream) {
      if ((options & option.refuses) !== 0) return undefined
      const watched = watch()
      watched.stream = stream
      if ((options & option.answers) !== 0) stream.sendHeaders([':status', '200'], false)
      return watched
    },
    onClose: (end) => ends.push(end),
  })
  if (role === 'client') {
    for (let count = 0; count < 2; count++) {
      const watched = watch()
      watched.stream = session.open([':method', 'CONNECT', ':authority', 'a:1'], watched)
    }
  }
  const greeting = role === 'server' ? Buffer.concat([preface, settings]) : settings
  feed(session, (options & option.silent) === 0 ? greeting : Buffer.alloc(0), input.length)
  feed(session, input.subarray(1), (options & option.pieces) === 0 ? input.length : 1 + (input.length % 13))
  session.flush()
  check(session, ends)
  const types = transport.types(role === 'client')
  session.onTransportClose()
  ensure(ends.length === 1, () => `told ${ends.length} times that it is over`)
  // What a stream's user has not consumed is that user's, also when stream and session have ended.
  leftovers = clock.pending + session.counters.streamsOpen
  const [end] = ends
  return `${end?.cause} ${end?.code} ${types} ${streams.map(({ told }) => told).join()}`
}

function feed(session: Http2Session, input: Uint8Array, pieceBytes: number): void {
  givePieces(input, pieceBytes, (bytes, length) => session.receive(bytes, 0, length))
}

function check(session: Http2Session, ends: readonly SessionEnd[]): void {
  ensure(ends.length <= 1, () => `told ${ends.length} times that it is over`)
  const { streamsOpen, bytesUnconsumed, sendWindowBytes, receiveWindowBytes } = session.counters
  ensure(streamsOpen <= 3, () => `${streamsOpen} streams are open`)
  ensure(
    bytesUnconsumed >= 0 && bytesUnconsumed <= receiveWindowBytes,
    () => `${bytesUnconsumed} bytes are unconsumed`,
  )
  ensure(sendWindowBytes <= 0x7fff_ffff, () => `a window of ${sendWindowBytes}`)
  for (const end of ends)
    ensure(end.code > 0 || end.cause !== 'local-error', () => `an error without a code: ${end.message}`)
}

function target(role: 'client' | 'server', seeds: readonly Uint8Array[]): FuzzTarget {
  return {
    name: `http2-${role}`,
    about: `a ${role} takes any frames: streams are told in order, bounds hold, nothing of a session is left`,
    seeds,
    words: [...words, ...blocks],
    maxBytes: 4000,
    make: makeFrames,
    run: (input) => run(role, input),
    leftovers: () => leftovers,
  }
}

const data = frame(0, 0, 1, Buffer.from('some payload'))
const exchange = [frame(4, 1, 0), connect, data, frame(8, 0, 1, '00001000'), data, frame(0, 1, 1)]

export const http2Server: FuzzTarget = target('server', [
  conversation(3, ...exchange),
  conversation(7 | 64, ...exchange, frame(1, 4, 3, blocks[0]), frame(3, 0, 3, '00000008')),
  conversation(3, connect, frame(1, 0, 3, blocks[0]?.subarray(0, 4)), frame(9, 4, 3, blocks[0]?.subarray(4))),
  conversation(128, preface, settings, connect),
  conversation(16, connect, frame(7, 0, 0, '0000000000000000')),
])

export const http2Client: FuzzTarget = target('client', [
  conversation(3, frame(4, 1, 0), frame(1, 4, 1, blocks[1]), data, frame(0, 1, 1)),
  conversation(7, frame(1, 4, 1, blocks[1]), frame(1, 5, 1, '400161016288'), frame(1, 5, 3, blocks[3])),
  conversation(
    3 | 64,
    frame(7, 0, 0, '0000000100000000'),
    frame(1, 4, 1, blocks[1]),
    data,
    frame(3, 0, 1, '00000000'),
  ),
])
