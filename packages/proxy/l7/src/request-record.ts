import type { ResponseFlag } from './local-reply.ts'
import type { RequestState } from './request-state.ts'
import type { RequestTrace } from './tracing/request-trace.ts'

/** One request, when it is over. */
export interface RequestRecord {
  readonly request: RequestState
  /** 0: the client went away before there was any. */
  readonly status: number
  readonly flag: ResponseFlag
  /** One word, where this proxy answered itself or broke off. */
  readonly reason: string | undefined
  readonly grpcStatus: string | undefined
  /** Of the monotonic clock, as is the end. */
  readonly startedMs: number
  readonly endedMs: number
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
  readonly attempts: number
  /** `ip:port` of the endpoint that answered, or was tried last. */
  readonly endpoint: string | undefined
  /** Undefined: tracing is off. */
  readonly trace: RequestTrace | undefined
}
