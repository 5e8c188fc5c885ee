/**
 * A workload that loads another one at a constant rate, over connections that are replaced every few seconds, and
 * tells on a unix socket (STEADY_SOCKET) what came of it.
 */
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { systemClock } from '@tulle/core'
import { ConstantRate } from '../../apps/tulle/src/bench/load/constant-rate.ts'
import type { CallRecord, ConstantRatePlan } from '../../apps/tulle/src/bench/load/constant-rate.ts'
import { LatencyHistogram } from '../../apps/tulle/src/bench/load/latency-histogram.ts'

/** What happened since the last report. */
export interface SteadyReport {
  readonly answered: number
  readonly failures: readonly CallRecord[]
  /** The first answer of each new connection. */
  readonly firstAnswers: readonly CallRecord[]
  readonly idleLosses: readonly { readonly openedMs: number; readonly endedMs: number }[]
  readonly p50Us: number | null
  readonly p99Us: number | null
}

const tickEveryMs = 1
/** Taken every few seconds by whoever asked; more than this means that nobody does. */
const maxRecords = 100_000

const socketPath = process.env['STEADY_SOCKET'] ?? ''
let load: ConstantRate | undefined
let failures: CallRecord[] = []
let firstAnswers: CallRecord[] = []
let idleLosses: { openedMs: number; endedMs: number }[] = []
let answeredBefore = 0
let latencies = new LatencyHistogram()

function keep<T>(list: T[], item: T): void {
  if (list.length < maxRecords) list.push(item)
}

function start(plan: ConstantRatePlan): void {
  load?.close()
  take()
  answeredBefore = 0
  load = new ConstantRate(plan, {
    clock: systemClock,
    onFailure: (record) => keep(failures, record),
    onFirstAnswer: (record) => keep(firstAnswers, record),
    onIdleLoss: (openedMs, endedMs) => keep(idleLosses, { openedMs, endedMs }),
    onLatency: (microseconds) => latencies.record(microseconds),
  })
  load.begin()
}

function take(): SteadyReport {
  const answered = load?.answered ?? 0
  const report = {
    answered: answered - answeredBefore,
    failures,
    firstAnswers,
    idleLosses,
    p50Us: numberOrNull(latencies.quantile(0.5)),
    p99Us: numberOrNull(latencies.quantile(0.99)),
  }
  answeredBefore = answered
  failures = []
  firstAnswers = []
  idleLosses = []
  latencies = new LatencyHistogram()
  return report
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

function handle(path: string, body: string): unknown {
  if (path === '/start') {
    // JSON has no Infinity; the soak's own client sends what ConstantRatePlan says otherwise.
    const plan = JSON.parse(body) as Omit<ConstantRatePlan, 'perSecond'> & { perSecond: number | null }
    start({ ...plan, perSecond: plan.perSecond ?? Infinity })
  } else if (path === '/stop') load?.close()
  return take()
}

systemClock.every(tickEveryMs, () => load?.tick())
process.on('SIGTERM', () => process.exit(0))
rmSync(socketPath, { force: true })
createServer((request, response) => {
  void text(request).then(
    (body) => response.end(JSON.stringify(handle(request.url ?? '', body))),
    (error: unknown) => response.writeHead(500).end(String(error)),
  )
}).listen(socketPath)
