/** Is called whenever its descriptor is ready for what it is watched for, or has an error to tell. */
export interface Watcher {
  /** Reads once at most. True: the rest of the thread should have its turn before this is asked again. */
  onReady(events: number): boolean
}

/** A descriptor that is watched. */
export interface Watched {
  readonly fd: number
  /** Not that of one that had its number before: an event may be told after its descriptor was closed. */
  readonly tag: number
  readonly watcher: Watcher
  readonly group: ReadyGroup
  wanted: number
  /** All that was told since it waits. */
  readyFor: number
  /** For its turn, since it is ready. */
  isWaiting: boolean
  /** So long already that the kernel was asked not to tell of it again until then. */
  isMuted: boolean
}

/** With fewer, moving those that wait would cost more than the room of those that have had their turn. */
const minTakenToMove = 256

/**
 * Descriptors of one owner, such as a workload. Those that are ready wait for their turn in the order in which that was told; groups take
 * turns, so that who has a thousand connections keeps the only one of another waiting no longer than a share takes.
 */
export class ReadyGroup {
  /** How many are watched. */
  watched: number = 0
  #queue: Watched[] = []
  #taken: number = 0

  get waiting(): number {
    return this.#queue.length - this.#taken
  }

  push(one: Watched): void {
    this.#queue.push(one)
  }

  /** The one that waits longest. It may have been forgotten meanwhile. */
  shift(): Watched | undefined {
    const one = this.#queue[this.#taken]
    if (one === undefined) return undefined
    this.#taken++
    if (this.waiting === 0) {
      this.#queue.length = 0
      this.#taken = 0
    } else if (this.#taken >= minTakenToMove && this.#taken >= this.waiting) {
      this.#queue.splice(0, this.#taken)
      this.#taken = 0
    }
    return one
  }
}
