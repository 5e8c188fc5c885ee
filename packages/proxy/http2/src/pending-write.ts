/** What is told when the transport is done with a write. */
export interface WriteOwner {
  /** `batch` is the buffer that may be used again, unless it was a slab of somebody else's. */
  onWritten(bytes: number, batch: Buffer | undefined): void
}

/** Free ones of the thread; more than this at once are rare and left to the garbage collector. */
const free: PendingWrite[] = []
const maxFree = 1024

/**
 * A write that the transport has not finished. These objects are recycled, each with one callback made at birth, so that a
 * write needs no closure of its own.
 */
export class PendingWrite {
  owner: WriteOwner | undefined
  bytes = 0
  batch: Buffer | undefined
  userDone: (() => void) | undefined
  readonly done: () => void = () => this.#finish()

  #finish(): void {
    const { owner, bytes, batch, userDone } = this
    // A transport that calls twice must not give the same buffer back twice.
    if (owner === undefined) return
    this.owner = undefined
    this.batch = undefined
    this.userDone = undefined
    if (free.length < maxFree) free.push(this)
    owner.onWritten(bytes, batch)
    userDone?.()
  }
}

export function takePendingWrite(owner: WriteOwner, bytes: number): PendingWrite {
  const write = free.pop() ?? new PendingWrite()
  write.owner = owner
  write.bytes = bytes
  return write
}
