/** How requests of a rule fare when nothing is the matter with them; what is logged of the last one is good for most of the next. */
export interface PlainFate {
  readonly version: string
  readonly status: number
  readonly policy: string | undefined
  /** Of the policy's rule. */
  readonly place: number | undefined
  /** Members of a line, from the end of the path to the number of received bytes. */
  readonly text: string
}
