import type { Clock, Rng } from '@tulle/core'
import type { TracingSettings } from '@tulle/mesh'
import type { Attributes } from '@tulle/otlp'
import type { Log, MetricsSlice } from '@tulle/runtime'
import { SpanExporter, SpanMetrics } from '@tulle/span-export'
import type { CollectorClient } from '@tulle/span-export'
import { Tracer } from './tracer.ts'
import type { KnownParties } from './tracer.ts'

export interface TracingDeps {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly parties: KnownParties
  /** The way to where spans go, by its URL. */
  collectorAt(url: string): CollectorClient
}

/** The traces of one thread: which requests are in one, and where their spans go. It is off until it is configured. */
export class Tracing {
  readonly tracer: Tracer
  readonly #deps: TracingDeps
  readonly #metrics: SpanMetrics = new SpanMetrics()
  #endpoint: string | undefined
  #exporter: SpanExporter | undefined

  constructor(deps: TracingDeps) {
    this.#deps = deps
    this.tracer = new Tracer(deps)
  }

  /** From the next request on. `resource` says who sends the spans. Spans of before still go where they were to go. */
  configure(settings: TracingSettings | undefined, resource: Attributes): void {
    if (settings?.endpoint !== this.#endpoint) {
      void this.#exporter?.flush()
      this.#endpoint = settings?.endpoint
      this.#exporter = settings === undefined ? undefined : this.#exporterTo(settings.endpoint, resource)
    }
    const exporter = this.#exporter
    if (settings === undefined || exporter === undefined) this.tracer.configure(undefined)
    else
      this.tracer.configure({
        share: settings.samplingPercent / 100,
        onSpan: (span) => exporter.add(span),
      })
  }

  metrics(): Generator<MetricsSlice> {
    return this.#metrics.slices()
  }

  /** The end: what waits is tried once more. */
  async flush(): Promise<void> {
    const exporter = this.#exporter
    this.#exporter = undefined
    this.#endpoint = undefined
    this.tracer.configure(undefined)
    await exporter?.flush()
  }

  #exporterTo(endpoint: string, resource: Attributes): SpanExporter {
    const { clock, rng, log, collectorAt } = this.#deps
    return new SpanExporter(resource, {
      clock,
      rng,
      log: log.child({ collector: endpoint }),
      metrics: this.#metrics,
      collector: collectorAt(endpoint),
    })
  }
}
