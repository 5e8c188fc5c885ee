/** How far a count may lie from its mean: one false alarm in a million draws. */
const standardDeviations = 4.9

export interface Band {
  readonly least: number
  readonly most: number
}

/** What a count of `count` independent draws with this chance lies in; none and all are exact. */
export function binomialBand(count: number, chance: number): Band {
  const mean = count * chance
  const reach = standardDeviations * Math.sqrt(mean * (1 - chance))
  return { least: Math.max(0, Math.ceil(mean - reach)), most: Math.min(count, Math.floor(mean + reach)) }
}
