import { constants } from 'node:http2'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { status } from '@grpc/grpc-js'
import { MessageFrames } from './message-frames.ts'
import type { ByteBudget } from './message-frames.ts'

/** One call of a gRPC method, whatever carries it. */
export interface GrpcCall {
  /** Address and port, for logs. */
  readonly peer: string
  /** A header's value; undefined where it is absent or there is more than one. */
  header(name: string): string | undefined
  /** Takes the peer's messages, which are not read before. Called once. */
  listen(listener: GrpcListener): void
  /** Sends one message out of parts, which must not be written to afterwards. */
  send(parts: readonly Uint8Array[]): void
  /** Ends the call; nothing is sent or heard afterwards. */
  end(code: status, details: string): void
  /** The call has what it came for: its connection no longer counts among those that are being set up. */
  settled(): void
}

export interface GrpcListener {
  /** The message's memory is used again afterwards. */
  readonly onMessage: (message: Uint8Array) => void
  /** The peer will send nothing more, and may still wait for an answer. */
  readonly onLastMessage?: () => void
  /** Once, when the peer hung up or the call was ended. */
  readonly onEnd: () => void
}

export interface GrpcCallLimits {
  readonly maxMessageBytes: number
  /** Of all calls together: messages that have not arrived in full. */
  readonly budget: ByteBudget
}

/** What is smaller is copied into one piece: a write costs more than that. */
const maxCopyBytes = 32 * 1024

/**
 * Of a large message so much is given to the stream at a time: what is encrypted and not sent yet is memory of this
 * peer's own, and TLS keeps as much for as long as the connection lives, while parts that wait are shared with all others.
 */
const maxBatchBytes = 64 * 1024

const maxDetailsLength = 1024

/**
 * A call over HTTP/2. Large messages are handed to the stream in the parts in which they were made, some at a time, so
 * that a thousand peers can be sent the same bytes without a copy for each, and slow ones hold nothing but references.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class Http2Call implements GrpcCall {
  readonly peer: string
  readonly #stream: ServerHttp2Stream
  readonly #headers: IncomingHttpHeaders
  readonly #onSettled: () => void
  readonly #frames: MessageFrames
  #listener: GrpcListener | undefined
  #status: { readonly code: status; readonly details: string } = { code: status.OK, details: '' }
  #responded: boolean = false
  #ended: boolean = false
  /** Parts of large messages, and what comes behind them, that the stream was not given yet. */
  #waiting: Uint8Array[] = []
  #batchUnderWay: boolean = false

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    limits: GrpcCallLimits,
    onSettled: () => void,
  ) {
    const socket = stream.session?.socket
    this.peer = `${socket?.remoteAddress ?? '?'}:${socket?.remotePort ?? '?'}`
    this.#stream = stream
    this.#headers = headers
    this.#onSettled = onSettled
    this.#frames = new MessageFrames(limits.maxMessageBytes, limits.budget)
    // Nothing is read before somebody listens: who is not known yet can fill no more than a window.
    stream.on('close', () => this.#closed())
    // Its end says all there is to say.
    stream.on('error', () => undefined)
  }

  header(name: string): string | undefined {
    const value = this.#headers[name]
    return typeof value === 'string' ? value : undefined
  }

  listen(listener: GrpcListener): void {
    this.#listener = listener
    if (this.#ended) return listener.onEnd()
    this.#stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.#stream.on('end', () => listener.onLastMessage?.())
  }

  send(parts: readonly Uint8Array[]): void {
    if (this.#ended) return
    this.#respond()
    let sizeBytes = 0
    for (const part of parts) sizeBytes += part.length
    const head = Buffer.allocUnsafe(5)
    head[0] = 0
    head.writeUInt32BE(sizeBytes, 1)
    const isSmall = sizeBytes <= maxCopyBytes
    const pieces = isSmall ? [Buffer.concat([head, ...parts], sizeBytes + 5)] : [head, ...parts]
    if (this.#waiting.length === 0 && !this.#batchUnderWay && isSmall) this.#stream.write(pieces[0])
    else {
      this.#waiting = [...this.#waiting, ...pieces]
      this.#writeBatch()
    }
  }

  end(code: status, details: string): void {
    if (this.#ended) return
    this.#status = { code, details }
    const { destroyed } = this.#stream
    if (!destroyed && code === status.OK) for (const part of this.#waiting) this.#stream.write(part)
    this.#waiting = []
    if (!destroyed && this.#responded) this.#stream.end()
    else if (!destroyed)
      this.#stream.respond({ ...responseHeaders, ...this.#trailers() }, { endStream: true })
    // The peer may go on talking; nobody listens.
    if (!destroyed) this.#stream.resume()
    this.#finish()
  }

  settled(): void {
    this.#onSettled()
  }

  /** As one write; the next follows when it has left. */
  #writeBatch(): void {
    if (this.#batchUnderWay || this.#ended || this.#waiting.length === 0) return
    let count = 0
    for (let bytes = 0; count < this.#waiting.length && bytes < maxBatchBytes; count++)
      bytes += this.#waiting[count]?.length ?? 0
    const batch = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    this.#batchUnderWay = true
    this.#stream.cork()
    const last = batch.pop()
    for (const part of batch) this.#stream.write(part)
    this.#stream.write(last, () => {
      this.#batchUnderWay = false
      this.#writeBatch()
    })
    this.#stream.uncork()
  }

  #respond(): void {
    if (this.#responded) return
    this.#responded = true
    this.#stream.respond(responseHeaders, { waitForTrailers: true })
    this.#stream.on('wantTrailers', () => this.#stream.sendTrailers(this.#trailers()))
  }

  #trailers(): Record<string, string> {
    const { code, details } = this.#status
    // Half a character of somebody's text would make this throw; more than this may be more than a header block takes.
    const text = details.slice(0, maxDetailsLength).toWellFormed()
    return { 'grpc-status': `${code}`, 'grpc-message': encodeURIComponent(text) }
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return
    const read = this.#frames.push(chunk)
    if (!read.ok) return this.end(read.error.code, read.error.message)
    for (const message of read.value) this.#listener?.onMessage(message)
    this.#frames.release()
  }

  #closed(): void {
    if (this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#stream.destroy()
    this.#finish()
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    this.#waiting = []
    this.#frames[Symbol.dispose]()
    this.#onSettled()
    this.#listener?.onEnd()
  }
}

const responseHeaders = { ':status': 200, 'content-type': 'application/grpc' }
