/** What Node's own parser of HTTP/1.1 reads, at once and without sockets. */
import { createRequire } from 'node:module'

/** A message as it was read; fields that concern one connection only are left out. */
export interface Reading {
  readonly begin: string
  readonly fields: string[]
  body: string
  trailers: string[]
  isOver: boolean
}

interface Parser {
  initialize(type: number, resource: object, maxHeaderBytes: number): void
  execute(bytes: Buffer, start: number, length: number): number | Error
  finish(): Error | undefined
  close(): void
  [callback: number]: unknown
}

interface ParserClass {
  new (): Parser
  readonly REQUEST: number
  readonly RESPONSE: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
}

// Node's own modules take it from here; it has no public name.
const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as {
  readonly HTTPParser: ParserClass
  readonly methods: readonly string[]
}

const notKept = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

function kept(raw: readonly string[], isTrailer: boolean): string[] {
  const named = new Set<string>()
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'connection' || isTrailer) continue
    for (const name of (raw[i + 1] ?? '').split(',')) named.add(name.trim().toLowerCase())
  }
  const list: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    if (!notKept.has(name) && !named.has(name)) list.push(name, raw[i + 1] ?? '')
  }
  return list
}

function originForm(method: string, url: string): string {
  if (method === 'CONNECT') return ''
  const rest = /^http:\/\/[^/?]*(.*)$/i.exec(url)?.[1]
  if (rest === undefined) return url
  return rest === '' ? (method === 'OPTIONS' ? '*' : '/') : rest.startsWith('?') ? `/${rest}` : rest
}

type HeadersComplete = [
  major: number,
  minor: number,
  headers: string[] | undefined,
  method: number | undefined,
  url: string | undefined,
  status: number | undefined,
]

function read(type: number, bytes: Buffer): Reading[] {
  const readings: Reading[] = []
  const parser = new HTTPParser()
  parser.initialize(type, {}, 1 << 20)
  let flushed: string[] = []
  let url = ''
  let current: Reading | undefined
  parser[HTTPParser.kOnHeaders] = (headers: string[], begin: string): void => {
    flushed.push(...headers)
    url += begin
  }
  parser[HTTPParser.kOnHeadersComplete] = (
    ...[, , headers, method, target, status]: HeadersComplete
  ): number => {
    const raw = headers ?? flushed
    const verb = method === undefined ? '' : (methods[method] ?? '')
    const begin = type === HTTPParser.REQUEST ? `${verb} ${originForm(verb, target ?? url)}` : String(status)
    flushed = []
    url = ''
    current = { begin, fields: kept(raw, false), body: '', trailers: [], isOver: false }
    readings.push(current)
    return 0
  }
  parser[HTTPParser.kOnBody] = (piece: Buffer): void => {
    if (current !== undefined) current.body += piece.toString('latin1')
  }
  parser[HTTPParser.kOnMessageComplete] = (): void => {
    if (current === undefined) return
    current.trailers = kept(flushed, true)
    current.isOver = true
    flushed = []
    url = ''
  }
  const end = parser.execute(bytes, 0, bytes.length)
  if (typeof end === 'number') parser.finish()
  parser.close()
  return readings.filter(({ isOver }) => isOver)
}

export function nodeRequests(bytes: Buffer): {
  readonly readings: readonly Reading[]
  /** Methods of our grammar that Node does not know are its own limit. */
  isKnown(begin: string): boolean
} {
  return {
    readings: read(HTTPParser.REQUEST, bytes),
    isKnown: (begin) => methods.includes(begin.slice(0, begin.indexOf(' '))),
  }
}

/** The final answer. */
export function nodeResponse(bytes: Buffer): Reading | undefined {
  return read(HTTPParser.RESPONSE, bytes).find(({ begin }) => !/^1(?!01)/.test(begin))
}
