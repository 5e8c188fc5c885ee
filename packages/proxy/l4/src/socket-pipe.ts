import { headroomBytes } from '@tulle/http2'
import type { PlainSocket } from '@tulle/kernel'
import type { ServedWorkload } from '@tulle/tunnel'
import type { CopyBuffers } from './copy-buffers.ts'
import type { Pipe, PipeError } from './pipe.ts'
import { SocketReader } from './socket-reader.ts'
import type { Sink } from './socket-reader.ts'
import { SocketWriter } from './socket-writer.ts'

/** Bytes that may wait in a slow socket before its other side is no longer read. */
const maxBacklogBytes = 512 * 1024

/** Copies between two sockets: what is not for HBONE. FIN is FIN and RST is RST, both ways. */
export class SocketPipe implements Pipe {
  readonly caller: SocketHalf
  readonly destination: SocketHalf
  readonly served: ServedWorkload
  readonly #onDone: (error: PipeError) => void
  #open: number = 2
  #error: PipeError

  constructor(buffers: CopyBuffers, served: ServedWorkload, onDone: (error: PipeError) => void) {
    this.served = served
    this.#onDone = onDone
    this.caller = new SocketHalf(buffers, this)
    this.destination = new SocketHalf(buffers, this)
    this.caller.peer = this.destination
    this.destination.peer = this.caller
  }

  get requestBytes(): number {
    return this.caller.reader.receivedBytes
  }

  get chunks(): number {
    return this.caller.reader.reads + this.destination.reader.reads
  }

  get responseBytes(): number {
    return this.destination.reader.receivedBytes
  }

  abort(reason: string): void {
    this.#error ??= reason
    this.caller.reset()
    this.destination.reset()
  }

  onHalfClosed(half: SocketHalf, error: PipeError): void {
    this.#error ??= error
    if (error !== undefined || !half.bothEnded) half.peer?.reset()
    this.#open--
    if (this.#open > 0) return
    this.#onDone(this.#error)
  }
}

/** One of the two sockets: what it reads goes to its peer. */
export class SocketHalf implements Sink {
  readonly reader: SocketReader
  readonly #buffers: CopyBuffers
  readonly #pipe: SocketPipe
  #socket: PlainSocket | undefined
  #writer: SocketWriter | undefined
  #gotEnd: boolean = false
  #sentEnd: boolean = false
  #closed: boolean = false
  peer: SocketHalf | undefined

  constructor(buffers: CopyBuffers, pipe: SocketPipe) {
    this.#buffers = buffers
    this.#pipe = pipe
    // The reader of this half writes to the other one.
    this.reader = new SocketReader(buffers, this)
  }

  get bothEnded(): boolean {
    return this.#gotEnd && this.#sentEnd
  }

  attach(socket: PlainSocket): void {
    this.#socket = socket
    this.#writer = new SocketWriter({
      socket,
      onLeft: () => this.peer?.reader.resume(),
      // A slab that was handed over is the writer's already.
      keep: () => undefined,
      release: (backing) => this.#buffers.slabs.give(backing),
    })
    this.reader.attach(socket)
    this.peer?.reader.resume()
  }

  reset(): void {
    const socket = this.#socket
    if (socket === undefined) this.onSocketClose(undefined)
    else socket.reset()
  }

  onSocketClose(error: string | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.reader.close()
    this.#pipe.onHalfClosed(this, error)
  }

  room(): number {
    const writer = this.peer?.writer
    return writer === undefined || writer.backlogBytes >= maxBacklogBytes ? 0 : maxBacklogBytes
  }

  takesSlabs(): boolean {
    return true
  }

  get writer(): SocketWriter | undefined {
    return this.#writer
  }

  /** The landing buffer is everybody's, so even a small chunk that has to wait needs a slab of its own. */
  copy(bytes: Buffer, start: number, end: number): void {
    this.#pipe.served.note()
    if (this.peer?.writer?.copied(bytes, start, end) === true) return
    const slab = this.#buffers.slabs.take(end - start)
    bytes.copy(slab, headroomBytes, start, end)
    if (!this.#write(slab, end - start)) this.#buffers.slabs.give(slab)
  }

  take(slab: Buffer, length: number): boolean {
    this.#pipe.served.note()
    return this.#write(slab, length)
  }

  #write(slab: Buffer, length: number): boolean {
    return this.peer?.writer?.write(slab, headroomBytes, headroomBytes + length) === false
  }

  end(): void {
    this.#gotEnd = true
    this.peer?.endWriting()
  }

  endWriting(): void {
    this.#sentEnd = true
    this.#writer?.end()
  }
}
