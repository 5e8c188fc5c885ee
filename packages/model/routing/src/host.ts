/** As over HTTP/1.1: without percent-encoding and sub-delimiters, which no two readers treat alike, and no label is empty. */
const plainHost = /^[a-z0-9_~-]+(?:\.[a-z0-9_~-]+)*$/u
const bracketed = /^\[[0-9a-f:.]+\]$/u
const port = /^[0-9]{1,5}$/u
const maxHostLength = 255

/** The host of an authority: lower case, without port and final dot. Undefined: it is no authority (RFC 3986 §3.2). */
export function readHost(authority: string): string | undefined {
  const colon = authority.lastIndexOf(':')
  const hasPort = colon > authority.lastIndexOf(']')
  if (hasPort && !isPort(authority.slice(colon + 1))) return undefined
  const named = (hasPort ? authority.slice(0, colon) : authority).toLowerCase()
  const host = named.endsWith('.') ? named.slice(0, -1) : named
  if (host.length > maxHostLength || !(plainHost.test(host) || bracketed.test(host))) return undefined
  return host
}

function isPort(text: string): boolean {
  return port.test(text) && Number(text) <= 65_535
}
