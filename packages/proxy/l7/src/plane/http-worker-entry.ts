/** Entry of a thread that carries requests: an HttpWorker behind a message port. */
import { parentPort, workerData } from 'node:worker_threads'
import { createBalancer } from '@tulle/balance'
import { assert, errorText, systemClock, systemRng } from '@tulle/core'
import type { Log, LogFields, LogLevel, MetricsSlice } from '@tulle/runtime'
import { defaultOutliers } from '@tulle/traffic'
import { turnClock } from '../turn-clock.ts'
import type { UpstreamSpec } from '../upstream/cluster.ts'
import { HttpWorker } from './http-worker.ts'
import { LogChunks } from './log-chunks.ts'
import type { HttpWorkerSettings } from './http-worker.ts'
import type { AnsweredRequest, WorkerMessage, WorkerRequest } from './worker-messages.ts'

const port = parentPort
assert(port !== null, 'this module is the entry of a worker thread')

function post(message: WorkerMessage): void {
  port?.postMessage(message)
}

function threadLog(own: LogFields): Log {
  const emit =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      post({ kind: 'log', level, message, fields: { ...own, ...fields } })
  return {
    debug: emit('debug'),
    info: emit('info'),
    warn: emit('warn'),
    error: emit('error'),
    child: (fields) => threadLog({ ...own, ...fields }),
    level: 'debug',
  }
}

// Set by ThreadHttpWorker, from the type it is read as.
const settings = workerData as HttpWorkerSettings
const log = threadLog({ worker: settings.index })
const chunks = new LogChunks()
const clock = turnClock(systemClock)
const worker = new HttpWorker(settings, {
  clock,
  rng: systemRng,
  log,
  makeBalancer: (specs, resilience) => {
    const balancer = createBalancer<UpstreamSpec>(
      {
        outliers: resilience.outliers ?? defaultOutliers,
        onHealth: (event) => log.info('endpoint', { ...event }),
      },
      { clock, rng: systemRng },
    )
    balancer.replace(specs)
    return balancer
  },
  onAccessLog: (lines) => {
    const chunk = chunks.fill(lines)
    port.postMessage({ kind: 'access-log', lines: chunk } satisfies WorkerMessage, [chunk.buffer])
  },
})

port.on('message', (request: WorkerRequest) => {
  if (request.kind === 'log-chunk') {
    chunks.giveBack(request.buffer)
    return
  }
  run(request).then(
    (value) => post({ kind: 'result', id: request.id, value }),
    (error: unknown) => post({ kind: 'failed', id: request.id, message: errorText(error) }),
  )
})

async function run(request: AnsweredRequest): Promise<number | readonly MetricsSlice[] | undefined> {
  switch (request.kind) {
    case 'start':
      await worker.start()
      return undefined
    case 'metrics':
      return Array.fromAsync(worker.metrics())
    case 'drain':
      return worker.drain(request.deadlineMs)
    case 'close':
      await worker.close()
      return undefined
  }
}
