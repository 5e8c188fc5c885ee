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
  readonly head: string
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
  const lines = fields.lines()
  if (lines === undefined) return undefined
  const begin = statusLine(status) + lines
  if (isTunnel) return { head: `${begin}\r\n`, framing: framing.raw, length: 0, isTunnel }
  const length = fields.contentLength()
  if (length === badLength) return undefined
  const last = close ? closeLine : '\r\n'
  if (hasNoBody(status, request)) return { head: begin + last, framing: framing.none, length: 0, isTunnel }
  if (length === noLength) return planUnknownLength(begin, end, request, last)
  return end && length > 0 ? undefined : { head: begin + last, framing: framing.length, length, isTunnel }
}

function isStatus(status: number, min: number, max: number): boolean {
  return Number.isInteger(status) && status >= min && status <= max
}

/** RFC 9110 §6.4.1. */
function hasNoBody(status: number, request: RequestFacts): boolean {
  return request.method === 'HEAD' || status === 204 || status === 304
}

function planUnknownLength(begin: string, end: boolean, request: RequestFacts, last: string): AnswerPlan {
  const plan = { length: 0, isTunnel: false }
  if (end) return { ...plan, head: begin + zeroLine + last, framing: framing.none }
  // Its client knows no chunks (RFC 9112 §6.1).
  if (request.isHttp10) return { ...plan, head: begin + closeLine, framing: framing.raw }
  return { ...plan, head: begin + chunkedLine + last, framing: framing.chunked }
}

/** An informational answer; undefined if it can't be one. */
export function informationalHead(answer: ResponseHead): string | undefined {
  const { status, fields } = answer
  if (!isStatus(status, 100, 199) || status === 101) return undefined
  fields.remove('content-length')
  const lines = fields.lines()
  return lines === undefined ? undefined : `${statusLine(status)}${lines}\r\n`
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
  const lines = answer.fields.lines()
  if (lines === undefined) return undefined
  const head = `${statusLine(101)}${lines}connection: upgrade\r\nupgrade: ${request.protocol}\r\n\r\n`
  return { head, framing: framing.raw, length: 0, isTunnel: true }
}
