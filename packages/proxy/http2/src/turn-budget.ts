import { flushThisTurn } from '@tulle/core'
import type { Flushable } from '@tulle/core'

export interface TurnBudgetEvents {
  /** Told with each thing beyond what the turn has. */
  spent(): void
  /** Once, behind a turn in which something was spent. */
  turned(): void
}

/** What one peer may make us do in one turn of the event loop, so that others have theirs. */
export class TurnBudget implements Flushable {
  readonly #max: number
  readonly #on: TurnBudgetEvents
  #spent = 0

  constructor(max: number, on: TurnBudgetEvents) {
    this.#max = max
    this.#on = on
  }

  spend(cost: number): void {
    if (this.#spent === 0) flushThisTurn(this)
    this.#spent += cost
    if (this.#spent > this.#max) this.#on.spent()
  }

  flushTurn(): void {
    this.#spent = 0
    this.#on.turned()
  }
}
