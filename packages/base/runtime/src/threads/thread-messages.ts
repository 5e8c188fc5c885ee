import type { LogFields, LogLevel } from '../log.ts'

/** Between threads: requests with a number, and their answers. */
export type AnsweredRequest =
  | { readonly kind: 'call'; readonly id: number; readonly command: string; readonly argument: unknown }
  /** The first slice, or the next one of what was begun under this number: the answer is an `IteratorResult`. */
  | { readonly kind: 'slice'; readonly id: number; readonly command: string; readonly argument: unknown }

export type ThreadRequest =
  /** The first of all. */
  | { readonly kind: 'settings'; readonly settings: unknown }
  | AnsweredRequest
  /** No more slices are wanted. */
  | { readonly kind: 'stop'; readonly id: number }
  /** Lines of the access log were written, and what they came in is free. */
  | { readonly kind: 'log-chunk'; readonly buffer: ArrayBuffer }
  /** The last: the thread ends. */
  | { readonly kind: 'end' }

export type ThreadMessage<Said> =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly code: string; readonly message: string }
  /** Unasked. */
  | { readonly kind: 'said'; readonly said: Said }
  | { readonly kind: 'access-log'; readonly lines: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: LogFields }
