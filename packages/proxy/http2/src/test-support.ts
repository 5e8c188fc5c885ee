import { deepEqual, equal } from 'node:assert/strict'
import { frameType } from './frame.ts'
import { HpackEncoder } from './hpack-encoder.ts'
import { createHttp2Session } from './session.ts'
import type { Http2Session, Http2SessionOptions, SessionEnd } from './session-options.ts'
import type { HeaderList, StreamHandler, Transport } from './session-types.ts'

/** A frame as a test writes or reads it. */
export interface TestFrame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

/** A frame's bytes, made without the code under test. */
export function frameBytes(
  frame: Partial<Omit<TestFrame, 'payload'>> & { payload?: Uint8Array | string },
): Buffer {
  const { type = 0, flags = 0, streamId = 0 } = frame
  const payload = Buffer.from(
    typeof frame.payload === 'string' ? Buffer.from(frame.payload, 'hex') : (frame.payload ?? []),
  )
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}

export function framesOf(bytes: Buffer): TestFrame[] {
  const frames: TestFrame[] = []
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUIntBE(at, 3)
    const [type, flags, streamId] = [
      bytes.readUInt8(at + 3),
      bytes.readUInt8(at + 4),
      bytes.readUInt32BE(at + 5),
    ]
    frames.push({ type, flags, streamId, payload: bytes.subarray(at + 9, at + 9 + length) })
    at += 9 + length
  }
  return frames
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Keeps what a session writes. */
export class RecordingTransport implements Transport {
  readonly writes: Buffer[] = []
  ended = false
  destroyed = false
  /** What `write` answers. */
  roomy = true
  /** Whether writes are done with at once. */
  keepsWrites = false
  readonly pending: (() => void)[] = []
  /** The last frame that `takeFrames` gave out. */
  lastFrame: TestFrame | undefined

  write(bytes: Uint8Array, done: (() => void) | undefined): boolean {
    this.writes.push(Buffer.from(bytes))
    if (this.keepsWrites && done !== undefined) this.pending.push(done)
    else done?.()
    return this.roomy
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    this.destroyed = true
  }

  /** Frames written since the last call, without a client's preface. */
  takeFrames(): TestFrame[] {
    const bytes = Buffer.concat(this.writes.splice(0))
    const frames = framesOf(bytes.subarray(bytes.toString('latin1').startsWith('PRI * HTTP/2.0') ? 24 : 0))
    this.lastFrame = frames.at(-1) ?? this.lastFrame
    return frames
  }
}

/** What a stream's user was told, in order. Neighbouring pieces of data are one event. */
export class RecordingHandler implements StreamHandler {
  readonly events: string[] = []
  readonly data: Buffer[] = []
  writable = 0
  #open = false

  onHeaders(headers: HeaderList, endStream: boolean): void {
    this.#add(`headers ${headers.join(' ')}${endStream ? ' end' : ''}`)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    const piece = Buffer.from(bytes.subarray(start, end))
    this.data.push(piece)
    const text = piece.toString('latin1')
    if (this.#open) this.events.push(`${this.events.pop() ?? ''}${text}`)
    else this.events.push(`data ${text}`)
    this.#open = true
    return false
  }

  onEnd(): void {
    this.#add('end')
  }

  onReset(code: number): void {
    this.#add(`reset ${code}`)
  }

  onWritable(): void {
    this.writable++
  }

  get bytes(): number {
    return this.data.reduce((sum, piece) => sum + piece.length, 0)
  }

  #add(event: string): void {
    this.events.push(event)
    this.#open = false
  }
}

/** A session whose other end is the test. */
export class Probe {
  readonly transport: RecordingTransport = new RecordingTransport()
  readonly ends: SessionEnd[] = []
  readonly session: Http2Session

  constructor(options: Omit<Http2SessionOptions, 'transport' | 'onClose'>) {
    this.session = createHttp2Session({
      keepalive: false,
      ...options,
      transport: this.transport,
      onClose: (end) => this.ends.push(end),
    })
  }

  /** Feeds bytes and returns the frames they brought forth. */
  feed(...bytes: readonly Buffer[]): TestFrame[] {
    const all = Buffer.concat(bytes)
    this.session.receive(all, 0, all.length)
    this.session.flush()
    return this.transport.takeFrames()
  }

  /** Frames written so far. */
  take(): TestFrame[] {
    this.session.flush()
    return this.transport.takeFrames()
  }
}

/** The request of a tunnel. */
export const connect: readonly string[] = [':method', 'CONNECT', ':authority', '10.0.0.1:80']

/** A header block that leaves no trace in tables. */
export function block(
  headers: readonly string[],
  encoder: HpackEncoder = new HpackEncoder({ maxTableBytes: 0 }),
): Buffer {
  // First: a block that is larger than any before it moves the bytes.
  const length = encoder.encode(headers)
  return Buffer.from(encoder.bytes.subarray(0, length))
}

export function headersFrame(streamId: number, headers: readonly string[], flags: number = 0x4): Buffer {
  return frameBytes({ type: frameType.headers, flags, streamId, payload: block(headers) })
}

/** SETTINGS with one entry. */
export function settingsFrame(id: number, value: number): Buffer {
  return frameBytes({
    type: frameType.settings,
    payload: Buffer.concat([Buffer.from([0, id]), uint32(value)]),
  })
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frameBytes({ type: frameType.windowUpdate, streamId, payload: uint32(increment) })
}

/** Feeds until the session ends; returns how many times. */
export function feedUntilEnd(probe: Probe, most: number, make: (round: number) => Buffer[]): number {
  for (let round = 0; round < most; round++) {
    if (probe.ends.length > 0) return round
    for (const bytes of make(round)) probe.session.receive(bytes, 0, bytes.length)
  }
  return most
}

/** The session ended by our GOAWAY with that code, which was the last it said. */
export function endedWith(probe: Probe, code: number): void {
  deepEqual(
    probe.ends.map((end) => [end.cause, end.code]),
    [['local-error', code]],
  )
  probe.take()
  const { lastFrame } = probe.transport
  deepEqual([lastFrame?.type, lastFrame?.payload.readUInt32BE(4)], [frameType.goaway, code])
  equal(probe.transport.ended, true)
}

/** A turn of the event loop or two. */
export function turns(count: number = 3): Promise<void> {
  return new Promise((resolve) => {
    const next = (left: number): void => {
      if (left === 0) resolve()
      else setImmediate(() => next(left - 1))
    }
    next(count)
  })
}

export const preface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
export const emptySettings: Buffer = frameBytes({ type: 4 })

/** A server that has greeted and was greeted. */
export function greetedServer(options: Partial<Http2SessionOptions> = {}): Probe {
  const probe = new Probe({ role: 'server', ...options })
  probe.feed(preface, emptySettings)
  return probe
}

/** A client that has greeted and was greeted. */
export function greetedClient(options: Partial<Http2SessionOptions> = {}): Probe {
  const probe = new Probe({ role: 'client', ...options })
  probe.feed(emptySettings)
  return probe
}

/** Joins two sessions in memory: what one writes the other receives a turn later, in pieces of at most `pieceBytes`. */
export class MemoryTransport implements Transport {
  peer: Http2Session | undefined
  owner: Http2Session | undefined
  readonly #highWaterBytes: number
  readonly #pieceBytes: number
  #queue: { bytes: Buffer; done: (() => void) | undefined }[] = []
  #queuedBytes = 0
  #full = false
  #over = false

  constructor(highWaterBytes: number = 1024 * 1024, pieceBytes: number = Number.POSITIVE_INFINITY) {
    this.#highWaterBytes = highWaterBytes
    this.#pieceBytes = pieceBytes
  }

  write(bytes: Buffer, done: (() => void) | undefined): boolean {
    if (this.#queue.push({ bytes, done }) === 1) setImmediate(() => this.#deliver())
    this.#queuedBytes += bytes.length
    this.#full ||= this.#queuedBytes >= this.#highWaterBytes
    return !this.#full
  }

  end(): void {
    setImmediate(() => this.#close())
  }

  destroy(): void {
    this.#close()
  }

  #deliver(): void {
    const queue = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    for (const { bytes, done } of queue) {
      for (let at = 0; at < bytes.length && !this.#over; at += this.#pieceBytes) {
        this.peer?.receive(bytes, at, Math.min(bytes.length, at + this.#pieceBytes))
      }
      done?.()
    }
    if (!this.#full) return
    this.#full = false
    this.owner?.onTransportDrain()
  }

  #close(): void {
    if (this.#over) return
    this.#over = true
    this.peer?.onTransportClose()
    this.owner?.onTransportClose()
  }
}

export interface MemoryPair {
  readonly client: Http2Session
  readonly server: Http2Session
}

/** A client and a server session, joined. */
export function memoryPair(
  options: Pick<Http2SessionOptions, 'onStream' | 'settings' | 'limits' | 'clock'>,
  transports: readonly [MemoryTransport, MemoryTransport] = [new MemoryTransport(), new MemoryTransport()],
): MemoryPair {
  const [up, down] = transports
  const { onStream, ...both } = options
  const common = { ...both, keepalive: false as const, onClose: () => undefined }
  const client = createHttp2Session({ ...common, role: 'client', transport: up })
  const server = createHttp2Session({
    ...common,
    role: 'server',
    transport: down,
    ...(onStream === undefined ? {} : { onStream }),
  })
  Object.assign(up, { owner: client, peer: server })
  Object.assign(down, { owner: server, peer: client })
  return { client, server }
}
