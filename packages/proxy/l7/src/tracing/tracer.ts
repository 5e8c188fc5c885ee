import type { Clock, Rng } from '@tulle/core'
import type { Fields } from '@tulle/http1'
import type { Attributes, Span } from '@tulle/otlp'
import {
  isDrawn,
  newSpanId,
  newTraceId,
  parseTraceparent,
  randomFlag,
  readTracestate,
  sampledFlag,
  thresholdOf,
} from '@tulle/trace-context'
import type { Traceparent } from '@tulle/trace-context'
import type { Downstream } from '../downstream.ts'
import type { RequestRecord } from '../request-record.ts'
import type { UpstreamSpec } from '../upstream/cluster.ts'
import { RequestTrace } from './request-trace.ts'
import { serverAttributes, spanName } from './span-attributes.ts'

/** What a proxy knows of the two ends of a request beyond their addresses. */
export interface KnownParties {
  source(downstream: Downstream): Attributes
  destination(endpoint: UpstreamSpec): Attributes
}

export interface TracerDeps {
  readonly clock: Clock
  readonly rng: Rng
  readonly parties: KnownParties
}

export interface TracerSettings {
  /** Of the requests that come without a decision, 0–1. */
  readonly share: number
  /** Takes spans when they are over. */
  onSpan(span: Span): void
}

/** The clock's two times drift apart where somebody sets it; then the later traces follow. */
const maxDriftMs = 50

/**
 * Which requests are traced, and as part of which trace. While it is off nothing is read and nothing changes. What a client
 * decided holds (the sampled flag); for what comes without a trace the id decides, so that all proxies decide alike.
 */
export class Tracer {
  readonly #deps: TracerDeps
  #settings: TracerSettings | undefined
  #threshold: ReturnType<typeof thresholdOf> = thresholdOf(0)
  #offsetMs: number = 0

  constructor(deps: TracerDeps) {
    this.#deps = deps
  }

  /** From the next request on; undefined: off. */
  configure(settings: TracerSettings | undefined): void {
    this.#settings = settings
    this.#threshold = thresholdOf(settings?.share ?? 0)
  }

  /**
   * At the head of a request. What is malformed in its trace fields leaves: nobody behind this proxy reads another trace out
   * of them. Undefined: it is off.
   */
  begin(fields: Fields): RequestTrace | undefined {
    if (this.#settings === undefined) return undefined
    const parent = readParent(fields)
    const tracestate = takeTracestate(fields, parent !== undefined)
    if (parent === undefined) return this.#beginRoot()
    const { traceId, parentId } = parent
    const flags = parent.flags & (sampledFlag | randomFlag)
    if ((flags & sampledFlag) === 0) return new RequestTrace({ traceId, flags, parentId, tracestate })
    return this.#sampled({ traceId, flags, parentId, tracestate })
  }

  /** The request's own span, when it is over. */
  onDone(record: RequestRecord): void {
    const { request, trace, startedMs, endedMs } = record
    if (trace?.isSampled !== true || this.#settings === undefined) return
    this.#settings.onSpan({
      traceId: trace.traceId,
      spanId: trace.spanId,
      parentId: trace.parentId,
      isParentRemote: trace.parentId !== undefined,
      flags: trace.flags,
      tracestate: trace.tracestate,
      name: spanName(request.method),
      kind: 'server',
      startMs: trace.epochMs(startedMs),
      endMs: trace.epochMs(endedMs),
      attributes: { ...serverAttributes(record), ...this.#deps.parties.source(request.downstream) },
      failed: record.status >= 500 || record.flag === 'UC' || record.flag === 'UT',
    })
  }

  #beginRoot(): RequestTrace {
    const traceId = newTraceId(this.#deps.rng)
    const isSampled = isDrawn(traceId, this.#threshold)
    const flags = isSampled ? sampledFlag | randomFlag : randomFlag
    const facts = { traceId, flags, parentId: undefined, tracestate: '' }
    return isSampled ? this.#sampled(facts) : new RequestTrace(facts, newSpanId(this.#deps.rng))
  }

  #sampled(facts: ConstructorParameters<typeof RequestTrace>[0]): RequestTrace {
    const { clock, rng, parties } = this.#deps
    return new RequestTrace(facts, newSpanId(rng), {
      clock,
      epochOffsetMs: this.#epochOffsetMs(),
      newSpanId: () => newSpanId(rng),
      destination: (endpoint) => parties.destination(endpoint),
      onSpan: (span) => this.#settings?.onSpan(span),
    })
  }

  /** Epoch less monotonic: the same until somebody sets the clock, so that spans of neighbours fit together. */
  #epochOffsetMs(): number {
    const { clock } = this.#deps
    const offsetMs = clock.nowMs() - clock.monotonicMs()
    if (Math.abs(offsetMs - this.#offsetMs) > maxDriftMs) this.#offsetMs = offsetMs
    return this.#offsetMs
  }
}

/** Two of them are none: each could be meant. @see W3C Trace Context §3.2 */
function readParent(fields: Fields): Traceparent | undefined {
  if (!fields.has('traceparent')) return undefined
  const values = fields.values('traceparent')
  const parsed = values.length === 1 ? parseTraceparent(values[0] ?? '') : undefined
  if (parsed === undefined) fields.remove('traceparent')
  return parsed
}

/** It says nothing without a valid parent. @see W3C Trace Context §3.3 */
function takeTracestate(fields: Fields, hasParent: boolean): string {
  if (!fields.has('tracestate')) return ''
  const values = hasParent ? fields.values('tracestate') : []
  const state = readTracestate(values) ?? ''
  if (state === '') fields.remove('tracestate')
  else if (values.length > 1 || values[0] !== state) fields.set('tracestate', state)
  return state
}
