import { flushAfter, flushThisTurn, isFlushDue } from './flush-turn.ts'
import type { Flushable } from './flush-turn.ts'

/** Something that has had enough of this turn of the event loop, and goes on in a later one. */
export interface Resting {
  /** Its turn has come, for at most so many requests. */
  resumeTurn(requests: number): void
}

/** What a thread begins in one turn beyond each connection's first request in it. */
export const requestsPerTurn = 256

/** With fewer, the way back to a connection would cost more than what it goes on with. */
const leastRequests = 8

let turn = 0
/** Of this turn; below 0 where connections had their first requests in it. */
let left = requestsPerTurn
/** Those whose turn comes next, from `served` on, and behind them those that have had something in this round. */
let round: Resting[] = []
let served = 0
let behind: Resting[] = []
let isScheduled = false

const endOfTurn: Flushable = {
  flushTurn() {
    if (isFlushDue()) flushThisTurn(endOfTurn)
    // Where somebody rests, the next turn begins with those.
    else if (!isScheduled) beginTurn()
  },
}

/** The number of this turn of the thread, which changes behind each in which something was spent. */
export function turnOfThread(): number {
  return turn
}

/** Takes a share of the turn; false where that was the last: who has had something in it should rest. */
export function spendTurn(requests: number): boolean {
  if (left === requestsPerTurn && !isScheduled) flushThisTurn(endOfTurn)
  left -= requests
  return left > 0
}

/** Goes on with it in the next turn, or in a later one if all of that goes to others that rest: in turn, each with a few requests. */
export function restThisTurn(resting: Resting): void {
  behind.push(resting)
  if (isScheduled) return
  isScheduled = true
  // An immediate that is set while input is read runs behind it in the same turn.
  setImmediate(() => setImmediate(resume))
}

function resume(): void {
  beginTurn()
  try {
    flushAfter(serve)
  } finally {
    isScheduled = served < round.length || behind.length > 0
    if (isScheduled) setImmediate(resume)
    else {
      round = []
      served = 0
      beginTurn()
    }
  }
}

function serve(): void {
  const waiting = round.length - served + behind.length
  const requests = Math.max(leastRequests, Math.floor(requestsPerTurn / waiting))
  for (let i = 0; i < waiting && left > 0; i++) next()?.resumeTurn(requests)
}

function next(): Resting | undefined {
  if (served === round.length) {
    round = behind
    behind = []
    served = 0
  }
  return round[served++]
}

function beginTurn(): void {
  turn++
  left = requestsPerTurn
}
