import type { HeaderList } from './session-types.ts'

/** Answers of the checks below, besides a content length. */
export const malformed = -2
export const lengthUnknown = -1

/** Octets of a lower-case field name (RFC 9113 §8.2.1: a token without upper case). */
const nameOctets = octetSet("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")

/** Fields that speak of one connection and have no place here (RFC 9113 §8.2.2). */
const connectionNames: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** What pseudo-header fields a list held, as bits; each may stand once. */
const pseudo: ReadonlyMap<string, number> = new Map([
  [':method', 0x01],
  [':scheme', 0x02],
  [':authority', 0x04],
  [':path', 0x08],
  [':protocol', 0x10],
  [':status', 0x20],
])
const plainRequest = 0x01 | 0x02 | 0x08
const connectRequest = 0x01 | 0x04
const extendedConnect = 0x01 | 0x02 | 0x04 | 0x08 | 0x10

/**
 * Checks a request (RFC 9113 §8.3.1, §8.5, RFC 8441 §4). Returns its content length, `lengthUnknown`, or `malformed`.
 */
export function checkRequest(headers: HeaderList, allowProtocol: boolean): number {
  const seen = checkFields(headers)
  if (seen < 0) return malformed
  const connect = valueOf(headers, ':method') === 'CONNECT'
  if (connect && (seen === connectRequest || (allowProtocol && seen === extendedConnect)))
    return lengthUnknown
  if (connect || (seen & ~0x04) !== plainRequest || !isPath(headers)) return malformed
  return contentLength(headers)
}

/** Checks a response (RFC 9113 §8.3.2). Returns its content length, `lengthUnknown`, or `malformed`. */
export function checkResponse(headers: HeaderList): number {
  if (checkFields(headers) !== 0x20 || !/^[1-9][0-9][0-9]$/.test(valueOf(headers, ':status')))
    return malformed
  return contentLength(headers)
}

/** Trailers: fields without any pseudo-header field (RFC 9113 §8.1). */
export function areTrailers(headers: HeaderList): boolean {
  return checkFields(headers) === 0
}

/** Whether we may send this list at all: each character an octet, names and values well-formed, pseudo-headers first. */
export function isSendable(headers: HeaderList): boolean {
  return headers.length % 2 === 0 && checkFields(headers) >= 0
}

/** The value of the first field of that name, or ''. */
export function valueOf(headers: HeaderList, name: string): string {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1] ?? ''
  return ''
}

/** An informational response (1xx), which another one follows (RFC 9113 §8.1). */
export function isInformational(headers: HeaderList): boolean {
  return headers[0] === ':status' && headers[1]?.charCodeAt(0) === 0x31
}

/** The pseudo-header fields seen, or `malformed`. */
function checkFields(headers: HeaderList): number {
  let seen = 0
  let regular = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    if (!isValue(value)) return malformed
    if (name.charCodeAt(0) === 0x3a) {
      const bit = pseudo.get(name) ?? 0
      if (bit === 0 || regular || (seen & bit) !== 0) return malformed
      seen |= bit
    } else {
      regular = true
      if (!isName(name) || connectionNames.has(name)) return malformed
      if (name === 'te' && value.toLowerCase() !== 'trailers') return malformed
    }
  }
  return seen
}

function isName(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (nameOctets[name.charCodeAt(i)] !== 1) return false
  return name.length > 0
}

/**
 * No control character but the tab (RFC 9110 §5.5), as what has one is no field value over HTTP/1.1, and some servers end their
 * session for it, with everybody's streams; no blank at the ends (RFC 9113 §8.2.1); nothing beyond an octet: such a character
 * would be cut to its low byte on the wire, and U+010A would become a line feed.
 */
function isValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    if (unit < 0x20 ? unit !== 0x09 : unit === 0x7f || unit > 0xff) return false
  }
  return value.length === 0 || !(isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1)))
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09
}

/** `:path` is absolute, or `*` for OPTIONS (RFC 9113 §8.3.1). */
function isPath(headers: HeaderList): boolean {
  const path = valueOf(headers, ':path')
  return path.charCodeAt(0) === 0x2f || (path === '*' && valueOf(headers, ':method') === 'OPTIONS')
}

/** Every `content-length` has to say the same plain number (RFC 9110 §8.6). */
function contentLength(headers: HeaderList): number {
  let length = lengthUnknown
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'content-length') continue
    const value = headers[i + 1] ?? ''
    if (!/^[0-9]{1,15}$/.test(value)) return malformed
    const bytes = Number(value)
    if (length !== lengthUnknown && length !== bytes) return malformed
    length = bytes
  }
  return length
}

function octetSet(characters: string): Uint8Array {
  const set = new Uint8Array(256)
  for (const character of characters) set[character.charCodeAt(0)] = 1
  return set
}
