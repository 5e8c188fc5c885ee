import { framing } from './body-writer.ts'
import type { ResponseHead } from './exchange.ts'
import { badLength, noLength } from './fields.ts'
import type { Refusal } from './refusal.ts'
import { statusLine } from './status-line.ts'

/** What an answer's form depends on. */
export interface RequestFacts {
  readonly method: string
  readonly isHttp10: boolean
  /** What the client asks to switch to; empty for nothing. */
  readonly protocol: string
}

/** How an answer is written. */
export interface AnswerPlan {
  /** The first line; undefined: the one that came. */
  readonly begin: string | undefined
  /** Behind the lines that were kept, to the empty line. */
  readonly end: string
  /** As `BodyWriter` has it. */
  readonly framing: number
  readonly length: number
  readonly isTunnel: boolean
}

/** The form of a final answer (RFC 9112 §6.3, RFC 9110 §8.6); undefined if it can't be one. `close`: the connection ends behind it. */
export function planAnswer(
  answer: ResponseHead,
  end: boolean,
  request: RequestFacts,
  close: boolean,
): AnswerPlan | undefined {
  const { status, fields } = answer
  if (status === 101) return planUpgrade(answer, request)
  if (!isStatus(status, 200, 999)) return undefined
  const isTunnel = request.method === 'CONNECT' && status < 300
  if (status === 204 || isTunnel) fields.remove('content-length')
  const added = fields.addedLines()
  if (added === undefined) return undefined
  const begin = beginOf(answer)
  if (isTunnel) return { begin, end: `${added}\r\n`, framing: framing.raw, length: 0, isTunnel }
  const length = fields.contentLength()
  if (length === badLength) return undefined
  const last = added + (close ? closeLine : '\r\n')
  if (hasNoBody(status, request)) return { begin, end: last, framing: framing.none, length: 0, isTunnel }
  if (length === noLength) return planUnknownLength({ begin, added, last }, end, request)
  return end && length > 0 ? undefined : { begin, end: last, framing: framing.length, length, isTunnel }
}

function beginOf({ status, fields }: ResponseHead): string | undefined {
  const line = statusLine(status)
  return fields.beginsWith(line) ? undefined : line
}

function isStatus(status: number, min: number, max: number): boolean {
  return Number.isInteger(status) && status >= min && status <= max
}

/** RFC 9110 §6.4.1. */
function hasNoBody(status: number, request: RequestFacts): boolean {
  return request.method === 'HEAD' || status === 204 || status === 304
}

interface UnknownParts {
  readonly begin: string | undefined
  readonly added: string
  /** With the added lines. */
  readonly last: string
}

function planUnknownLength(
  { begin, added, last }: UnknownParts,
  end: boolean,
  request: RequestFacts,
): AnswerPlan {
  const plan = { begin, length: 0, isTunnel: false }
  if (end) return { ...plan, end: zeroLine + last, framing: framing.none }
  // Its client knows no chunks (RFC 9112 §6.1).
  if (request.isHttp10) return { ...plan, end: added + closeLine, framing: framing.raw }
  return { ...plan, end: chunkedLine + last, framing: framing.chunked }
}

/** An informational answer; undefined if it can't be one. */
export function planInform(answer: ResponseHead): AnswerPlan | undefined {
  const { status, fields } = answer
  if (!isStatus(status, 100, 199) || status === 101) return undefined
  fields.remove('content-length')
  const added = fields.addedLines()
  if (added === undefined) return undefined
  const begin = beginOf(answer)
  return { begin, end: `${added}\r\n`, framing: framing.none, length: 0, isTunnel: false }
}

/** The answer to a request that is refused before anybody handles it. */
export function refusalAnswer(refusal: Refusal): string {
  const text = `${refusal.reason}\n`
  const length = Buffer.byteLength(text)
  return `${statusLine(refusal.status)}content-type: text/plain; charset=utf-8\r\ncontent-length: ${length}\r\n${closeLine}${text}`
}

const closeLine = 'connection: close\r\n\r\n'
const zeroLine = 'content-length: 0\r\n'
const chunkedLine = 'transfer-encoding: chunked\r\n'

function planUpgrade(answer: ResponseHead, request: RequestFacts): AnswerPlan | undefined {
  if (request.protocol === '') return undefined
  answer.fields.remove('content-length')
  const added = answer.fields.addedLines()
  if (added === undefined) return undefined
  const end = `${added}connection: upgrade\r\nupgrade: ${request.protocol}\r\n\r\n`
  return { begin: beginOf(answer), end, framing: framing.raw, length: 0, isTunnel: true }
}
