import { connect } from 'node:net'
import { createHttp2Session, http2Error } from '@tulle/http2'
import type { HeaderList, Http2Session, Http2Stream, StreamHandler } from '@tulle/http2'
import type { Place } from '../../../apps/tulle/src/bench/load/connection.ts'
import type { ConversationEvents, Converse } from '../../../apps/tulle/src/bench/load/conversation.ts'
import { socketTransport } from './socket-transport.ts'
import type { Question } from './questions.ts'

/** One stream after the other asks `question`; `streams` conversations share a connection. */
export function http2Converse(question: Question, streams: number): Converse {
  let shared: SharedSession | undefined
  return (place, events) => {
    if (shared === undefined || shared.isFull) shared = new SharedSession(place, streams)
    return new StreamConversation(question, shared, events)
  }
}

/** A connection for some conversations; it ends with the last of them. */
class SharedSession {
  readonly #streams: number
  readonly #users: Set<StreamConversation> = new Set()
  readonly session: Http2Session
  #isOpen: boolean = false
  #isClosed: boolean = false
  #joined: number = 0

  constructor(place: Place, streams: number) {
    this.#streams = streams
    const socket = connect({ ...place, noDelay: true })
    this.session = createHttp2Session({
      role: 'client',
      transport: socketTransport(socket),
      keepalive: false,
      onOpenable: () => this.#opened(),
      onClose: ({ message }) => this.#closed(message),
    })
    socket.on('data', (bytes: Buffer) => this.session.receive(bytes, 0, bytes.length))
    socket.on('drain', () => this.session.onTransportDrain())
    socket.on('error', () => undefined)
    socket.on('close', () => this.session.onTransportClose())
  }

  get isFull(): boolean {
    return this.#joined === this.#streams || this.#isClosed
  }

  join(user: StreamConversation): void {
    this.#joined++
    this.#users.add(user)
  }

  leave(user: StreamConversation): void {
    this.#users.delete(user)
    if (this.#users.size === 0) this.session.destroy()
  }

  /** With the peer's SETTINGS, which say how many streams there may be. */
  #opened(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    for (const user of this.#users) user.onOpen()
  }

  #closed(message: string): void {
    this.#isClosed = true
    for (const user of this.#users) user.onClose(message)
  }
}

class StreamConversation implements StreamHandler {
  readonly #question: Question
  readonly #shared: SharedSession
  readonly #events: ConversationEvents
  #stream: Http2Stream | undefined
  #status: string | undefined
  #grpcStatus: string | undefined
  #bytes: number = 0

  constructor(question: Question, shared: SharedSession, events: ConversationEvents) {
    this.#question = question
    this.#shared = shared
    this.#events = events
    shared.join(this)
  }

  ask(): void {
    const { body } = this.#question
    this.#status = undefined
    this.#grpcStatus = undefined
    this.#bytes = 0
    this.#stream = this.#shared.session.open(requestHeaders(this.#question), this, body === undefined)
    if (this.#stream === undefined) {
      setImmediate(() => this.#events.onAnswer(false))
      return
    }
    if (body === undefined) return
    this.#stream.sendCopy(body, 0, body.length)
    this.#stream.end()
  }

  end(): void {
    this.#shared.leave(this)
  }

  destroy(): void {
    this.#stream?.reset(http2Error.cancel)
    this.#shared.leave(this)
  }

  onOpen(): void {
    this.#events.onOpen()
  }

  onClose(message: string): void {
    this.#events.onClose(message)
  }

  onHeaders(headers: HeaderList): void {
    if (this.#status === undefined) this.#status = valueOf(headers, ':status')
    this.#grpcStatus ??= valueOf(headers, 'grpc-status')
  }

  onData(_bytes: Buffer, start: number, end: number): boolean {
    this.#bytes += end - start
    this.#stream?.consumed(end - start)
    return false
  }

  onEnd(): void {
    const { protocol, answerBytes } = this.#question
    const ok = this.#status === '200' && this.#bytes === answerBytes
    this.#events.onAnswer(ok && (protocol !== 'grpc' || this.#grpcStatus === '0'))
  }

  onReset(): void {
    // The session's end is told by itself.
    if (this.#shared.session.usable) this.#events.onAnswer(false)
  }

  onWritable(): void {}
}

function requestHeaders({ method, path, protocol }: Question): HeaderList {
  const pseudo = [':method', method, ':scheme', 'http', ':path', path(), ':authority', 'bench']
  if (protocol !== 'grpc') return pseudo
  return [...pseudo, 'content-type', 'application/grpc', 'te', 'trailers']
}

function valueOf(headers: HeaderList, name: string): string | undefined {
  const at = headers.indexOf(name)
  return at === -1 ? undefined : headers[at + 1]
}
