/** Entry of a data path thread: a DataWorker behind a message port. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert, errorText, systemClock, systemRng } from '@tulle/core'
import { DataWorker } from './data-worker-core.ts'
import { L4Error } from './errors.ts'
import { threadCpuMicroseconds } from './thread-cpu.ts'
import { threadLog } from './thread-log.ts'
import type {
  SlicedCommand,
  WorkerCommands,
  WorkerMessage,
  WorkerRequest,
  WorkerSettings,
} from './worker-commands.ts'

const port = parentPort
assert(port !== null, 'this module is the entry of a worker thread')

function post(message: WorkerMessage): void {
  port?.postMessage(message)
}

// Set by ThreadWorker, from the type it is read as.
const settings = workerData as WorkerSettings
const worker: WorkerCommands = new DataWorker(settings, {
  clock: systemClock,
  rng: systemRng,
  cpuMicroseconds: threadCpuMicroseconds,
  log: threadLog((level, message, fields) => post({ kind: 'log', level, message, fields })),
  onAddressNeeded: (name) => post({ kind: 'need', name }),
  onAccessLog: (lines) => {
    const copy = Uint8Array.prototype.slice.call(lines)
    port.postMessage({ kind: 'access-log', lines: copy } satisfies WorkerMessage, [copy.buffer])
  },
})

port.on('message', (request: WorkerRequest) => {
  run(request).then(
    (value) => post({ kind: 'result', id: request.id, value }),
    (error: unknown) => {
      const code = error instanceof L4Error ? error.code : undefined
      post({ kind: 'failed', id: request.id, code, message: errorText(error) })
    },
  )
})

const begun: Map<number, AsyncGenerator<unknown, void>> = new Map()

async function run(request: WorkerRequest): Promise<unknown> {
  if (request.kind === 'slice') return slice(request.id, request.method)
  // ThreadWorker sends each method its own argument; both sides are of one build.
  const call = worker[request.method] as (this: WorkerCommands, argument: unknown) => Promise<unknown>
  return call.call(worker, request.argument)
}

async function slice(id: number, method: SlicedCommand): Promise<IteratorResult<unknown, void>> {
  const slices = begun.get(id) ?? worker[method]()
  const next = await slices.next()
  if (next.done === true) begun.delete(id)
  else begun.set(id, slices)
  return next
}
