import { KnownTexts } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import { formatSocketAddress, parseAuthority } from './authority.ts'

/** Whom a connection was made for, as the sender says: for logs and metrics, believed for nothing else. */
export interface Forwarded {
  /** The original client. */
  readonly client?: { readonly address: IpAddress; readonly port?: number }
  /** The host name of the service that the client addressed. */
  readonly host?: string
}

const maxLength = 1024
const token = /^[\w!#$%&'*+.^`|~-]+$/u

/** `for="10.0.0.1:4242";host=books.bookstore.svc.cluster.local`; '' when there is nothing to say. @see RFC 7239 §4 */
export function encodeForwarded(forwarded: Forwarded): string {
  const { client, host } = forwarded
  const parts: string[] = []
  if (client !== undefined) parts.push(`for="${clientText(client.address, client.port)}"`)
  if (host !== undefined && host !== '') parts.push(`host=${hostText(host)}`)
  return parts.join(';')
}

function clientText(address: IpAddress, port: number | undefined): string {
  if (port !== undefined) return formatSocketAddress(address, port)
  return address.includes(':') ? `[${address}]` : address
}

function hostText(host: string): string {
  return token.test(host) ? host : `"${host.replaceAll(/[^\x20-\x7e]/gu, '').replaceAll(/["\\]/gu, '\\$&')}"`
}

/** The first element, which is the one nearest to the client; undefined when it is malformed or says nothing that we know. */
export function parseForwarded(header: string): Forwarded | undefined {
  if (header.length > maxLength) return undefined
  const usual = readUsual(header)
  if (usual !== undefined) return usual
  const pairs = readPairs(header)
  if (pairs === undefined) return undefined
  const client = readClient(pairs.get('for'))
  const host = pairs.get('host')?.toLowerCase()
  if (client === undefined && host === undefined) return undefined
  return { ...(client === undefined ? {} : { client }), ...(host === undefined ? {} : { host }) }
}

/** What `encodeForwarded` makes of an IPv4 client and a host name: read at once, as it comes with every connection. */
const usualForm = /^for="(\d[\d.]*):([1-9]\d{0,4})"(?:;host=([a-z0-9._-]+))?$/u
const knownAddresses = new KnownTexts<Result<IpAddress>>({ maxEntries: 1024, maxLength: 40 })

function readUsual(header: string): Forwarded | undefined {
  const [, text, portText, host] = usualForm.exec(header) ?? []
  if (text === undefined) return undefined
  const address = knownAddresses.get(text, parseIpAddress)
  const port = Number(portText)
  if (!address.ok || port > 65_535) return undefined
  const client = { address: address.value, port }
  return host === undefined ? { client } : { client, host }
}

/** `name=value` pairs up to the end of the first element; a value is a token or a quoted string. */
function readPairs(header: string): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>()
  // Sticky and without nested repetition: linear in the header's length.
  const pair = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([\w!#$%&'*+.^`|~:[\]-]+))[ \t]*(;|,|$)/uy
  for (;;) {
    const [all, name, quoted, bare, end] = pair.exec(header) ?? []
    if (all === undefined || name === undefined) return undefined
    const key = name.toLowerCase()
    if (pairs.has(key)) return undefined
    pairs.set(key, bare ?? quoted?.replaceAll(/\\(.)/gu, '$1') ?? '')
    if (end !== ';') return pairs
  }
}

/** Names such as `unknown` or `_hidden` are no addresses. */
function readClient(text: string | undefined): Forwarded['client'] {
  if (text === undefined) return undefined
  const withPort = parseAuthority(text)
  if (withPort.ok && withPort.value.kind === 'address') {
    return { address: withPort.value.address, port: withPort.value.port }
  }
  const address = parseIpAddress(/^\[(.*)\]$/u.exec(text)?.[1] ?? text)
  return address.ok ? { address: address.value } : undefined
}
