import { framing } from './body-writer.ts'
import type { RequestHead } from './exchange.ts'
import { badLength, noLength } from './fields.ts'
import { methodOctets, targetOctets } from './octets.ts'
import { authorityForm, isAuthority } from './target.ts'
import { isProtocolName } from './upgrade.ts'

/** How a request is written. */
export interface RequestPlan {
  readonly head: string
  /** As `BodyWriter` has it. */
  readonly framing: number
  readonly length: number
  /** Payload waits until the answer makes a tunnel. */
  readonly awaitsTunnel: boolean
}

/** Methods whose content means something: a server may wait for it unless it is told that there is none (RFC 9110 §8.6). */
const methodsWithContent: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/**
 * The form of a request (RFC 9112 §3, §6); undefined if it can't be sent. Everything is looked at again: it may have come
 * from HTTP/2, or through filters.
 */
export function planRequest(request: RequestHead, end: boolean): RequestPlan | undefined {
  const { method, authority, path, fields, protocol } = request
  const isConnect = method === 'CONNECT'
  if (!consistsOf(method, methodOctets) || !isAuthority(authority)) return undefined
  if (isConnect ? !authorityForm(authority) : !isPath(path, method)) return undefined
  const length = fields.contentLength()
  const lines = fields.lines()
  if (lines === undefined || length === badLength || (end && length > 0)) return undefined
  const begin = `${method} ${isConnect ? authority : path} HTTP/1.1\r\nhost: ${authority}\r\n${lines}`
  if (isConnect || protocol !== undefined) return planTunnel(begin, protocol, end, length)
  if (length !== noLength)
    return { head: `${begin}\r\n`, framing: framing.length, length, awaitsTunnel: false }
  if (!end)
    return {
      head: `${begin}transfer-encoding: chunked\r\n\r\n`,
      framing: framing.chunked,
      length: 0,
      awaitsTunnel: false,
    }
  const last = methodsWithContent.has(method) ? 'content-length: 0\r\n\r\n' : '\r\n'
  return { head: begin + last, framing: framing.none, length: 0, awaitsTunnel: false }
}

function planTunnel(
  begin: string,
  protocol: string | undefined,
  end: boolean,
  length: number,
): RequestPlan | undefined {
  if (end || length > 0) return undefined
  if (protocol === undefined)
    return { head: `${begin}\r\n`, framing: framing.none, length: 0, awaitsTunnel: true }
  if (!isProtocolName(protocol)) return undefined
  const head = `${begin}connection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`
  return { head, framing: framing.none, length: 0, awaitsTunnel: true }
}

function isPath(path: string, method: string): boolean {
  if (path === '*') return method === 'OPTIONS'
  return path.charCodeAt(0) === 0x2f && consistsOf(path, targetOctets)
}

function consistsOf(text: string, table: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false
  return text.length > 0
}
