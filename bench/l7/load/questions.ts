import { randomInt } from 'node:crypto'

/** What the load of the L7 bench asks, and how it knows a right answer. */
export interface Question {
  readonly protocol: 'http1' | 'http2' | 'grpc'
  readonly method: 'GET' | 'POST'
  path(): string
  /** undefined: none. */
  readonly body: Buffer | undefined
  readonly answerBytes: number
}

/** As the backend of `tulle bench` answers. */
const smallBytes = 128
export const largeBytes: number = 100 * 1024
export const routeCount = 1000

/** A message as gRPC frames it: no compression, its length, its bytes. @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
function grpcMessage(payload: Buffer): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(payload.length, 1)
  return Buffer.concat([prefix, payload])
}

/** Of the gRPC load, with what is in front of it. */
export const message: Buffer = grpcMessage(Buffer.alloc(64, 'm'))
const small = { method: 'GET', path: () => '/', body: undefined, answerBytes: smallBytes } as const

export type QuestionName = 'small' | 'body' | 'routes' | 'http2' | 'grpc'

export const questions: Readonly<Record<QuestionName, Question>> = {
  small: { protocol: 'http1', ...small },
  body: {
    protocol: 'http1',
    method: 'POST',
    path: () => '/body',
    body: Buffer.alloc(largeBytes, 'b'),
    answerBytes: largeBytes,
  },
  // Another item each time, so that nobody's cache of looked-up paths answers for the expressions.
  routes: {
    protocol: 'http1',
    ...small,
    path: () => `/service-${randomInt(routeCount)}/v2/items/${randomInt(1_000_000)}`,
  },
  http2: { protocol: 'http2', ...small },
  grpc: {
    protocol: 'grpc',
    method: 'POST',
    path: () => '/bench.Echo/Call',
    body: message,
    answerBytes: message.length,
  },
}

/** The path of one of the thousand routes, as every proxy here takes it: without anchors, matched as a whole. */
export function routeExpression(index: number): string {
  return `/service-${index}/v[0-9]+/items/[^/]+`
}
