import type { Sender } from './sender.ts'
import type { Stream } from './stream.ts'

/** Streams that have something to send and no room. They are told in the order in which they came. */
export class WaitingStreams {
  readonly #sender: Sender
  #queue: Stream[] = []
  #spare: Stream[] = []
  #waking = false

  constructor(sender: Sender) {
    this.#sender = sender
  }

  get count(): number {
    return this.#queue.length
  }

  add(stream: Stream): void {
    if (stream.waiting) return
    stream.waiting = true
    this.#queue.push(stream)
  }

  remove(stream: Stream): void {
    if (!stream.waiting) return
    stream.waiting = false
    stream.stalledLooks = 0
    const index = this.#queue.indexOf(stream)
    if (index >= 0) this.#queue.splice(index, 1)
  }

  /** The stream's own window has grown. */
  wakeOne(stream: Stream): void {
    if (!stream.waiting || !this.#hasRoom(stream)) return
    this.remove(stream)
    stream.handler.onWritable()
  }

  /** The transport or the session's window has room again. */
  wake(): void {
    if (this.#waking || this.#queue.length === 0) return
    this.#waking = true
    const queue = this.#queue
    this.#queue = this.#spare
    let next = 0
    for (; next < queue.length && this.#sessionHasRoom(); next++) this.#wakeNext(queue[next])
    // Who was not reached comes before those who sent and wait again; otherwise the first would starve the rest.
    if (next < queue.length) this.#queue = [...queue.slice(next).filter(isWaiting), ...this.#queue]
    queue.length = 0
    this.#spare = queue
    this.#waking = false
  }

  /** Streams that found no room at `looks` looks in a row, this one included. */
  stalled(looks: number): readonly Stream[] {
    for (const stream of this.#queue) stream.stalledLooks++
    return this.#queue.filter((stream) => stream.stalledLooks >= looks)
  }

  #wakeNext(stream: Stream | undefined): void {
    // It may have closed, or been woken alone, while others were told.
    if (stream === undefined || !stream.waiting) return
    if (!this.#hasRoom(stream)) {
      this.#queue.push(stream)
      return
    }
    stream.waiting = false
    stream.stalledLooks = 0
    stream.handler.onWritable()
  }

  #hasRoom(stream: Stream): boolean {
    return stream.sendWindow > 0 && this.#sessionHasRoom()
  }

  #sessionHasRoom(): boolean {
    return !this.#sender.blocked && this.#sender.window > 0
  }
}

function isWaiting(stream: Stream): boolean {
  return stream.waiting
}
