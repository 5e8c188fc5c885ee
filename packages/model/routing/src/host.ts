const plainHost = /^[a-z0-9._~!$&'()*+,;=%-]+$/u
const bracketed = /^\[[0-9a-f:.]+\]$/u
const port = /^[0-9]{0,5}$/u
const maxHostLength = 255

/** The host of an authority: lower case, without port and final dot. Undefined: it is no authority (RFC 3986 §3.2). */
export function readHost(authority: string): string | undefined {
  const colon = authority.lastIndexOf(':')
  const hasPort = colon > authority.lastIndexOf(']')
  if (hasPort && !port.test(authority.slice(colon + 1))) return undefined
  const named = (hasPort ? authority.slice(0, colon) : authority).toLowerCase()
  const host = named.endsWith('.') ? named.slice(0, -1) : named
  if (host.length > maxHostLength || !(plainHost.test(host) || bracketed.test(host))) return undefined
  return host
}
