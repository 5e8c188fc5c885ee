import { restThisTurn, spendTurn, turnOfThread } from '@tulle/core'
import type { Resting } from '@tulle/core'

export interface TurnBudgetEvents {
  /** Told with each thing beyond what the turn has. */
  spent(): void
  /** Once, in a later turn. */
  turned(): void
}

/** A header block with all that it costs counts as one request of the thread's turn, a long one as one for each of these bytes. */
const bytesOfRequest = 8192

/** What one peer may make us do in one turn of the event loop, so that others have theirs. */
export class TurnBudget implements Resting {
  readonly #max: number
  readonly #on: TurnBudgetEvents
  #spent = 0
  #requestsLeft = Infinity
  #turn = 0
  #isResting = false

  constructor(max: number, on: TurnBudgetEvents) {
    this.#max = max
    this.#on = on
  }

  spend(cost: number): void {
    const turn = turnOfThread()
    if (turn !== this.#turn && !this.#isResting) this.#begin(turn, Infinity)
    const requests = Math.ceil(cost / bytesOfRequest)
    this.#spent += cost
    this.#requestsLeft -= requests
    if (spendTurn(requests) && this.#spent <= this.#max && this.#requestsLeft > 0) return
    this.#on.spent()
    if (this.#isResting) return
    this.#isResting = true
    restThisTurn(this)
  }

  resumeTurn(requests: number): void {
    this.#isResting = false
    this.#begin(turnOfThread(), requests)
    this.#on.turned()
  }

  #begin(turn: number, requests: number): void {
    this.#turn = turn
    this.#spent = 0
    this.#requestsLeft = requests
  }
}
