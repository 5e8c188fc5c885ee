import type { ResponseHead } from './exchange.ts'
import { needsMore } from './head-reader.ts'
import { MessageReader } from './message-reader.ts'
import { octet, skip, valueOctets } from './octets.ts'
import { refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'

const prefix = Buffer.from('HTTP/1.')

/** Reads answers' heads (RFC 9112 §4). */
export class ResponseReader extends MessageReader {
  status = 0
  /** What a 101 switches to; empty if it does not say. */
  protocol = ''

  /** What was read. Once for each head. */
  takeHead(): ResponseHead {
    return { status: this.status, fields: this.takeFields() }
  }

  /** `HTTP/1.1 200 OK` CRLF. The blank and the phrase behind the status may be missing: many servers leave them out. */
  protected override startLine(bytes: Buffer, _base: number, start: number, end: number): number {
    for (let i = 0; i < prefix.length; i++) {
      if (start + i >= end) return needsMore
      if (bytes[start + i] !== prefix[i]) return this.refuse(refusals.statusLine)
    }
    let at = start + prefix.length
    if (at + 6 > end) return needsMore
    const minor = bytes[at] ?? 0
    if ((minor !== 0x30 && minor !== 0x31) || bytes[at + 1] !== octet.space)
      return this.refuse(refusals.statusLine)
    this.isHttp10 = minor === 0x30
    this.status = digits(bytes, at + 2)
    if (this.status < 100) return this.refuse(refusals.statusLine)
    at += 5
    if (bytes[at] === octet.space) at = skip(bytes, at, end, valueOctets)
    return this.#lineEnd(bytes, at, end)
  }

  #lineEnd(bytes: Buffer, at: number, end: number): number {
    if (at < end && bytes[at] !== octet.cr) return this.refuse(refusals.statusLine)
    if (at + 1 >= end) return needsMore
    return bytes[at + 1] === octet.lf ? at + 2 : this.refuse(refusals.statusLine)
  }

  protected override complete(): boolean {
    const refusal = this.common() ?? this.#withoutBody()
    this.protocol = this.status === 101 ? this.upgradeName() : ''
    if (refusal === undefined) return true
    this.refusal = refusal
    return false
  }

  /** An answer that never has a body may not say that it has one (RFC 9112 §6.1, RFC 9110 §8.6). */
  #withoutBody(): Refusal | undefined {
    if (this.status >= 200 && this.status !== 204) return undefined
    if (this.isChunked) return refusals.codingNotAllowed
    return this.contentLength > 0 ? refusals.contentLength : undefined
  }
}

/** A number of three digits, or -1. */
function digits(bytes: Buffer, start: number): number {
  let value = 0
  for (let at = start; at < start + 3; at++) {
    const digit = (bytes[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) return -1
    value = 10 * value + digit
  }
  return value
}
