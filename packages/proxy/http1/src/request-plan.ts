import { framing } from './body-writer.ts'
import type { RequestHead } from './exchange.ts'
import { badLength, noLength } from './fields.ts'
import { methodOctets, targetOctets } from './octets.ts'
import { authorityForm, isAuthority } from './target.ts'
import { isProtocolName } from './upgrade.ts'

/** How a request is written. */
export interface RequestPlan {
  /** In front of the lines that were kept; undefined: what came in front of them. */
  readonly begin: string | undefined
  /** Behind them, to the empty line. */
  readonly end: string
  /** As `BodyWriter` has it. */
  readonly framing: number
  readonly length: number
  /** Payload waits until the answer makes a tunnel. */
  readonly awaitsTunnel: boolean
}

/** Methods whose content means something: a server may wait for it unless it is told that there is none (RFC 9110 §8.6). */
const methodsWithContent: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/**
 * The form of a request (RFC 9112 §3, §6); undefined if it can't be sent. What is not as our own parser found it is looked at again:
 * it came from HTTP/2, or through filters.
 */
export function planRequest(request: RequestHead, end: boolean): RequestPlan | undefined {
  const { method, authority, path, fields, protocol } = request
  const isTunnel = method === 'CONNECT' || protocol !== undefined
  const isAsItCame = !isTunnel && fields.opensWith(method, path, authority)
  const begin = isAsItCame ? undefined : openingOf(request)
  const length = fields.contentLength()
  const added = fields.addedLines()
  if ((!isAsItCame && begin === undefined) || added === undefined) return undefined
  if (length === badLength || (end && length > 0)) return undefined
  if (isTunnel) return planTunnel({ begin, added, protocol }, end, length)
  if (length !== noLength)
    return { begin, end: `${added}\r\n`, framing: framing.length, length, awaitsTunnel: false }
  if (!end) {
    const last = `${added}transfer-encoding: chunked\r\n\r\n`
    return { begin, end: last, framing: framing.chunked, length: 0, awaitsTunnel: false }
  }
  const last = methodsWithContent.has(method) ? 'content-length: 0\r\n\r\n' : '\r\n'
  return { begin, end: added + last, framing: framing.none, length: 0, awaitsTunnel: false }
}

/** The first line and Host. */
function openingOf({ method, authority, path }: RequestHead): string | undefined {
  const isConnect = method === 'CONNECT'
  if (!consistsOf(method, methodOctets) || !isAuthority(authority)) return undefined
  if (isConnect ? !authorityForm(authority) : !isPath(path, method)) return undefined
  return `${method} ${isConnect ? authority : path} HTTP/1.1\r\nhost: ${authority}\r\n`
}

interface TunnelParts {
  readonly begin: string | undefined
  readonly added: string
  readonly protocol: string | undefined
}

function planTunnel(
  { begin, added, protocol }: TunnelParts,
  end: boolean,
  length: number,
): RequestPlan | undefined {
  if (end || length > 0) return undefined
  const plan = { begin, framing: framing.none, length: 0, awaitsTunnel: true }
  if (protocol === undefined) return { ...plan, end: `${added}\r\n` }
  if (!isProtocolName(protocol)) return undefined
  return { ...plan, end: `${added}connection: upgrade\r\nupgrade: ${protocol}\r\n\r\n` }
}

function isPath(path: string, method: string): boolean {
  if (path === '*') return method === 'OPTIONS'
  return path.charCodeAt(0) === 0x2f && consistsOf(path, targetOctets)
}

function consistsOf(text: string, table: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false
  return text.length > 0
}
