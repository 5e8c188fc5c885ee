/** Something with output that leaves at the end of the turn. */
export interface Flushable {
  flushTurn(): void
}

let waiting: Flushable[] = []
let running: Flushable[] = []
let isFlushedAfter = false

/** Calls `flushTurn` once this turn's input has been handled: by an immediate for all of the thread, or by `flushAfter`. */
export function flushThisTurn(flushable: Flushable): void {
  if (waiting.push(flushable) === 1 && !isFlushedAfter) setImmediate(flushAll)
}

/** Flushes what waits for the end of the turn, before something that takes long. */
export function flushNow(): void {
  flushAll()
}

/** Whether a turn's input is being handled, behind which there is a flush: one that comes now is not the last of the turn. */
export function isFlushDue(): boolean {
  return isFlushedAfter
}

/** Runs what handles a turn's input, and flushes at once what came of it. */
export function flushAfter(handleInput: () => void): void {
  isFlushedAfter = true
  try {
    handleInput()
  } finally {
    isFlushedAfter = false
    flushAll()
  }
}

function flushAll(): void {
  const batch = waiting
  waiting = running
  running = batch
  try {
    for (const flushable of batch) flushable.flushTurn()
  } finally {
    batch.length = 0
  }
}
