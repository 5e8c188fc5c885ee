import { stat } from 'node:fs'
import { flushAfter, TestClock } from '@tulle/core'

import { createHttp1Client } from './client.ts'
import type { Http1Client } from './client.ts'
import type {
  ClientHandler,
  Http1Connection,
  Http1Transport,
  RequestFate,
  RequestHead,
  ResponseHead,
  ServerExchange,
  ServerHandler,
} from './exchange.ts'
import { Fields } from './fields.ts'
import type { Http1Limits } from './limits.ts'
import type { Refusal } from './refusal.ts'
import { createHttp1Server } from './server.ts'

/** Keeps what a connection writes. */
export class RecordingTransport implements Http1Transport {
  readonly writes: Buffer[] = []
  ended = false
  destroyed = false
  paused = false
  /** What `write` answers. */
  roomy = true
  /** Whether writes are done with at once. */
  keepsWrites = false
  readonly pending: (() => void)[] = []

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

  pauseReading(): void {
    this.paused = true
  }

  resumeReading(): void {
    this.paused = false
  }

  /** What was written since the last call. */
  take(): string {
    return Buffer.concat(this.writes.splice(0)).toString('latin1')
  }
}

/** What a handler was told, in order. Neighbouring pieces of data are one event. */
export class Recorder implements ServerHandler, ClientHandler {
  readonly events: string[] = []
  writable = 0
  keepsBuffers = false
  /** Run with each piece of payload. */
  consume: ((bytes: number) => void) | undefined

  onInform(head: ResponseHead): void {
    this.events.push(`inform ${head.status} ${fieldText(head.fields)}`)
  }

  onResponse(head: ResponseHead, end: boolean): void {
    this.events.push(`response ${head.status} ${fieldText(head.fields)}${end ? ' end' : ''}`)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    const text = bytes.toString('latin1', start, end)
    const last = this.events.at(-1)
    if (last?.startsWith('data ') === true) this.events[this.events.length - 1] = last + text
    else this.events.push(`data ${text}`)
    this.consume?.(end - start)
    return this.keepsBuffers
  }

  onEnd(trailers?: Fields): void {
    this.events.push(trailers === undefined ? 'end' : `end ${fieldText(trailers)}`)
  }

  onReset(code: number, fate?: RequestFate): void {
    this.events.push(fate === undefined ? `reset ${code}` : `reset ${code} ${fate}`)
  }

  onWritable(): void {
    this.writable++
  }

  take(): string[] {
    return this.events.splice(0)
  }
}

export function fieldText(fields: Fields): string {
  const list: string[] = []
  fields.forEach((name, value) => list.push(`${name}=${value}`))
  return `[${list.join(' ')}]`
}

/** One request as a server's handler got it. */
export interface Seen {
  readonly head: RequestHead
  readonly exchange: ServerExchange
  readonly handler: Recorder
  readonly end: boolean
}

/** A server's side with everything that it says written down. */
export class ServerBench {
  readonly transport: RecordingTransport = new RecordingTransport()
  readonly clock: TestClock = new TestClock()
  readonly seen: Seen[] = []
  readonly refused: Refusal[] = []
  closed = 0
  readonly connection: Http1Connection
  /** Run for each request. */
  onRequest: ((seen: Seen) => void) | undefined

  constructor(limits: Partial<Http1Limits> = {}, scheme: 'http' | 'https' = 'http') {
    this.connection = createHttp1Server({
      transport: this.transport,
      clock: this.clock,
      scheme,
      limits,
      onRequest: (head, exchange, end) => {
        const seen = { head, exchange, handler: new Recorder(), end }
        this.seen.push(seen)
        this.onRequest?.(seen)
        return seen.handler
      },
      onRefused: (refusal) => this.refused.push(refusal),
      onClose: () => this.closed++,
    })
  }

  /** Bytes from the client, in pieces of one buffer that is used again. */
  send(text: string | Buffer, pieceBytes: number = Infinity): void {
    feed(this.connection, text, pieceBytes)
  }

  last(): Seen {
    const seen = this.seen.at(-1)
    if (seen === undefined) throw new Error('no request came')
    return seen
  }

  /** What was answered by the end of this turn. */
  async answers(): Promise<string> {
    await turn()
    return this.transport.take()
  }
}

/** A client's side likewise. */
export class ClientBench {
  readonly transport: RecordingTransport = new RecordingTransport()
  readonly clock: TestClock = new TestClock()
  idle = 0
  closed = 0
  readonly client: Http1Client

  constructor(limits: Partial<Http1Limits> = {}) {
    this.client = createHttp1Client({
      transport: this.transport,
      clock: this.clock,
      limits,
      onIdle: () => this.idle++,
      onClose: () => this.closed++,
    })
  }

  send(text: string | Buffer, pieceBytes: number = Infinity): void {
    feed(this.client, text, pieceBytes)
  }

  async sent(): Promise<string> {
    await turn()
    return this.transport.take()
  }
}

export function feed(connection: Http1Connection, text: string | Buffer, pieceBytes: number): void {
  const input = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
  const length = Math.max(1, Math.min(pieceBytes, input.length))
  for (let at = 0; at < input.length; at += length) {
    const piece = input.subarray(at, at + length)
    const buffer = Buffer.alloc(length + 2, 0x2a)
    buffer.set(piece, 1)
    if (!connection.receive(buffer, 1, 1 + piece.length)) buffer.fill(0x2a)
  }
}

/** Runs `read` where the event loop tells of input; resolves at the end of the same turn. */
export function whereInputIsRead(read: () => void): Promise<void> {
  return new Promise((resolve) => {
    stat('.', () => {
      flushAfter(read)
      setImmediate(resolve)
    })
  })
}

/** A turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export function requestHead(change: Partial<RequestHead> = {}): RequestHead {
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'books',
    path: '/',
    fields: Fields.of([]),
    version: '1.1',
    protocol: undefined,
    ...change,
  }
}

export function answer(status: number, ...list: readonly string[]): ResponseHead {
  return { status, fields: Fields.of(list) }
}
