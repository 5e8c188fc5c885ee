import { MetricsRegistry } from '@tulle/runtime'
import type { Child, Family, MetricsSlice } from '@tulle/runtime'

/** Why a span reaches no collector. */
export type DropReason =
  /** More spans come than the collector takes. */
  | 'queue_full'
  /** The collector did not answer, or asked to wait, for too long. */
  | 'unreachable'
  /** The collector answered that it does not take it. */
  | 'rejected'

/** What becomes of the spans of one thread. */
export class SpanMetrics {
  readonly #registry: MetricsRegistry = new MetricsRegistry()
  readonly #exported: Child
  readonly #dropped: Family

  constructor() {
    this.#exported = this.#registry.counter('tulle_spans_exported', 'Spans that the collector took.').bind()
    this.#dropped = this.#registry.counter('tulle_spans_dropped', 'Spans that reach no collector.', [
      'reason',
    ])
  }

  exported(spans: number): void {
    this.#exported.inc(spans)
  }

  dropped(reason: DropReason, spans: number): void {
    this.#dropped.bind(reason).inc(spans)
  }

  slices(): Generator<MetricsSlice> {
    return this.#registry.slices()
  }
}
