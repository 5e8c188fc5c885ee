/** Kinds of octets that the grammar of HTTP/1.1 tells apart, as tables of 256: one load answers. */

/** The lower-case form of an octet of a token (RFC 9110 §5.6.2), 0 for every other octet. */
export const tokenLower: Uint8Array = tokens()

/** Octets of a field value: visible, blank, tab, and obs-text (RFC 9110 §5.5). */
export const valueOctets: Uint8Array = range([
  [0x09, 0x09],
  [0x20, 0x7e],
  [0x80, 0xff],
])

/**
 * Octets of a request target: visible ones, without `#`: a fragment is never sent (RFC 9110 §7.1), and who finds one either cuts
 * it off or takes it for a part of the path.
 */
export const targetOctets: Uint8Array = without(range([[0x21, 0x7e]]), '#')

/** Octets of methods. Others are tokens too, but lower case is read in two ways. */
export const methodOctets: Uint8Array = range([
  [0x41, 0x5a],
  [0x2d, 0x2d],
  [0x5f, 0x5f],
  [0x30, 0x39],
])

/** Octets of a host's name (RFC 3986 §3.2.2), without percent-encoding and sub-delimiters, which no two readers treat alike. */
export const hostOctets: Uint8Array = range([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x61, 0x7a],
  [0x2d, 0x2e],
  [0x5f, 0x5f],
  [0x7e, 0x7e],
])

/** What may stand around a field's value (RFC 9110 §5.6.3). */
export const blankOctets: Uint8Array = range([
  [0x09, 0x09],
  [0x20, 0x20],
])

/** The value of a hexadecimal digit, 255 for every other octet. */
export const hexValues: Uint8Array = hexDigits()

export const octet = {
  tab: 0x09,
  lf: 0x0a,
  cr: 0x0d,
  space: 0x20,
  quote: 0x22,
  colon: 0x3a,
  semicolon: 0x3b,
  equals: 0x3d,
  backslash: 0x5c,
} as const

/** The first position whose octet is not in the table, `end` if all are. */
export function skip(bytes: Uint8Array, start: number, end: number, table: Uint8Array): number {
  let at = start
  while (at < end && table[bytes[at] ?? 0] !== 0) at++
  return at
}

/** More letters than any method has. */
export const maxMethodBytes = 32

/** A method as text: of a request that did not come from our own parser. */
export function isMethod(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (methodOctets[text.charCodeAt(i)] !== 1) return false
  return text.length > 0 && text.length <= maxMethodBytes
}

/** A token as text: names that did not come from our own parser. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if ((tokenLower[text.charCodeAt(i)] ?? 0) === 0) return false
  return text.length > 0
}

/** A field value as text, without blanks at its ends. */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (valueOctets[text.charCodeAt(i)] !== 1) return false
  return text.length === 0 || !(isBlank(text.charCodeAt(0)) || isBlank(text.charCodeAt(text.length - 1)))
}

function isBlank(unit: number): boolean {
  return unit === octet.space || unit === octet.tab
}

function tokens(): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
    table[character.charCodeAt(0)] = character.charCodeAt(0)
  for (let upper = 0x41; upper <= 0x5a; upper++) table[upper] = upper + 0x20
  return table
}

function range(pairs: readonly (readonly [first: number, last: number])[]): Uint8Array {
  const table = new Uint8Array(256)
  for (const [first, last] of pairs) table.fill(1, first, last + 1)
  return table
}

function without(table: Uint8Array, character: string): Uint8Array {
  table[character.charCodeAt(0)] = 0
  return table
}

function hexDigits(): Uint8Array {
  const table = new Uint8Array(256).fill(255)
  for (let value = 0; value < 16; value++) {
    const digit = value.toString(16)
    table[digit.charCodeAt(0)] = value
    table[digit.toUpperCase().charCodeAt(0)] = value
  }
  return table
}
