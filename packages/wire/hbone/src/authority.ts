import { err, KnownTexts, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { isIpv6, parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'

/** Where a tunnel leads: an address as the client used it, or the name of a service. */
export type Authority =
  | { readonly kind: 'address'; readonly address: IpAddress; readonly port: number }
  | { readonly kind: 'hostname'; readonly hostname: string; readonly port: number }

const maxLength = 260
const portPattern = /^[1-9]\d{0,4}$/u
const hostnamePattern = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/u

const knownAuthorities = new KnownTexts<Result<Authority>>({ maxEntries: 1024, maxLength })

/** As `parseAuthority`, which it asks once for each text: for what comes with every connection. */
export function knownAuthority(text: string): Result<Authority> {
  return knownAuthorities.get(text, parseAuthority)
}

/** `10.0.0.1:80`, `[fd00::1]:80` or `books.bookstore.svc.cluster.local:80`; the port is required. */
export function parseAuthority(text: string): Result<Authority> {
  if (text.length > maxLength) return err(`expected an authority of at most ${maxLength} characters`)
  const colon = text.lastIndexOf(':')
  const port = readPort(text.slice(colon + 1))
  if (colon < 0 || port === undefined) return refuse(text)
  const host = text.slice(0, colon)
  if (host.startsWith('[')) return parseBracketed(host, port) ?? refuse(text)
  const address = parseIpAddress(host)
  if (address.ok) {
    // IPv6 without brackets: where it ends and the port begins is anybody's guess.
    return host.includes(':') ? refuse(text) : ok({ kind: 'address', address: address.value, port })
  }
  const hostname = host.toLowerCase()
  return isHostname(hostname) ? ok({ kind: 'hostname', hostname, port }) : refuse(text)
}

export function formatAuthority(authority: Authority): string {
  if (authority.kind === 'hostname') return `${authority.hostname}:${authority.port}`
  return formatSocketAddress(authority.address, authority.port)
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export function formatSocketAddress(address: IpAddress, port: number): string {
  return isIpv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}

/** A name whose last label is a number could be meant as an address in some other notation, such as `127.1`. */
function isHostname(text: string): boolean {
  return text.length <= 253 && hostnamePattern.test(text) && !/(^|\.)(\d+|0x[0-9a-f]*)$/u.test(text)
}

function parseBracketed(host: string, port: number): Result<Authority> | undefined {
  const inner = host.slice(1, -1)
  if (!host.endsWith(']') || !inner.includes(':')) return undefined
  const address = parseIpAddress(inner)
  return address.ok ? ok({ kind: 'address', address: address.value, port }) : undefined
}

function readPort(text: string): number | undefined {
  const port = portPattern.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

function refuse(text: string): Result<Authority> {
  return err(`expected ip:port or hostname:port, found ${JSON.stringify(text.slice(0, 100))}`)
}
