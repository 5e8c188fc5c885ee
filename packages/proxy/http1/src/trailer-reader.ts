import { Fields } from './fields.ts'
import { HeadReader, special } from './head-reader.ts'
import { refusals } from './refusal.ts'

/** Reads the field lines behind the last chunk (RFC 9112 §7.1.2). */
export class TrailerReader extends HeadReader {
  #isForbidden = false

  /** Undefined: there were none. Once for each section. */
  takeFields(): Fields | undefined {
    const { text, spans, endOfLines } = this
    return spans.length === 0 ? undefined : Fields.parsed({ text, spans, endOfLines, opening: undefined })
  }

  protected override reset(): void {
    this.#isForbidden = false
  }

  protected override startLine(_bytes: Buffer, _base: number, at: number): number {
    return at
  }

  /** What frames or routes a message has no place here (RFC 9110 §6.5.1): who merges trailers into the head would obey it. */
  protected override onSpecial(kind: number): boolean {
    if (kind !== special.hopByHop) this.#isForbidden = true
    return true
  }

  protected override complete(): boolean {
    if (this.#isForbidden) this.refusal = refusals.trailer
    return !this.#isForbidden
  }
}
