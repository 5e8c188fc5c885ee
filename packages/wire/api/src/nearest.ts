/** Longer words are nobody's slip of the pen. */
const maxLength = 64

/** The choice closest to what was written, if any is close enough to be what was meant. */
export function nearest(found: string, choices: Iterable<string>): string | undefined {
  if (found.length > maxLength) return undefined
  let best: string | undefined
  let bestSteps = Math.max(1, Math.floor(found.length / 3)) + 1
  for (const choice of choices) {
    const steps = editSteps(found.toLowerCase(), choice.toLowerCase())
    if (steps >= bestSteps) continue
    best = choice
    bestSteps = steps
  }
  return best
}

/** Letters put in, left out, replaced or swapped with their neighbour on the way from `a` to `b`. */
function editSteps(a: string, b: string): number {
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(
        Math.min(
          (last[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (last[j - 1] ?? 0) + (same ? 0 : 1),
          swapped ? (beforeLast[j - 2] ?? 0) + 1 : maxLength,
        ),
      )
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? maxLength
}
