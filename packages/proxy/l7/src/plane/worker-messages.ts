import type { MetricsSlice } from '@tulle/runtime'
import type { LogFields, LogLevel } from '@tulle/runtime'

/** What the main thread asks of one that carries requests. */
export type AnsweredRequest =
  | { readonly kind: 'start'; readonly id: number }
  | { readonly kind: 'metrics'; readonly id: number }
  | { readonly kind: 'drain'; readonly id: number; readonly deadlineMs: number }
  | { readonly kind: 'close'; readonly id: number }

export type WorkerRequest =
  | AnsweredRequest
  /** Lines of the log were written, and what they came in is free. */
  | { readonly kind: 'log-chunk'; readonly buffer: ArrayBuffer }

export type WorkerMessage =
  | {
      readonly kind: 'result'
      readonly id: number
      readonly value: number | readonly MetricsSlice[] | undefined
    }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  | { readonly kind: 'access-log'; readonly lines: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: LogFields }
