/** A request's target as everybody reads it: routes, policies, logs, the backend. */
export interface NormalPath {
  readonly ok: true
  /** Begins with a slash; without the query. */
  readonly path: string
  /** As it was sent, without its question mark; empty where there is none. */
  readonly query: string
  /** What goes to the backend: the path, and the query behind its question mark if there was one. */
  readonly target: string
}

/** What two readers may read differently is refused with 400. The reason is for people. */
export interface RefusedPath {
  readonly ok: false
  readonly reason: string
}

/** How a character of the path is dealt with. */
const kind = { plain: 0, slash: 1, percent: 2, encode: 3, question: 4, refused: 5 } as const

const unreserved = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~'
/** What a path may hold as it is (RFC 3986 §3.3, pchar). */
const plain = `${unreserved}!$&'()*+,;=:@`
/** No URI may hold these, but clients send them: encoded, so that there is one spelling. */
const sentUnencoded = '"<>[]^`{|}'

const kinds: Uint8Array = Uint8Array.from({ length: 128 }, (_, unit) => {
  const character = String.fromCharCode(unit)
  if (plain.includes(character)) return kind.plain
  if (sentUnencoded.includes(character)) return kind.encode
  if (character === '/') return kind.slash
  if (character === '%') return kind.percent
  return character === '?' ? kind.question : kind.refused
})

const hexadecimal = '0123456789ABCDEF'
const slash = 0x2f
const dot = 0x2e
const hash = 0x23
const backslash = 0x5c
const space = 0x20
const del = 0x7f

/**
 * The one reading of a request's path, in origin form (`/a/b?q`): dot segments resolved, unreserved characters decoded,
 * other escapes in capitals, slashes merged. Refused is whatever some server reads otherwise than another: an encoded
 * slash, a backslash, NUL and control bytes, plain or encoded, overlong UTF-8, a broken escape, a fragment, `..;`.
 * Normalising twice changes nothing more. A path that is normal already is returned as it is.
 * @see https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2
 */
export function normalisePath(target: string): NormalPath | RefusedPath {
  if (target.charCodeAt(0) !== slash) return refused('it does not begin with a slash')
  const end = endOfNormal(target)
  if (end === target.length) return { ok: true, path: target, query: '', target }
  const isNormal = target[end] === '?'
  const question = isNormal ? end : target.indexOf('?', end)
  const query = question === -1 ? '' : target.slice(question + 1)
  const queryFault = faultOfQuery(query)
  if (queryFault !== undefined) return refused(queryFault)
  const raw = question === -1 ? target : target.slice(0, question)
  if (isNormal) return { ok: true, path: raw, query, target }
  const rewriter = new PathRewriter(raw)
  const path = rewriter.rewrite()
  if (path === undefined) return refused(rewriter.fault)
  return { ok: true, path, query, target: question === -1 ? path : `${path}?${query}` }
}

function refused(reason: string): RefusedPath {
  return { ok: false, reason }
}

/** How far a path is normal beyond doubt: to its end, to the question mark, or to what needs a closer look. */
function endOfNormal(target: string): number {
  for (let at = 0; at < target.length; at++) {
    const unit = target.charCodeAt(at)
    const found = kinds[unit] ?? kind.refused
    if (found === kind.plain) continue
    if (found !== kind.slash) return at
    const next = target.charCodeAt(at + 1)
    if (next === slash || next === dot) return at
  }
  return target.length
}

function faultOfQuery(query: string): string | undefined {
  for (let at = 0; at < query.length; at++) {
    const unit = query.charCodeAt(at)
    if (unit <= space || unit === del) return 'a control byte or a space in the query'
    if (unit > del) return 'a character beyond ASCII in the query that is not encoded'
    if (unit === hash) return 'a fragment'
  }
  return undefined
}

/** Segment by segment: what a segment is shows only after its escapes are resolved. */
class PathRewriter {
  fault: string = ''
  readonly #raw: string
  readonly #segments: string[] = []
  #segment: string = ''

  constructor(raw: string) {
    this.#raw = raw
  }

  /** Undefined where it is refused: then `fault` says why. */
  rewrite(): string | undefined {
    let at = 1
    while (at < this.#raw.length) {
      const used = this.#take(at)
      if (used === 0) return undefined
      at += used
    }
    const last = this.#segment
    const isDirectory = last === '' || last === '.' || last === '..'
    if (!this.#endSegment()) return undefined
    return `/${this.#segments.join('/')}${isDirectory && this.#segments.length > 0 ? '/' : ''}`
  }

  /** How many characters were dealt with; 0 where one is refused. */
  #take(at: number): number {
    const unit = this.#raw.charCodeAt(at)
    switch (kinds[unit] ?? kind.refused) {
      case kind.plain:
        return this.#takePlain(at)
      case kind.slash:
        return this.#endSegment() ? 1 : 0
      case kind.percent:
        return this.#takeEscape(at)
      case kind.encode:
        return this.#append(escapeOf(unit), 1)
      default:
        return this.#refuse(faultOf(unit))
    }
  }

  #takePlain(at: number): number {
    let end = at + 1
    while (kinds[this.#raw.charCodeAt(end)] === kind.plain) end++
    return this.#append(this.#raw.slice(at, end), end - at)
  }

  #takeEscape(at: number): number {
    const byte = byteAt(this.#raw, at)
    if (byte === -1) return this.#refuse('a percent sign without two hexadecimal digits')
    if (byte === slash) return this.#refuse('an encoded slash')
    if (byte < space || byte === del || byte === backslash) return this.#refuse(`an encoded ${nameOf(byte)}`)
    if (isOverlong(byte, byteAt(this.#raw, at + 3))) return this.#refuse('overlong UTF-8')
    const character = String.fromCharCode(byte)
    return this.#append(unreserved.includes(character) ? character : escapeOf(byte), 3)
  }

  #append(text: string, used: number): number {
    this.#segment += text
    return used
  }

  #refuse(fault: string): 0 {
    this.fault = fault
    return 0
  }

  #endSegment(): boolean {
    const segment = this.#segment
    this.#segment = ''
    if (segment === '..') this.#segments.pop()
    else if (isDotWithParameter(segment)) {
      this.fault = 'a dot segment with a parameter'
      return false
    } else if (segment !== '' && segment !== '.') this.#segments.push(segment)
    return true
  }
}

/** Servers that cut parameters off segments resolve what is left: `/public/..;/admin` is `/admin` to them. */
function isDotWithParameter(segment: string): boolean {
  return segment.startsWith('.') && /^\.{1,2}(?:;|%3B)/u.test(segment)
}

/** The byte of `%41` at a position; -1 where there is none. */
function byteAt(text: string, at: number): number {
  if (text[at] !== '%') return -1
  const high = digitAt(text, at + 1)
  const low = digitAt(text, at + 2)
  return high === -1 || low === -1 ? -1 : high * 16 + low
}

function digitAt(text: string, at: number): number {
  return at < text.length ? hexadecimal.indexOf(text.charAt(at).toUpperCase()) : -1
}

/** By first byte, from which second byte on a sequence of this length is needed. Lenient decoders read five and six bytes too. */
const shortestSequences: ReadonlyMap<number, number> = new Map([
  [0xe0, 0xa0],
  [0xf0, 0x90],
  [0xf8, 0x88],
  [0xfc, 0x84],
])

/** The first two bytes of a sequence that stands for a character which has a shorter one: `%C0%AF` for a slash (RFC 3629 §3). */
function isOverlong(first: number, second: number): boolean {
  if (second < 0x80 || second > 0xbf) return false
  if (first === 0xc0 || first === 0xc1) return true
  const leastSecond = shortestSequences.get(first)
  return leastSecond !== undefined && second < leastSecond
}

function escapeOf(byte: number): string {
  return `%${hexadecimal.charAt(byte >> 4)}${hexadecimal.charAt(byte & 15)}`
}

function faultOf(unit: number): string {
  if (unit === hash) return 'a fragment'
  if (unit >= 128) return 'a character beyond ASCII that is not encoded'
  return unit === space ? 'a space' : `a ${nameOf(unit)}`
}

function nameOf(byte: number): string {
  if (byte === backslash) return 'backslash'
  return byte === 0 ? 'NUL' : 'control byte'
}
