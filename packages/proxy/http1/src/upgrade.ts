import { isToken } from './octets.ts'

/** A protocol as Upgrade and `:protocol` name it: a token, or two with a slash between them (RFC 9110 §7.8). */
export function isProtocolName(text: string): boolean {
  const slash = text.indexOf('/')
  return slash < 0 ? isToken(text) : isToken(text.slice(0, slash)) && isToken(text.slice(slash + 1))
}

/**
 * Whether a client may be led out of HTTP/1.1 or HTTP/2 into it (lower case). Never into another version of HTTP or into TLS: whoever
 * speaks that to a backend through a tunnel sends requests that nobody here reads.
 */
export function mayUpgradeTo(protocol: string): boolean {
  return !/^(?:h[23]c?|https?|tls)(?:[/-]|$)/.test(protocol)
}
