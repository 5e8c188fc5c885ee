import { spanNumbers } from './fields.ts'
import type { Http1Limits } from './limits.ts'
import { blankOctets, octet, skip, tokenLower, valueOctets } from './octets.ts'
import { refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'

/** Answers of `read`, besides a position. */
export const needsMore = -1
export const refused = -2

/** Room for the beginning of a head that did not come in one piece. */
const firstKeptBytes = 1024

/** What is special about a field, by its name. */
export const special = {
  none: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  upgrade: 5,
  expect: 6,
  /** Concerns one connection only, and nothing is read in it (RFC 9110 §7.6.1). */
  hopByHop: 7,
} as const

const specialNames: ReadonlyMap<string, number> = new Map([
  ['host', special.host],
  ['content-length', special.contentLength],
  ['transfer-encoding', special.transferEncoding],
  ['connection', special.connection],
  ['upgrade', special.upgrade],
  ['expect', special.expect],
  ['keep-alive', special.hopByHop],
  ['proxy-connection', special.hopByHop],
  ['te', special.hopByHop],
  ['http2-settings', special.hopByHop],
])

interface SpecialName {
  readonly name: string
  readonly kind: number
}

/** The names above by their length: most names have no candidate, the others one or two. */
const namesByLength: readonly (readonly SpecialName[])[] = Array.from({ length: 18 }, (_, length) =>
  [...specialNames].flatMap(([name, kind]) => (name.length === length ? [{ name, kind }] : [])),
)

/** First octets of special names. */
const firstOctets: Uint8Array = new Uint8Array(256)
for (const name of specialNames.keys()) firstOctets[name.charCodeAt(0)] = 1

/**
 * Reads a start line and field lines (RFC 9112 §2 to §5) in one pass over the bytes. Only what all recipients read alike passes:
 * lines end in CRLF, nothing is folded, names are tokens directly before the colon, values have no control characters.
 * A head that comes in one piece is not copied; of others the beginning is kept, and each line is read once, when its end is there.
 */
export abstract class HeadReader {
  readonly limits: Http1Limits
  /** After `refused`. */
  refusal: Refusal = refusals.requestLine
  /** The whole head, a character for each octet. */
  text = ''
  /** As `Fields` has them. Hidden fields are there without the end of their name. */
  spans: number[] = []
  /** Where the empty line begins in `text`. */
  endOfLines = 0
  #hasStartLine = false
  #fieldsFrom = 0
  /** Read up to here, from the beginning of the head. */
  #at = 0
  #kept: Buffer | undefined
  #keptBytes = 0

  constructor(limits: Http1Limits) {
    this.limits = limits
  }

  /** Tells whether a head has begun and is not complete. */
  get isPartial(): boolean {
    return this.#keptBytes > 0
  }

  /** Position behind the head in `bytes`, `needsMore`, or `refused`. What is read can be asked for until the next call. */
  read(bytes: Buffer, start: number, end: number): number {
    if (this.#keptBytes > 0) return this.#readMore(bytes, start, end)
    this.#begin()
    const length = this.#parse(bytes, start, end)
    if (length === refused) return refused
    if (length === needsMore) {
      this.#keep(bytes, start, end)
      return this.#isTooLong(this.#keptBytes) ? refused : needsMore
    }
    return this.#finish(bytes, start, length) ? start + length : refused
  }

  /** The value of the field whose spans begin there. */
  valueAt(span: number): string {
    return this.text.slice(this.spans[span + 2], this.spans[span + 3])
  }

  /** Forgets what the last head had; called before each. */
  protected abstract reset(): void
  /** Reads the start line from `at`; the position behind it, `needsMore` or `refused`. `base` is where the head begins. */
  protected abstract startLine(bytes: Buffer, base: number, at: number, end: number): number
  /** A field with a special name; its spans are the last. Returns whether it is hidden. */
  protected abstract onSpecial(kind: number, span: number): boolean
  /** `text` and `spans` are there: false if the head as a whole is refused. */
  protected abstract complete(): boolean

  protected refuse(refusal: Refusal): typeof refused {
    this.refusal = refusal
    return refused
  }

  #begin(): void {
    this.text = ''
    this.spans = []
    this.#at = 0
    this.#hasStartLine = false
    this.#fieldsFrom = 0
    this.reset()
  }

  #readMore(bytes: Buffer, start: number, end: number): number {
    const before = this.#keptBytes
    this.#keep(bytes, start, end)
    const kept = this.#kept
    if (kept === undefined) return needsMore
    // No line ends here: reading the last one again would find nothing new.
    if (kept.subarray(before, this.#keptBytes).indexOf(octet.lf) < 0)
      return this.#isTooLong(this.#keptBytes) ? this.#dropKept(refused) : needsMore
    const length = this.#parse(kept, 0, this.#keptBytes)
    if (length === needsMore) return this.#isTooLong(this.#keptBytes) ? this.#dropKept(refused) : needsMore
    if (length === refused || !this.#finish(kept, 0, length)) return this.#dropKept(refused)
    return this.#dropKept(start + length - before)
  }

  #dropKept(answer: number): number {
    this.#kept = undefined
    this.#keptBytes = 0
    return answer
  }

  /** Length of the head. Goes on at the first line that has not been read. */
  #parse(bytes: Buffer, base: number, end: number): number {
    if (!this.#hasStartLine) {
      const at = this.startLine(bytes, base, base, end)
      if (at < 0) return at
      if (at - base > this.limits.maxStartLineBytes) return this.refuse(refusals.startLineTooLong)
      this.#hasStartLine = true
      this.#at = at - base
      this.#fieldsFrom = this.#at
    }
    return this.#fieldLines(bytes, base, end)
  }

  #fieldLines(bytes: Buffer, base: number, end: number): number {
    let at = base + this.#at
    for (;;) {
      this.#at = at - base
      const nameEnd = skip(bytes, at, end, tokenLower)
      if (nameEnd >= end) return needsMore
      if (nameEnd === at) return this.#emptyLine(bytes, base, at, end)
      if (bytes[nameEnd] !== octet.colon) return this.refuse(refusals.fieldName)
      const next = this.#value(bytes, base, nameEnd, end)
      if (next < 0) return next
      const kind = specialOf(bytes, at, nameEnd)
      at = next
      if (at - base - this.#fieldsFrom > this.limits.maxHeaderBytes)
        return this.refuse(refusals.headerTooLarge)
      const span = this.spans.length - spanNumbers
      if (kind !== special.none && this.onSpecial(kind, span)) this.spans[span + 1] = 0
    }
  }

  /** Behind a name; the position of the next line. */
  #value(bytes: Buffer, base: number, nameEnd: number, end: number): number {
    const valueStart = skip(bytes, nameEnd + 1, end, blankOctets)
    const lineEnd = skip(bytes, valueStart, end, valueOctets)
    if (lineEnd < end && bytes[lineEnd] !== octet.cr) return this.refuse(refusals.fieldValue)
    if (lineEnd + 1 >= end) return needsMore
    if (bytes[lineEnd + 1] !== octet.lf) return this.refuse(refusals.fieldValue)
    let valueEnd = lineEnd
    while (valueEnd > valueStart && blankOctets[bytes[valueEnd - 1] ?? 0] === 1) valueEnd--
    const { spans } = this
    spans.push(this.#at, nameEnd - base, valueStart - base, valueEnd - base)
    return spans.length > this.limits.maxFields * spanNumbers
      ? this.refuse(refusals.tooManyFields)
      : lineEnd + 2
  }

  /** Nothing that could be a name: the end of the head, or a folded line, a bare line end, a control character. */
  #emptyLine(bytes: Buffer, base: number, at: number, end: number): number {
    if (bytes[at] !== octet.cr) return this.refuse(refusals.fieldName)
    if (at + 1 >= end) return needsMore
    if (bytes[at + 1] !== octet.lf) return this.refuse(refusals.fieldName)
    this.endOfLines = at - base
    return at + 2 - base
  }

  #finish(bytes: Buffer, base: number, length: number): boolean {
    this.text = bytes.toString('latin1', base, base + length)
    return this.complete()
  }

  #isTooLong(bytes: number): boolean {
    const { maxStartLineBytes, maxHeaderBytes } = this.limits
    const isTooLong = this.#hasStartLine
      ? bytes - this.#fieldsFrom > maxHeaderBytes + 2
      : bytes > maxStartLineBytes
    if (isTooLong) this.refusal = this.#hasStartLine ? refusals.headerTooLarge : refusals.startLineTooLong
    return isTooLong
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const { maxStartLineBytes, maxHeaderBytes } = this.limits
    // What follows the head comes along here, but is read where it came from: enough is kept to find a head too long.
    const length = Math.min(end - start, maxStartLineBytes + maxHeaderBytes + 4 - this.#keptBytes)
    const needed = this.#keptBytes + length
    let kept = this.#kept
    if (kept === undefined || kept.length < needed) {
      const larger = Buffer.allocUnsafeSlow(Math.max(firstKeptBytes, needed, 2 * (kept?.length ?? 0)))
      kept?.copy(larger, 0, 0, this.#keptBytes)
      kept = larger
      this.#kept = larger
    }
    bytes.copy(kept, this.#keptBytes, start, start + length)
    this.#keptBytes = needed
  }
}

function specialOf(bytes: Buffer, start: number, end: number): number {
  if (firstOctets[tokenLower[bytes[start] ?? 0] ?? 0] === 0) return special.none
  const candidates = namesByLength[end - start]
  if (candidates === undefined) return special.none
  for (const { name, kind } of candidates) {
    let i = 0
    while (i < name.length && tokenLower[bytes[start + i] ?? 0] === name.charCodeAt(i)) i++
    if (i === name.length) return kind
  }
  return special.none
}
