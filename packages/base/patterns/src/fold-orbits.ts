import type { RuneRanges } from './program.ts'

/** What stands beside each letter, so that its class is not simplified back into a letter. It has no other case. */
const guard = 0x21

/**
 * Every form of each letter that matches it when case does not count: K is k, K and the Kelvin sign. The tables of the
 * library that parses the pattern are asked, so that both read alike; `readClasses` gives the sets of a row of classes.
 */
export function foldOrbits(
  runes: readonly number[],
  readClasses: (source: string) => readonly RuneRanges[],
): ReadonlyMap<number, RuneRanges> {
  const orbits = new Map<number, RuneRanges>()
  if (runes.length === 0) return orbits
  const classes = readClasses(`(?i)${runes.map((rune) => `[\\x{${rune.toString(16)}}!]`).join('')}`)
  for (const [index, rune] of runes.entries()) {
    const ranges = classes[index]
    if (ranges === undefined) throw new RangeError(`no forms are known of character ${rune}`)
    orbits.set(rune, withoutGuard(ranges))
  }
  return orbits
}

function withoutGuard(ranges: RuneRanges): RuneRanges {
  const kept: number[] = []
  for (let at = 0; at < ranges.length; at += 2) {
    const [first = 0, last = 0] = ranges.subarray(at, at + 2)
    if (first !== guard || last !== guard) kept.push(first, last)
  }
  return Int32Array.from(kept)
}
