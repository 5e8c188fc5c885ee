import { hostOctets } from './octets.ts'

/** `host`, `host:port`, `[v6]`, `[v6]:port`: nothing else, no user information, no empty port (RFC 9110 §7.2, RFC 3986 §3.2). */
export function isAuthority(text: string): boolean {
  const end = hostEnd(text)
  return end > 0 && (end === text.length || isPort(text, end))
}

/** The target of a CONNECT: the port has to be there (RFC 9112 §3.2.3). */
export function authorityForm(text: string): boolean {
  const end = hostEnd(text)
  return end > 0 && end < text.length && isPort(text, end)
}

/** Hosts are the same in upper and lower case (RFC 3986 §3.2.2). */
export function sameAuthority(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase()
}

/** The parts of a target in absolute form (RFC 9112 §3.2.2) with the connection's own scheme; undefined if it is none. */
export function splitAbsolute(
  target: string,
  scheme: 'http' | 'https',
): { readonly authority: string; readonly path: string } | undefined {
  const from = scheme.length + 3
  if (target.slice(0, from).toLowerCase() !== `${scheme}://`) return undefined
  let end = from
  while (end < target.length && target.charCodeAt(end) !== 0x2f && target.charCodeAt(end) !== 0x3f) end++
  const authority = target.slice(from, end)
  if (!isAuthority(authority)) return undefined
  const rest = target.slice(end)
  return { authority, path: rest.charCodeAt(0) === 0x3f ? `/${rest}` : rest }
}

/** Where the host ends, 0 if there is none. */
function hostEnd(text: string): number {
  if (text.charCodeAt(0) === 0x5b) return literalEnd(text)
  let at = 0
  while (at < text.length && hostOctets[text.charCodeAt(at)] === 1) at++
  return at
}

/** An IPv6 address in brackets, without a zone. */
function literalEnd(text: string): number {
  const close = text.indexOf(']')
  return close > 2 && /^[0-9A-Fa-f:.]+$/.test(text.slice(1, close)) ? close + 1 : 0
}

/** A colon and up to five digits: a loop costs a tenth of what an expression and a number made of text do. */
function isPort(text: string, colon: number): boolean {
  const digits = text.length - colon - 1
  if (text.charCodeAt(colon) !== 0x3a || digits < 1 || digits > 5) return false
  let port = 0
  for (let at = colon + 1; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return false
    port = 10 * port + digit
  }
  return port <= 65_535
}
