import type { Fields, Outgoing } from '@tulle/http1'
import { HeldPayload } from '@tulle/http2'
import type { Http2Stream } from '@tulle/http2'
import { writeTrailers } from './http2-heads.ts'

/**
 * Payload towards a stream. What the windows don't let go yet is held here: it is what one peer may send before it gets
 * credit, as nothing is asked for while something is held.
 */
export class Http2Outgoing implements Outgoing {
  /** Until it is given, what is sent is held. */
  stream: Http2Stream | undefined
  readonly #held: HeldPayload = new HeldPayload()
  #ending: boolean = false
  #trailers: Fields | undefined

  get sendable(): number {
    return this.#held.isEmpty ? (this.stream?.sendable ?? 0) : 0
  }

  sendCopy(bytes: Uint8Array, start: number, end: number): boolean {
    const stream = this.stream
    if (this.#ending) return true
    if (stream === undefined || !this.#held.isEmpty) return this.#hold(bytes, start, end)
    const room = stream.sendable
    if (end - start <= room) return stream.sendCopy(bytes, start, end)
    if (room > 0) stream.sendCopy(bytes, start, start + room)
    return this.#hold(bytes, start + room, end)
  }

  sendSlice(bytes: Buffer, start: number, end: number, done: () => void): boolean {
    const more = this.sendCopy(bytes, start, end)
    done()
    return more
  }

  endWithTrailers(trailers?: Fields): void {
    if (this.#ending) return
    this.#ending = true
    this.#trailers = trailers
    if (this.#held.isEmpty) this.#end()
  }

  reset(code: number): void {
    this.forget()
    this.stream?.reset(code)
  }

  consumed(bytes: number): void {
    this.stream?.consumed(bytes)
  }

  /** Nothing will be sent any more. */
  forget(): void {
    this.#ending = true
    this.#held.clear()
  }

  /** The stream has room; true when all that was held has left, and more may come. */
  flush(): boolean {
    const stream = this.stream
    while (stream !== undefined && !this.#held.isEmpty) {
      const bytes = this.#held.take(stream.sendable)
      if (bytes === undefined) return false
      stream.sendCopy(bytes, 0, bytes.length)
    }
    if (!this.#ending) return true
    this.#end()
    return false
  }

  #hold(bytes: Uint8Array, start: number, end: number): false {
    this.#held.add(bytes, start, end)
    return false
  }

  #end(): void {
    const trailers = this.#trailers
    const list = trailers === undefined ? [] : writeTrailers(trailers)
    if (list.length > 0) this.stream?.sendHeaders(list, true)
    else this.stream?.end()
    this.onSent()
  }

  /** All has been handed to the stream. */
  protected onSent(): void {
    // Nothing to do here.
  }
}
