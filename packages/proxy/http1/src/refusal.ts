/** Why a message is refused: the status for who sent a request, and a reason for logs and the answer's body. */
export interface Refusal {
  readonly status: number
  /** Of a fixed set: fit for a metric's label. */
  readonly reason: string
}

/** Every reason there is. */
export const refusals = {
  requestLine: { status: 400, reason: 'malformed request line' },
  statusLine: { status: 502, reason: 'malformed status line' },
  target: { status: 400, reason: 'malformed request target' },
  version: { status: 505, reason: 'version not supported' },
  method: { status: 501, reason: 'method not supported' },
  startLineTooLong: { status: 414, reason: 'request target too long' },
  fieldName: { status: 400, reason: 'malformed field name' },
  fieldValue: { status: 400, reason: 'malformed field value' },
  headerTooLarge: { status: 431, reason: 'header fields too large' },
  tooManyFields: { status: 431, reason: 'too many header fields' },
  host: { status: 400, reason: 'missing or malformed Host' },
  severalHosts: { status: 400, reason: 'more than one Host' },
  hostDiffers: { status: 400, reason: 'Host differs from the request target' },
  contentLength: { status: 400, reason: 'malformed Content-Length' },
  severalLengths: { status: 400, reason: 'more than one Content-Length' },
  lengthAndCoding: { status: 400, reason: 'Content-Length and Transfer-Encoding' },
  coding: { status: 501, reason: 'transfer coding not supported' },
  codingNotAllowed: { status: 400, reason: 'Transfer-Encoding is not allowed here' },
  connection: { status: 400, reason: 'Connection names an end-to-end field' },
  connectBody: { status: 400, reason: 'CONNECT with a body' },
  expectation: { status: 417, reason: 'expectation not supported' },
  chunk: { status: 400, reason: 'malformed chunk' },
  trailer: { status: 400, reason: 'field not allowed in trailers' },
  bodyTooLarge: { status: 413, reason: 'request body too large' },
  headTimeout: { status: 408, reason: 'request head took too long' },
  bodyTimeout: { status: 408, reason: 'request body took too long' },
  earlyBytes: { status: 400, reason: 'bytes before the answer to an upgrade' },
  pipelined: { status: 400, reason: 'too many bytes behind a request' },
  badAnswer: { status: 502, reason: 'answer cannot be sent' },
} as const
