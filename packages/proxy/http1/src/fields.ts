import type { HeaderList } from '@tulle/http2'

import { isFieldValue, isToken, tokenLower } from './octets.ts'
import type { Output } from './output.ts'
import type { TakenNames } from './taken-names.ts'

/** Answers of `contentLength`, besides a length. */
export const noLength = -1
export const badLength = -2

/** Numbers that each field of a parsed head takes in its spans: where name, value and line lie in the text. */
export const spanNumbers = 4

/** How a request's head began, as it came in origin form over HTTP/1.1: what is still said is sent in the same words. */
export interface RequestOpening {
  /** Where its first line begins in the text. */
  readonly start: number
  readonly method: string
  readonly path: string
  readonly authority: string
  /** Where the spans of Host begin. Its line reads `Host: authority`, without further blanks. */
  readonly hostSpan: number
}

/**
 * Fields that speak of one connection (RFC 9110 §7.6.1, RFC 9113 §8.2.2) or that a codec writes by itself. They are never sent from here, so that
 * nothing that a filter adds changes how a message is framed.
 */
export const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

const notInTrailers: readonly string[] = [
  'authorization',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'set-cookie',
  'trailer',
]

/**
 * Header or trailer fields in order. From HTTP/1 they are views of one kept text: strings are made only of what is asked for, and
 * what nobody changes is forwarded in runs of whole lines. From HTTP/2 they are the list as decoded. Names that are
 * passed in are in lower case; names that come out are too.
 */
export class Fields {
  readonly #text: string
  /** Start of name, end of name, start of value, end of value; a removed one has 0 as the end of its name. */
  readonly #spans: number[]
  readonly #endOfLines: number
  readonly #opening: RequestOpening | undefined
  #added: string[] | HeaderList
  #isShared: boolean

  private constructor({ text, spans, endOfLines, opening }: ParsedHead, added: HeaderList) {
    this.#text = text
    this.#spans = spans
    this.#endOfLines = endOfLines
    this.#opening = opening
    this.#added = added
    this.#isShared = true
  }

  /** Of a list of names and values in turn, from an index on: behind pseudo-header fields. The list is copied when changed. */
  static of(list: HeaderList, from: number = 0): Fields {
    return new Fields(nothingParsed, from === 0 ? list : list.slice(from))
  }

  /** Of a head that the parser checked. Takes the spans over. */
  static parsed(head: ParsedHead): Fields {
    return new Fields(head, noList)
  }

  /** How many fields there are. */
  get size(): number {
    const spans = this.#spans
    let size = this.#added.length / 2
    for (let i = 1; i < spans.length; i += spanNumbers) if (spans[i] !== 0) size++
    return size
  }

  /** Characters of all names and values. */
  get bytes(): number {
    let bytes = 0
    this.forEach((name, value) => {
      bytes += name.length + value.length
    })
    return bytes
  }

  /** The value; several are joined as RFC 9110 §5.3 has it, those of Cookie as RFC 9113 §8.2.3 has it. */
  get(name: string): string | undefined {
    const at = this.#find(name, 0)
    if (this.#added.length === 0) {
      if (at < 0) return undefined
      if (this.#find(name, at + spanNumbers) < 0) return this.#valueAt(at)
    }
    const values = this.values(name)
    return values.length < 2 ? values[0] : values.join(name === 'cookie' ? '; ' : ', ')
  }

  /** Each value, in order. */
  values(name: string): readonly string[] {
    const values: string[] = []
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + spanNumbers))
      values.push(this.#valueAt(at))
    const added = this.#added
    for (let i = 0; i < added.length; i += 2) if (added[i] === name) values.push(added[i + 1] ?? '')
    return values
  }

  has(name: string): boolean {
    return this.#find(name, 0) >= 0 || this.#findAdded(name) >= 0
  }

  /** Puts one field in the place of all of that name, at the end. */
  set(name: string, value: string): void {
    this.remove(name)
    this.append(name, value)
  }

  append(name: string, value: string): void {
    this.#own().push(name, value)
  }

  remove(name: string): void {
    const spans = this.#spans
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + spanNumbers)) spans[at + 1] = 0
    if (this.#findAdded(name) < 0) return
    const kept: string[] = []
    const added = this.#added
    for (let i = 0; i < added.length; i += 2) {
      if (added[i] !== name) kept.push(added[i] ?? '', added[i + 1] ?? '')
    }
    this.#added = kept
    this.#isShared = false
  }

  removeAll(names: TakenNames): void {
    const spans = this.#spans
    for (let at = 0; at < spans.length; at += spanNumbers) {
      const end = spans[at + 1] ?? 0
      if (end !== 0 && names.covers(this.#text, spans[at] ?? 0, end)) spans[at + 1] = 0
    }
    const added = this.#added
    for (let i = added.length - 2; i >= 0; i -= 2) {
      const name = added[i] ?? ''
      if (names.covers(name, 0, name.length)) this.#own().splice(i, 2)
    }
  }

  forEach(visit: (name: string, value: string) => void): void {
    const spans = this.#spans
    for (let at = 0; at < spans.length; at += spanNumbers) {
      const end = spans[at + 1] ?? 0
      if (end !== 0) visit(this.#text.slice(spans[at], end).toLowerCase(), this.#valueAt(at))
    }
    const added = this.#added
    for (let i = 0; i < added.length; i += 2) visit(added[i] ?? '', added[i + 1] ?? '')
  }

  /** Names and values in turn. */
  list(): HeaderList {
    if (this.#spans.length === 0) return this.#added
    const list: string[] = []
    this.forEach((name, value) => list.push(name, value))
    return list
  }

  /** Fields of their own that start out equal: for a mirrored or repeated request. */
  copy(): Fields {
    this.#isShared = true
    const head = {
      text: this.#text,
      spans: this.#spans.slice(),
      endOfLines: this.#endOfLines,
      opening: this.#opening,
    }
    return new Fields(head, this.#added)
  }

  /** What Content-Length says, `noLength` without one, `badLength` if it is no plain number or says two things (RFC 9110 §8.6). */
  contentLength(): number {
    const at = this.#find('content-length', 0)
    if (at >= 0 && this.#added.length === 0 && this.#find('content-length', at + spanNumbers) < 0)
      return parseLength(this.#text, this.#spans[at + 2], this.#spans[at + 3])
    const values = this.values('content-length')
    const first = values[0]
    if (first === undefined) return noLength
    for (const value of values) if (value !== first) return badLength
    return parseLength(first)
  }

  /** Whether the request's first line and Host can be sent as they came. */
  opensWith(method: string, path: string, authority: string): boolean {
    const opening = this.#opening
    if (opening === undefined) return false
    return opening.path === path && opening.authority === authority && opening.method === method
  }

  /** Whether the line in front of an answer's fields is this one, so that it can be sent as it came. */
  beginsWith(statusLine: string): boolean {
    const firstLineEnd = this.#spans.length === 0 ? this.#endOfLines : this.#spans[0]
    return firstLineEnd === statusLine.length && this.#text.startsWith(statusLine)
  }

  /**
   * Writes the lines that came and that nobody took away, as they came; `withOpening`: what is in front of them as well, and a
   * request's Host in its place.
   */
  writeKept(output: Output, withOpening: boolean): void {
    const opening = withOpening ? this.#opening : undefined
    const runs = this.#runs(withOpening ? (opening?.start ?? 0) : -1, opening?.hostSpan ?? -1)
    if (runs.length > 0) output.runs(this.#text, runs)
  }

  /** Where lines are kept, `host` among them: starts and ends in turn. The first run begins at `from`, or at a line if that is below 0. */
  #runs(from: number, host: number): readonly number[] {
    const spans = this.#spans
    const runs: number[] = []
    let start = from
    for (let at = 0; at < spans.length; at += spanNumbers) {
      if (spans[at + 1] !== 0 || at === host) {
        if (start < 0) start = spans[at] ?? 0
      } else if (start >= 0) {
        runs.push(start, spans[at] ?? 0)
        start = -1
      }
    }
    if (start >= 0) runs.push(start, this.#endOfLines)
    return runs
  }

  /**
   * The lines behind those: of what was added. Without what codecs write by themselves. Undefined if one may not be sent: it came
   * from HTTP/2, or a filter made it.
   */
  addedLines(): string | undefined {
    return this.#added.length === 0 ? '' : this.#addedLines()
  }

  /** Drops what has no place in trailers: fields that frame, route or guard a message (RFC 9110 §6.5.1). */
  keepTrailers(): void {
    for (const name of notInTrailers) if (this.has(name)) this.remove(name)
  }

  #addedLines(): string | undefined {
    const added = this.#added
    let lines = ''
    let hasLength = this.#find('content-length', 0) >= 0
    let hasCookie = false
    for (let i = 0; i < added.length; i += 2) {
      const name = added[i] ?? ''
      let value = added[i + 1] ?? ''
      if (!isToken(name) || !isFieldValue(value)) return undefined
      if (connectionFields.has(name)) continue
      if (name === 'content-length') {
        if (hasLength) continue
        hasLength = true
      }
      if (name === 'cookie') {
        // HTTP/2 may split it, HTTP/1.1 must not (RFC 9113 §8.2.3).
        if (hasCookie) continue
        hasCookie = true
        value = this.#addedCookies()
      }
      lines += `${name}: ${value}\r\n`
    }
    return lines
  }

  #addedCookies(): string {
    const cookies: string[] = []
    const added = this.#added
    for (let i = 0; i < added.length; i += 2) if (added[i] === 'cookie') cookies.push(added[i + 1] ?? '')
    return cookies.join('; ')
  }

  #own(): string[] {
    if (this.#isShared) {
      this.#added = this.#added.slice()
      this.#isShared = false
    }
    // Not shared: `slice` above or `remove` made it.
    return this.#added as string[]
  }

  #valueAt(at: number): string {
    return this.#text.slice(this.#spans[at + 2], this.#spans[at + 3])
  }

  /** The span of the next field of that name, or -1. */
  #find(name: string, from: number): number {
    const spans = this.#spans
    const text = this.#text
    const length = name.length
    for (let at = from; at < spans.length; at += spanNumbers) {
      const start = spans[at] ?? 0
      if (spans[at + 1] === start + length && hasNameAt(text, start, name)) return at
    }
    return -1
  }

  #findAdded(name: string): number {
    const added = this.#added
    for (let i = 0; i < added.length; i += 2) if (added[i] === name) return i
    return -1
  }
}

const noList: HeaderList = []

/** What a parser found of a head. */
export interface ParsedHead {
  /** All of it, a character for each octet. */
  readonly text: string
  /** `spanNumbers` for each field. */
  readonly spans: number[]
  /** Where the empty line begins. */
  readonly endOfLines: number
  readonly opening: RequestOpening | undefined
}

const nothingParsed: ParsedHead = { text: '', spans: [], endOfLines: 0, opening: undefined }

/** More than any number of bytes that is ever sent, and exact as a number. */
const maxLengthDigits = 15

/** A plain decimal number without leading zeros: `+5`, `5,5`, `0x5` and `05` are read in more than one way. */
export function parseLength(text: string, start: number = 0, end: number = text.length): number {
  const digits = end - start
  if (digits === 0 || digits > maxLengthDigits || (digits > 1 && text.charCodeAt(start) === 0x30))
    return badLength
  let length = 0
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return badLength
    length = 10 * length + digit
  }
  return length
}

/** Whether a token stands there, in upper or lower case. */
export function hasNameAt(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if (tokenLower[text.charCodeAt(start + i)] !== name.charCodeAt(i)) return false
  }
  return true
}
