import { maxInt31 } from './frame.ts'
import type { Stream } from './stream.ts'

/** Streams that we reset lately: what was on its way then is no error (RFC 9113 §5.1, "closed"). */
const rememberedResets = 256

/** The streams of a session, and what is known of those that have none any more. */
export class StreamTable {
  readonly #live: Map<number, Stream> = new Map()
  readonly #reset: Set<number> = new Set()
  readonly #ownParity: number
  #nextOwnId: number
  #lastPeerId = 0
  #ownOpen = 0
  #opened = 0

  constructor(role: 'client' | 'server') {
    this.#ownParity = role === 'client' ? 1 : 0
    this.#nextOwnId = role === 'client' ? 1 : 2
  }

  get count(): number {
    return this.#live.size
  }

  /** Streams that we opened and that are not closed. */
  get ownOpen(): number {
    return this.#ownOpen
  }

  get peerOpen(): number {
    return this.#live.size - this.#ownOpen
  }

  get opened(): number {
    return this.#opened
  }

  /** The highest stream the peer has begun: what GOAWAY names. */
  get lastPeerId(): number {
    return this.#lastPeerId
  }

  isOwn(id: number): boolean {
    return (id & 1) === this.#ownParity
  }

  /** Nobody has opened it yet (RFC 9113 §5.1.1). */
  isIdle(id: number): boolean {
    return this.isOwn(id) ? id >= this.#nextOwnId : id > this.#lastPeerId
  }

  /** We gave it up not long ago, so frames for it are to be ignored. */
  wasReset(id: number): boolean {
    return this.#reset.has(id)
  }

  get(id: number): Stream | undefined {
    return this.#live.get(id)
  }

  /** An identifier for a stream of ours; 0 when they have run out. */
  takeOwnId(): number {
    const id = this.#nextOwnId
    if (id > maxInt31) return 0
    this.#nextOwnId += 2
    return id
  }

  /** The peer began a stream, whatever we make of it; those below are closed thereby. */
  markPeerId(id: number): void {
    this.#lastPeerId = id
  }

  add(stream: Stream): void {
    this.#live.set(stream.id, stream)
    this.#opened++
    if (this.isOwn(stream.id)) this.#ownOpen++
  }

  remove(stream: Stream): void {
    if (this.#live.delete(stream.id) && this.isOwn(stream.id)) this.#ownOpen--
  }

  rememberReset(id: number): void {
    this.#reset.add(id)
    if (this.#reset.size <= rememberedResets) return
    for (const oldest of this.#reset) {
      this.#reset.delete(oldest)
      return
    }
  }

  /** Safe against streams that close meanwhile. */
  all(): IterableIterator<Stream> {
    return this.#live.values()
  }
}
