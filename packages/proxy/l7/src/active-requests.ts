/** A request under way, as whoever looks after all of them sees it. */
export interface ActiveRequest {
  /** Where it stands among all; for `ActiveRequests` alone. */
  place: number
  /** Nothing has moved in either direction since, as far as it was looked at: it moves to now where something did since the last look. */
  readonly lastMovedMs: number
  /** Gives it up. */
  endIdle(): void
}

/** The requests under way of one thread, in no order: coming and going costs less than with a set, which hashes each. */
export class ActiveRequests {
  readonly #requests: ActiveRequest[] = []

  get size(): number {
    return this.#requests.length
  }

  /** One that is not there. */
  add(request: ActiveRequest): void {
    request.place = this.#requests.push(request) - 1
  }

  /** One that is there; the last takes its place. */
  remove(request: ActiveRequest): void {
    const last = this.#requests.pop()
    if (last === undefined || last === request) return
    this.#requests[request.place] = last
    last.place = request.place
  }

  /** Gives up those on which nothing has moved since then. */
  endIdleSince(oldestMs: number): void {
    for (const request of this.#requests.slice()) if (request.lastMovedMs < oldestMs) request.endIdle()
  }
}
