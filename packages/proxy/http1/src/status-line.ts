import { STATUS_CODES } from 'node:http'

const lines: string[] = []

/** `HTTP/1.1 200 OK` CRLF. The phrase is the registered one (RFC 9110 §15), empty for others; the blank before it is not optional (RFC 9112 §4). */
export function statusLine(status: number): string {
  return (lines[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`)
}
