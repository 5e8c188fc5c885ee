import type { Http1Transport } from '@tulle/http1'
import { HeldPayload, http2Error } from '@tulle/http2'
import type { HeaderList, Http2Stream, StreamHandler } from '@tulle/http2'

/** What is told of a link: an HTTP/1 connection, or an HTTP/2 session. */
export interface LinkUser {
  /** True: the buffer is still referred to. */
  receive(bytes: Buffer, start: number, end: number): boolean
  onTransportDrain(): void
  onTransportEnd?(): void
  onTransportClose(): void
}

/** What was held is handed on in pieces of a read. */
const deliveredBytes = 65_536

interface Waiting {
  readonly bytes: Uint8Array
  start: number
  readonly done: (() => void) | undefined
}

/**
 * A CONNECT stream on one side, a codec on the other: to the codec it is what a socket would be. Credit is given as the codec
 * takes bytes, so that while it pauses no more than the stream's window is held here.
 */
export class StreamLink implements Http1Transport, StreamHandler {
  #stream: Http2Stream | undefined
  #user: LinkUser | undefined
  #waiting: Waiting[] = []
  readonly #held: HeldPayload = new HeldPayload()
  #paused: boolean = false
  /** Asked to end; then: has said so to the peer. */
  #ending: boolean = false
  #ended: boolean = false
  #peerEnded: boolean = false
  #endTold: boolean = false
  #closed: boolean = false

  get closed(): boolean {
    return this.#closed
  }

  /** Whom it serves from here on; what came before is told at once. */
  attachUser(user: LinkUser): void {
    this.#user = user
    if (this.#closed) {
      queueMicrotask(() => user.onTransportClose())
      return
    }
    this.#deliver()
  }

  /** The stream, once it may carry payload; what was written before leaves now. */
  attachStream(stream: Http2Stream): void {
    this.#stream = stream
    if (this.#closed) {
      stream.reset(http2Error.cancel)
      return
    }
    const waited = this.#waiting.length > 0
    // Whoever was told to wait is told that it may go on: the stream itself only says so after it was full.
    if (this.#flush() && waited) this.#user?.onTransportDrain()
  }

  // What the codec does.

  write(bytes: Uint8Array, done: (() => void) | undefined): boolean {
    if (this.#closed || this.#ending) {
      done?.()
      return true
    }
    this.#waiting.push({ bytes, start: 0, done })
    return this.#flush()
  }

  end(): void {
    if (this.#closed || this.#ending) return
    this.#ending = true
    this.#flush()
  }

  destroy(): void {
    if (this.#closed) return
    this.#stream?.reset(http2Error.cancel)
    this.#close()
  }

  pauseReading(): void {
    this.#paused = true
  }

  resumeReading(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#deliver()
  }

  // What the stream tells.

  onHeaders(_headers: HeaderList, _endStream: boolean): void {
    // Trailers of a tunnel say nothing.
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    if (this.#closed) return false
    if (this.#user === undefined || this.#paused || !this.#held.isEmpty) {
      this.#held.add(bytes, start, end)
      return false
    }
    const kept = this.#user.receive(bytes, start, end)
    this.#stream?.consumed(end - start)
    return kept
  }

  onEnd(): void {
    this.#peerEnded = true
    this.#deliver()
  }

  onReset(_code: number): void {
    this.#close()
  }

  onWritable(): void {
    if (this.#closed || !this.#flush()) return
    this.#user?.onTransportDrain()
  }

  /** What the codec was not ready for, then the end, if that came. */
  #deliver(): void {
    const user = this.#user
    if (user === undefined) return
    while (!this.#paused && !this.#closed) {
      const bytes = this.#held.take(deliveredBytes)
      if (bytes === undefined) break
      user.receive(bytes, 0, bytes.length)
      this.#stream?.consumed(bytes.length)
    }
    if (!this.#peerEnded || this.#endTold || !this.#held.isEmpty || this.#closed) return
    this.#endTold = true
    user.onTransportEnd?.()
    // Without it, the end of one half is the end of everything.
    if (this.#ended || user.onTransportEnd === undefined) this.#close()
  }

  /** Whether all of it has left, and more may come. */
  #flush(): boolean {
    const stream = this.#stream
    if (stream === undefined) return false
    let open = true
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const length = Math.min(stream.sendable, first.bytes.length - first.start)
      if (length <= 0 && first.bytes.length > first.start) return false
      if (length > 0) open = stream.sendCopy(first.bytes, first.start, first.start + length)
      first.start += length
      if (first.start < first.bytes.length) continue
      // Sending may have ended everything, and then all was told already.
      if (this.#waiting[0] !== first) continue
      this.#waiting.shift()
      first.done?.()
    }
    if (!this.#ending || this.#ended) return open
    this.#ended = true
    stream.end()
    if (this.#endTold) this.#close()
    return true
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#held.clear()
    for (const { done } of this.#waiting.splice(0)) done?.()
    const user = this.#user
    if (user !== undefined) queueMicrotask(() => user.onTransportClose())
  }
}
