import { http2Error } from '@tulle/http2'
import type { HeaderList, Http2Stream, StreamHandler } from '@tulle/http2'
import type { PlainSocket } from '@tulle/kernel'
import type { CopyBuffers } from './copy-buffers.ts'
import type { Pipe, PipeError } from './pipe.ts'
import { resetReason } from './pipe.ts'
import { SocketReader } from './socket-reader.ts'
import type { Sink } from './socket-reader.ts'
import { SocketWriter } from './socket-writer.ts'

export interface TunnelPipeOwner {
  /** Once, after both sides are closed. */
  onDone(error: PipeError): void
}

/**
 * Copies between a socket and an HTTP/2 stream. END_STREAM is FIN and RST_STREAM is RST, both ways.
 * `#ours` counts what is still open: the socket's reading side, its writing side.
 * @see RFC 9113 §8.5
 */
export class TunnelPipe implements Pipe, Sink, StreamHandler {
  readonly #buffers: CopyBuffers
  readonly #owner: TunnelPipeOwner
  /** Whether the socket is that of the side which called. */
  readonly #socketCalls: boolean
  readonly #reader: SocketReader
  #socket: PlainSocket | undefined
  #writer: SocketWriter | undefined
  #stream: Http2Stream | undefined
  #error: PipeError
  #streamOver: boolean = false
  #sentEnd: boolean = false
  #gotEnd: boolean = false
  #done: boolean = false
  /** Pieces of payload from the stream. */
  #received: number = 0
  /** Until the peer answered, one early chunk may go ahead; it is kept, so that another session can be tried. */
  #awaitsAnswer: boolean
  #early: Buffer | undefined

  constructor(options: {
    readonly buffers: CopyBuffers
    readonly owner: TunnelPipeOwner
    readonly socketCalls: boolean
  }) {
    this.#buffers = options.buffers
    this.#owner = options.owner
    this.#socketCalls = options.socketCalls
    this.#awaitsAnswer = options.socketCalls
    this.#reader = new SocketReader(options.buffers, this)
  }

  get requestBytes(): number {
    return this.#socketCalls ? this.#reader.receivedBytes : (this.#writer?.bytes ?? 0)
  }

  get chunks(): number {
    return this.#reader.reads + this.#received
  }

  get responseBytes(): number {
    return this.#socketCalls ? (this.#writer?.bytes ?? 0) : this.#reader.receivedBytes
  }

  /** A socket of which nothing was read. Payload received before this is lost, so the socket comes first. */
  attachSocket(socket: PlainSocket): void {
    this.#socket = socket
    this.#writer = new SocketWriter({
      socket,
      onLeft: (bytes) => this.#consumed(bytes),
      keep: (backing) => this.#buffers.received.keep(backing),
      release: (backing) => this.#buffers.received.release(backing),
    })
    this.#reader.attach(socket)
  }

  /**
   * The stream to copy to, before any of its payload comes: it is thanked for that. A second one takes the place of one
   * that the peer never looked at.
   */
  attachStream(stream: Http2Stream): void {
    this.#stream = stream
    if (this.#early !== undefined) stream.sendCopy(this.#early, 0, this.#early.length)
    if (this.#sentEnd) stream.end()
    else this.#reader.resume()
  }

  /** Whether nothing has been sent that a second stream could not repeat. */
  canMoveTo(stream: Http2Stream): boolean {
    return this.#awaitsAnswer && (this.#early?.length ?? 0) <= stream.sendable
  }

  /** The peer said 200: copying begins in earnest. */
  onAnswered(): void {
    this.#awaitsAnswer = false
    this.#early = undefined
    this.#reader.resume()
  }

  abort(reason: string): void {
    this.#error ??= reason
    this.#endStream(http2Error.cancel)
    this.#resetSocket()
  }

  room(): number {
    if (this.#awaitsAnswer && this.#early !== undefined) return 0
    return this.#stream?.sendable ?? 0
  }

  takesSlabs(): boolean {
    return !this.#awaitsAnswer
  }

  copy(bytes: Buffer, start: number, end: number): void {
    if (this.#awaitsAnswer) this.#early = Buffer.from(bytes.subarray(start, end))
    this.#stream?.sendCopy(bytes, start, end)
  }

  take(slab: Buffer, length: number): boolean {
    // Only the landing buffer is read into before the answer, so nothing handed over ever needs repeating.
    if (this.#stream === undefined) return false
    this.#stream.sendSlab(slab, length, () => this.#buffers.slabs.give(slab))
    return true
  }

  end(): void {
    if (this.#sentEnd) return
    this.#sentEnd = true
    this.#stream?.end()
    if (this.#gotEnd) this.#streamOver = true
  }

  onHeaders(_headers: HeaderList, _endStream: boolean): void {
    // Trailers mean nothing in a tunnel; the end is told by onEnd.
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    this.#received++
    if (this.#writer !== undefined && !this.#writer.gather(bytes, start, end)) return true
    this.#consumed(end - start)
    return false
  }

  onEnd(): void {
    this.#gotEnd = true
    if (this.#sentEnd) this.#streamOver = true
    this.#writer?.end()
  }

  onReset(code: number): void {
    this.#streamOver = true
    if (!(this.#sentEnd && this.#gotEnd)) this.#error ??= resetReason(code)
    this.#resetSocket()
  }

  onWritable(): void {
    this.#reader.resume()
  }

  #consumed(bytes: number): void {
    this.#stream?.consumed(bytes)
  }

  #resetSocket(): void {
    const socket = this.#socket
    if (socket === undefined) this.#finish()
    else socket.reset()
  }

  onSocketClose(error: string | undefined): void {
    this.#error ??= error
    if (!(this.#sentEnd && this.#gotEnd)) this.#endStream(http2Error.connectError)
    this.#finish()
  }

  #endStream(code: number): void {
    if (this.#streamOver) return
    this.#streamOver = true
    this.#stream?.reset(code)
  }

  #finish(): void {
    if (this.#done) return
    this.#done = true
    this.#reader.close()
    this.#writer?.close()
    this.#owner.onDone(this.#error)
  }
}
