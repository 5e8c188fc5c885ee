import type { Socket } from 'node:net'
import { createHttp2Session } from '@tulle/http2'
import type { HeaderList, Http2Stream, StreamHandler } from '@tulle/http2'
import { questions } from './questions.ts'
import { socketTransport } from './socket-transport.ts'

const page = Buffer.alloc(questions.http2.answerBytes, 'x')
const pageHeaders = [':status', '200', 'content-type', 'text/plain', 'content-length', `${page.length}`]
const grpcHeaders = [':status', '200', 'content-type', 'application/grpc']
const grpcTrailers = ['grpc-status', '0']
/** A message of the load with what is in front of it. */
const maxMessageBytes = 256

/** Answers GET with a page, and POST as a unary method of gRPC that returns its message. */
export function serveHttp2(socket: Socket): void {
  const session = createHttp2Session({
    role: 'server',
    transport: socketTransport(socket),
    keepalive: false,
    onStream: (stream, headers) => (isPost(headers) ? new Echo(stream) : new Page(stream)),
    onClose: () => undefined,
  })
  socket.on('data', (bytes: Buffer) => session.receive(bytes, 0, bytes.length))
  socket.on('drain', () => session.onTransportDrain())
  socket.on('error', () => undefined)
  socket.on('close', () => session.onTransportClose())
}

function isPost(headers: HeaderList): boolean {
  return headers[headers.indexOf(':method') + 1] === 'POST'
}

class Page implements StreamHandler {
  readonly #stream: Http2Stream

  constructor(stream: Http2Stream) {
    this.#stream = stream
  }

  onHeaders(): void {}

  onData(_bytes: Buffer, start: number, end: number): boolean {
    this.#stream.consumed(end - start)
    return false
  }

  onEnd(): void {
    this.#stream.sendHeaders(pageHeaders, false)
    this.#stream.sendCopy(page, 0, page.length)
    this.#stream.end()
  }

  onReset(): void {}

  onWritable(): void {}
}

/** Messages of the load fit into the window of a new stream, so nothing has to wait. */
class Echo implements StreamHandler {
  readonly #stream: Http2Stream
  readonly #message: Buffer = Buffer.allocUnsafe(maxMessageBytes)
  #length: number = 0

  constructor(stream: Http2Stream) {
    this.#stream = stream
  }

  onHeaders(): void {}

  onData(bytes: Buffer, start: number, end: number): boolean {
    this.#length += bytes.copy(this.#message, this.#length, start, end)
    this.#stream.consumed(end - start)
    return false
  }

  onEnd(): void {
    this.#stream.sendHeaders(grpcHeaders, false)
    this.#stream.sendCopy(this.#message, 0, this.#length)
    this.#stream.sendHeaders(grpcTrailers, true)
  }

  onReset(): void {}

  onWritable(): void {}
}
