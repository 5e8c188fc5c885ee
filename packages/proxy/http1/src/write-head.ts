import type { Fields } from './fields.ts'
import type { Output } from './output.ts'

/** What of a planned head stands around the lines that were kept. */
interface PlannedHead {
  /** Undefined: what came in front of them. */
  readonly begin: string | undefined
  readonly end: string
}

export function writeHead(output: Output, { begin, end }: PlannedHead, fields: Fields): void {
  if (begin !== undefined) output.text(begin)
  fields.writeKept(output, begin === undefined)
  output.text(end)
}
