/** `; did you mean X?` for the choice closest to what was written, or '' where none is close. */
export function nearest(found: string, choices: readonly string[]): string {
  let best: string | undefined
  let bestSteps = Math.max(2, Math.floor(found.length / 3)) + 1
  for (const choice of choices) {
    const steps = editSteps(found.toLowerCase(), choice.toLowerCase())
    if (steps < bestSteps) {
      best = choice
      bestSteps = steps
    }
  }
  return best === undefined ? '' : `; did you mean ${best}?`
}

/** Insertions, deletions and substitutions from `a` to `b`; bounded in length, since users' text may be long. */
function editSteps(a: string, b: string): number {
  if (a.length > 100 || b.length > 100) return 100
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitute))
    }
    row = next
  }
  return row[b.length] ?? 100
}
