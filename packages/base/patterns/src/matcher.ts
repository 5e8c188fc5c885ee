/** A regular expression in RE2 syntax. `full`: the whole text has to match; `start`: some beginning of it has to. */
export interface PatternSpec {
  readonly source: string
  readonly anchor: 'full' | 'start'
}

/** A compiled pattern. It answers in time linear in the text, whatever the pattern, and keeps a bounded amount of memory. */
export interface Matcher {
  /** Whether the text matches; false too where the answer would take more steps than a text may cost. */
  test(text: string): boolean
  /** As `test`, but undefined where the answer would take more steps than a text may cost: for whoever acts on "no". */
  decide(text: string): boolean | undefined
}
