import { Fields } from '@tulle/http1'
import type { ResponseHead } from '@tulle/http1'
import type { HeaderList } from '@tulle/http2'

/** Why a request was not answered by a backend, in the letters that Istio's metrics and logs have for it. */
export type ResponseFlag =
  | '-'
  /** Broken request. */
  | 'DPE'
  /** The client went away. */
  | 'DC'
  /** A fault was injected. */
  | 'FI'
  /** No route. */
  | 'NR'
  /** Refused by policy. */
  | 'UAEX'
  /** No healthy endpoint. */
  | 'UH'
  /** No connection. */
  | 'UF'
  /** The connection ended before the response. */
  | 'UC'
  /** Too many at once. */
  | 'UO'
  /** Too late. */
  | 'UT'
  /** Retries are used up. */
  | 'URX'
  /** Rate limit. */
  | 'RL'

/** An answer that this proxy gives itself. */
export interface LocalReply {
  readonly status: number
  /** One word, for the log. */
  readonly reason: string
  readonly flag: ResponseFlag
  readonly headers: HeaderList
  /** For people. */
  readonly body: string
}

export interface ReplyDetails {
  readonly flag?: ResponseFlag
  readonly headers?: HeaderList
  readonly body?: string
}

export function localReply(status: number, reason: string, details: ReplyDetails): LocalReply {
  const { flag = '-', headers = [], body = '' } = details
  return { status, reason, flag, headers, body }
}

/** @see https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md; 7 is PERMISSION_DENIED, 14 UNAVAILABLE. */
const grpcStatuses: ReadonlyMap<number, number> = new Map([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [408, 4],
  [429, 14],
  [500, 13],
  [502, 14],
  [503, 14],
  [504, 4],
])

/** A reply as it leaves for one request. */
export interface LocalAnswer {
  readonly head: ResponseHead
  readonly body: string
  readonly grpcStatus: string | undefined
}

/** gRPC has its status in the fields and no body (trailers-only), HEAD no body either. */
export function answerOf(
  reply: LocalReply,
  request: { readonly fields: Fields; readonly method: string },
): LocalAnswer {
  const grpc = isGrpc(request.fields)
  const fields = replyFields(reply, grpc)
  return {
    head: { status: grpc ? 200 : reply.status, fields },
    body: grpc || request.method === 'HEAD' ? '' : reply.body,
    grpcStatus: grpc ? fields.get('grpc-status') : undefined,
  }
}

/** True for gRPC and its variants, not for gRPC-Web, whose trailers are in the body. */
function isGrpc(fields: Fields): boolean {
  const type = fields.get('content-type')
  return (
    type !== undefined &&
    type.startsWith('application/grpc') &&
    (type.length === 16 || type[16] === '+' || type[16] === ';')
  )
}

function replyFields(reply: LocalReply, grpc: boolean): Fields {
  if (grpc) {
    const status = grpcStatuses.get(reply.status) ?? 2
    return Fields.of([
      'content-type',
      'application/grpc',
      'grpc-status',
      `${status}`,
      'grpc-message',
      encodeURIComponent(reply.body === '' ? reply.reason : reply.body).replaceAll('%20', ' '),
    ])
  }
  const length = Buffer.byteLength(reply.body)
  const type = length === 0 ? [] : ['content-type', 'text/plain; charset=utf-8']
  // RFC 9110 §8.6: none with 204.
  const framing = reply.status === 204 ? [] : ['content-length', `${length}`]
  return Fields.of([...type, ...framing, ...reply.headers])
}
