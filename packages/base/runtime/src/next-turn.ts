/** Resolves when the event loop has been round: for long work in slices, so that it holds up nobody. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
