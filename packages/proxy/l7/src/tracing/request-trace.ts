import type { Clock } from '@tulle/core'
import type { Fields, RequestHead } from '@tulle/http1'
import type { Attributes, Span } from '@tulle/otlp'
import { formatTraceparent, sampledFlag } from '@tulle/trace-context'
import type { UpstreamSpec } from '../upstream/cluster.ts'
import { clientAttributes, spanName } from './span-attributes.ts'

/** What makes spans of a request. */
export interface SpanMaker {
  readonly clock: Clock
  /** What makes its monotonic time one since the epoch. All spans of a request have the same, so that they nest. */
  readonly epochOffsetMs: number
  newSpanId(): string
  destination(endpoint: UpstreamSpec): Attributes
  onSpan(span: Span): void
}

/** The trace that a request belongs to, whether it is recorded or not. */
export class RequestTrace {
  readonly traceId: string
  /** Of the caller's span; undefined: the trace begins here. */
  readonly parentId: string | undefined
  readonly flags: number
  readonly tracestate: string
  /** Of the request here; empty where the caller's trace passes through unrecorded. */
  readonly spanId: string
  readonly #maker: SpanMaker | undefined

  constructor(
    facts: {
      readonly traceId: string
      readonly parentId: string | undefined
      readonly flags: number
      readonly tracestate: string
    },
    spanId: string = '',
    maker?: SpanMaker,
  ) {
    this.traceId = facts.traceId
    this.parentId = facts.parentId
    this.flags = facts.flags
    this.tracestate = facts.tracestate
    this.spanId = spanId
    this.#maker = maker
  }

  get isSampled(): boolean {
    return (this.flags & sampledFlag) !== 0
  }

  /** By which a bucket of a histogram leads to it; undefined: it is not recorded. */
  get exemplar(): { readonly labels: string; readonly timeMs: number } | undefined {
    if (this.#maker === undefined) return undefined
    const labels = `trace_id="${this.traceId}",span_id="${this.spanId}"`
    return { labels, timeMs: this.epochMs(this.#maker.clock.monotonicMs()) }
  }

  /** A monotonic time as one since the epoch, with a fraction; NaN where the request is not recorded. */
  epochMs(monotonicMs: number): number {
    return monotonicMs + (this.#maker?.epochOffsetMs ?? Number.NaN)
  }

  /** Tells whoever is called which trace it is: also that it is not recorded, so that all of it is or nothing. */
  mark(fields: Fields): void {
    if (this.spanId !== '') this.#name(this.spanId, fields)
  }

  /** One attempt begins, which the called side has as its parent. Undefined: it is not recorded. */
  beginAttempt(head: RequestHead, endpoint: UpstreamSpec, repeats: number): AttemptSpan | undefined {
    if (this.#maker === undefined) return undefined
    const span = new AttemptSpan({ trace: this, maker: this.#maker, head, endpoint, repeats })
    this.#name(span.spanId, head.fields)
    return span
  }

  #name(parentId: string, fields: Fields): void {
    fields.set('traceparent', formatTraceparent({ traceId: this.traceId, parentId, flags: this.flags }))
  }
}

interface AttemptFacts {
  readonly trace: RequestTrace
  readonly maker: SpanMaker
  readonly head: RequestHead
  readonly endpoint: UpstreamSpec
  /** Attempts before this one. */
  readonly repeats: number
}

/** One try at one endpoint, as a client's span. */
export class AttemptSpan {
  readonly spanId: string
  readonly #facts: AttemptFacts
  readonly #startedMs: number
  #status: number = 0
  #over: boolean = false

  constructor(facts: AttemptFacts) {
    this.#facts = facts
    this.spanId = facts.maker.newSpanId()
    this.#startedMs = facts.maker.clock.monotonicMs()
  }

  answered(status: number): void {
    this.#status = status
  }

  /** `failure`: one word for why there is no whole answer. */
  end(failure: string | undefined): void {
    if (this.#over) return
    this.#over = true
    const { trace, maker, head, endpoint, repeats } = this.#facts
    const status = this.#status
    const failed = status >= 400 || failure !== undefined
    maker.onSpan({
      traceId: trace.traceId,
      spanId: this.spanId,
      parentId: trace.spanId,
      isParentRemote: false,
      flags: trace.flags,
      tracestate: trace.tracestate,
      name: spanName(head.method),
      kind: 'client',
      startMs: trace.epochMs(this.#startedMs),
      endMs: trace.epochMs(maker.clock.monotonicMs()),
      attributes: {
        ...clientAttributes({ head, endpoint, repeats, status, failure }),
        ...maker.destination(endpoint),
      },
      failed,
    })
  }
}
