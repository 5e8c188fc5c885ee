/**
 * How long a scrape of many series holds up an event loop: one registry in a thread, as a worker of the data path has it,
 * its slices to the main thread, merged there, and scraped over loopback. `--smoke` runs it with few series, to see that
 * it works.
 */
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { systemClock } from '@tulle/core'
import { adminServer } from './admin-server.ts'
import type { AdminRequest } from './admin-server.ts'
import { silentLog } from './log.ts'
import { mergeMetrics } from './merged-metrics.ts'
import { MetricsRegistry } from './metrics-registry.ts'
import type { MetricsSlice } from './metrics-snapshot.ts'
import { metricsReply } from './metrics-reply.ts'

const series = process.argv.includes('--smoke') ? 1000 : 100_000
const families = 4
/** As many as Istio's TCP metrics have. */
const labelNames = Array.from({ length: 27 }, (_, i) => `label_${i}`)

/** How long a timer of a millisecond came late at most: as long as something held the loop. */
class LoopWatch {
  readonly #delay = monitorEventLoopDelay({ resolution: 1 })

  constructor() {
    this.#delay.enable()
  }

  take(): number {
    const longestMs = this.#delay.max / 1e6
    this.#delay.reset()
    return longestMs
  }
}

function fill(registry: MetricsRegistry): void {
  for (let f = 0; f < families; f++) {
    const family = registry.counter(`bench_${f}`, 'A counter.', labelNames, { maxSeries: series })
    for (let i = 0; i < series / families; i++) {
      family.bind(...labelNames.map((name, at) => `${name}-of-${at % 3 === 0 ? i : 'all'}`)).inc(i)
    }
  }
}

/** Answers each message with the next slice, and at the end with its own longest turn. */
function serve(port: MessagePort): void {
  const registry = new MetricsRegistry()
  fill(registry)
  const watch = new LoopWatch()
  let slices = registry.slices()
  port.on('message', () => {
    const next = slices.next()
    if (next.done === true) slices = registry.slices()
    port.postMessage(next.done === true ? { longestMs: watch.take() } : { slice: next.value })
  })
  watch.take()
  port.postMessage({})
}

interface Answer {
  readonly slice?: MetricsSlice
  readonly longestMs?: number
}

async function measure(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) })
  const next = (): Promise<Answer> => new Promise((resolve) => worker.once('message', resolve))
  await next()
  let workerMs = 0
  async function* slices(): AsyncGenerator<MetricsSlice> {
    for (;;) {
      const answer = next()
      worker.postMessage('next')
      const { slice, longestMs } = await answer
      if (slice === undefined) {
        workerMs = longestMs ?? Number.NaN
        return
      }
      yield slice
    }
  }
  const handle = async (request: AdminRequest) => {
    const all = await mergeMetrics(slices())
    return metricsReply(request, (format) => all.text(format))
  }
  const listen = { host: '127.0.0.1', port: 0 }
  const routes = [{ method: 'GET' as const, path: '/metrics', handle }]
  await using server = adminServer({ listen, routes }, { clock: systemClock, log: silentLog })
  await server.start(new AbortController().signal)
  const watch = new LoopWatch()
  for (let round = 0; round < 3; round++) {
    watch.take()
    const startMs = systemClock.monotonicMs()
    const bytes = await scrape(server.port)
    const tookMs = systemClock.monotonicMs() - startMs
    const longest = `longest turn ${watch.take().toFixed(1)} ms in the main thread, ${workerMs.toFixed(1)} ms in the worker`
    process.stdout.write(
      `${series} series, ${(bytes / 1_048_576).toFixed(1)} MiB in ${tookMs.toFixed(0)} ms: ${longest}\n`,
    )
  }
  await worker.terminate()
}

/** The reader is in this thread too, so it only counts. */
function scrape(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/metrics' }, (response: IncomingMessage) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.length))
      response.on('end', () => resolve(bytes))
    })
    request.on('error', reject)
  })
}

if (isMainThread) await measure()
else if (parentPort !== null) serve(parentPort)
