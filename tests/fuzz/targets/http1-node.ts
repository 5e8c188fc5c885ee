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

/** One of Node's parsers, used again for each input: to make one takes longer than to read with it. */
class NodeParser {
  readonly #type: number
  readonly #parser: Parser = new HTTPParser()
  #readings: Reading[] = []
  #flushed: string[] = []
  #url: string = ''
  #current: Reading | undefined

  constructor(type: number) {
    this.#type = type
    this.#parser[HTTPParser.kOnHeaders] = (headers: string[], begin: string): void => {
      this.#flushed.push(...headers)
      this.#url += begin
    }
    this.#parser[HTTPParser.kOnHeadersComplete] = (...told: HeadersComplete): number => this.#onHead(told)
    this.#parser[HTTPParser.kOnBody] = (piece: Buffer): void => {
      if (this.#current !== undefined) this.#current.body += piece.toString('latin1')
    }
    this.#parser[HTTPParser.kOnMessageComplete] = (): void => this.#onEnd()
  }

  /** The messages that are whole. */
  read(bytes: Buffer): Reading[] {
    this.#readings = []
    this.#flushed = []
    this.#url = ''
    this.#current = undefined
    this.#parser.initialize(this.#type, {}, 1 << 20)
    const end = this.#parser.execute(bytes, 0, bytes.length)
    if (typeof end === 'number') this.#parser.finish()
    return this.#readings.filter(({ isOver }) => isOver)
  }

  #onHead([, , headers, method, target, status]: HeadersComplete): number {
    const raw = headers ?? this.#flushed
    const verb = method === undefined ? '' : (methods[method] ?? '')
    const isRequest = this.#type === HTTPParser.REQUEST
    const begin = isRequest ? `${verb} ${originForm(verb, target ?? this.#url)}` : String(status)
    this.#flushed = []
    this.#url = ''
    this.#current = { begin, fields: kept(raw, false), body: '', trailers: [], isOver: false }
    this.#readings.push(this.#current)
    return 0
  }

  #onEnd(): void {
    if (this.#current === undefined) return
    this.#current.trailers = kept(this.#flushed, true)
    this.#current.isOver = true
    this.#flushed = []
    this.#url = ''
  }
}

const requestParser = new NodeParser(HTTPParser.REQUEST)
const responseParser = new NodeParser(HTTPParser.RESPONSE)

export function nodeRequests(bytes: Buffer): {
  readonly readings: readonly Reading[]
  /** Methods of our grammar that Node does not know are its own limit. */
  isKnown(begin: string): boolean
} {
  return {
    readings: requestParser.read(bytes),
    isKnown: (begin) => methods.includes(begin.slice(0, begin.indexOf(' '))),
  }
}

/** The final answer. */
export function nodeResponse(bytes: Buffer): Reading | undefined {
  return responseParser.read(bytes).find(({ begin }) => !/^1(?!01)/.test(begin))
}
