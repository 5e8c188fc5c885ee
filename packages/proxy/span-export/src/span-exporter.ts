import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { Backoff, linkedController } from '@tulle/core'
import type { Clock, LinkedController, Rng } from '@tulle/core'
import { decodeExportAnswer, encodeExport, encodeSpan } from '@tulle/otlp'
import type { Attributes, Span } from '@tulle/otlp'
import type { Log } from '@tulle/runtime'
import type { CollectorAnswer, CollectorClient } from './collector-client.ts'
import { readRetryAfter } from './retry-after.ts'
import type { SpanMetrics } from './span-metrics.ts'

/** Spans that wait; what comes beyond is dropped. */
const maxWaiting = 4096
const maxWaitingBytes = 4 * 1024 * 1024
const maxBatch = 512
/** A batch that is not full leaves after this. */
const delayMs = 1000
const flushWithinMs = 2000
const backoffOptions = { firstMs: 500, maxMs: 10_000 }
/** Of one batch; while it is tried, others wait, and are dropped where there are too many. */
const maxTries = 6
/** @see OpenTelemetry Protocol, OTLP/HTTP: failures that may be tried again */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504])

const compress = promisify(gzip)

export interface SpanExporterDeps {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly metrics: SpanMetrics
  readonly collector: CollectorClient
}

/**
 * Sends spans in batches, one at a time, and waits where the collector asks for it. Whoever adds one never waits: it is put
 * into its bytes, and queued or dropped.
 */
export class SpanExporter {
  readonly #resource: Attributes
  readonly #deps: SpanExporterDeps
  readonly #backoff: Backoff
  readonly #life: LinkedController = linkedController(undefined)
  #waiting: Uint8Array[] = []
  #waitingBytes: number = 0
  #timer: Disposable | undefined
  #running: Promise<void> | undefined
  /** What failed last, so that it is said once. */
  #failure: string = ''

  constructor(resource: Attributes, deps: SpanExporterDeps) {
    this.#resource = resource
    this.#deps = deps
    this.#backoff = new Backoff(backoffOptions, deps.rng)
  }

  add(span: Span): void {
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes >= maxWaitingBytes) {
      this.#deps.metrics.dropped('queue_full', 1)
      return
    }
    const bytes = encodeSpan(span)
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#running !== undefined) return
    if (this.#waiting.length >= maxBatch) this.#run()
    else this.#timer ??= this.#deps.clock.after(delayMs, () => this.#run())
  }

  /** The end: what waits is tried once more, for two seconds at most: whoever drains has to go. */
  async flush(): Promise<void> {
    this.#life.abort(new Error('the exporter ends'))
    const late = Promise.withResolvers<void>()
    using _timer = this.#deps.clock.after(flushWithinMs, () => late.resolve())
    await Promise.race([this.#tryOnceMore(), late.promise])
    this.#deps.collector[Symbol.dispose]()
  }

  async #tryOnceMore(): Promise<void> {
    await this.#running
    this.#run()
    await this.#running
  }

  #run(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#running ??= this.#sendAll().finally(() => {
      this.#running = undefined
    })
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, maxBatch)
      for (const bytes of batch) this.#waitingBytes -= bytes.length
      const body = encodeExport(this.#resource, batch)
      await this.#deliver(await compress(body, { level: constants.Z_BEST_SPEED }), batch.length)
    }
  }

  /** Until the collector has answered for good, or too often not at all. */
  async #deliver(body: Uint8Array, spans: number): Promise<void> {
    const { clock, collector, metrics } = this.#deps
    const { signal } = this.#life
    this.#backoff.reset()
    for (let tries = 1; ; tries++) {
      const isLast = tries >= maxTries || signal.aborted
      const answer = await collector.post(body)
      if (answer.status >= 200 && answer.status < 300) {
        this.#onTaken(answer, spans)
        return
      }
      const mayRetry = answer.status === 0 || retryable.has(answer.status)
      this.#onFailed(answer, mayRetry)
      if (!mayRetry || isLast) {
        metrics.dropped(mayRetry ? 'unreachable' : 'rejected', spans)
        return
      }
      const backoffMs = this.#backoff.nextMs()
      const waitMs = readRetryAfter(answer.retryAfter, clock.nowMs()) ?? backoffMs
      // The only reason to wake early is the end: then it is tried once more.
      await clock.sleep(waitMs, { signal }).catch(() => undefined)
    }
  }

  #onTaken({ body }: CollectorAnswer, spans: number): void {
    const { log, metrics } = this.#deps
    const answer = decodeExportAnswer(body)
    const rejected = answer.ok ? Math.min(spans, answer.value.rejected) : 0
    metrics.exported(spans - rejected)
    if (rejected > 0) metrics.dropped('rejected', rejected)
    const message = answer.ok ? answer.value.message : ''
    if (message !== '') this.#say(`the collector says: ${message.slice(0, 300)}`)
    else if (this.#failure !== '') {
      this.#failure = ''
      log.info('the collector takes spans again')
    }
  }

  #onFailed({ status, why, body }: CollectorAnswer, mayRetry: boolean): void {
    const text = Buffer.from(body.subarray(0, 200))
      .toString('latin1')
      .replaceAll(/[^!-~]+/gu, ' ')
      .trim()
    const what = status === 0 ? why : `the collector answers ${status}${text === '' ? '' : `: ${text}`}`
    this.#say(`${what}${mayRetry ? '' : '; these spans are dropped'}`)
  }

  /** Once: while a collector is away, the same failure repeats. */
  #say(failure: string): void {
    if (failure === this.#failure) return
    this.#failure = failure
    this.#deps.log.warn('spans are not taken', { why: failure })
  }
}
