/** Characters (UTF-16 units) of one pattern. */
export const maxPatternLength = 1024
/** Instructions of one compiled pattern: the memory and the time of a match grow with them. */
export const maxPatternProgram = 4096

/** What a compiled pattern may cost while it runs. */
export interface MatchLimits {
  /** Of one text: a character takes one step where its transition is known, and one a live instruction where it is not. */
  readonly maxSteps: number
  /** Of the transitions that are remembered between texts. */
  readonly maxCacheBytes: number
}

export const matchLimits: MatchLimits = { maxSteps: 1_500_000, maxCacheBytes: 256 * 1024 }
