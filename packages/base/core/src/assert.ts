/** Ends a switch over a union: the compiler proves that it is never reached. */
export function unreachable(value: never): never {
  throw new TypeError(`unreachable: ${JSON.stringify(value)}`)
}

/** States an invariant of ours; a breach is a bug, and crashes the component. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new TypeError(`invariant broken: ${message}`)
}
