/** Names of the semantic conventions, or `tulle.…`, to what they say. Whole numbers travel as integers. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** Who of a call: the one that was called, or the one that calls. */
export type SpanKind = 'server' | 'client'

/** Something that took time, when it is over. */
export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** Undefined: the trace begins here. */
  readonly parentId: string | undefined
  /** The parent is in another process. */
  readonly isParentRemote: boolean
  /** Those of W3C Trace Context. */
  readonly flags: number
  readonly tracestate: string
  readonly name: string
  readonly kind: SpanKind
  /** Since the epoch, with a fraction. */
  readonly startMs: number
  readonly endMs: number
  /** Those that are undefined are left out. */
  readonly attributes: Attributes
  readonly failed: boolean
}
