/**
 * Which of its workloads a thread last read bytes for, or began a handshake for. Who wants to know whether anybody else
 * needs the thread can't ask how idle it is: beside a neighbour that asks for little it idles most of the time, and
 * each of the neighbour's bytes would still find it busy.
 */
export class LastServed {
  #last: ServedWorkload | undefined
  #changes: number = 0

  /** How often it was another one. */
  get changes(): number {
    return this.#changes
  }

  workload(): ServedWorkload {
    return new ServedWorkload(this)
  }

  /** For the workloads. Hot: runs for every read. */
  note(workload: ServedWorkload): void {
    if (this.#last === workload) return
    this.#last = workload
    this.#changes++
  }
}

/** One workload on one thread. */
export class ServedWorkload {
  readonly #thread: LastServed
  #seenChanges: number = -1

  /** Made by its thread's. */
  constructor(thread: LastServed) {
    this.#thread = thread
  }

  note(): void {
    this.#thread.note(this)
  }

  /** Whether another workload was served since this was last asked. */
  othersServed(): boolean {
    this.note()
    const { changes } = this.#thread
    const served = changes !== this.#seenChanges
    this.#seenChanges = changes
    return served
  }
}
