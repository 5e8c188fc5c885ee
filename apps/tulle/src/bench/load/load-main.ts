/**
 * Load and backend, each as a process of its own: raw sockets, event-driven, bounded in time.
 *
 *     load-main.ts backend IP PORT
 *     load-main.ts MODE IP PORT SECONDS CONNECTIONS PER_SECOND    prints a LoadReport
 *
 * `probe` asks until it is answered; `small` asks again when it is answered, over kept connections; `connect` opens a
 * connection for each request; `steady` asks at fixed times; `download`, `upload` and `both` move bytes over one
 * connection each; `idle` opens connections, asks once on each, prints `open N` and keeps them until it is stopped.
 */
import { workerData } from 'node:worker_threads'
import { systemClock } from '@tulle/core'
import { settleCompilers } from '../../compilers.ts'
import { createBackend } from './backend.ts'
import { LoadRun } from './load-run.ts'
import { loadModes } from './load-report.ts'
import { runTickerThread } from './ticker.ts'

export async function main(argv: readonly string[]): Promise<void> {
  settleCompilers()
  const [verb = '', host = '', port = '0', seconds = '1', connections = '1', perSecond = '0'] = argv
  if (verb === 'backend') {
    createBackend().listen({ host, port: Number(port), backlog: 4096 })
    return
  }
  const mode = loadModes.find((one) => one === verb)
  if (mode === undefined) throw new Error(`expected backend or one of ${loadModes.join(', ')}, found ${verb}`)
  const run = new LoadRun(
    {
      mode,
      host,
      port: Number(port),
      seconds: Number(seconds),
      connections: Number(connections),
      perSecond: Number(perSecond),
    },
    { clock: systemClock, thisProgram: new URL(import.meta.url) },
  )
  process.exitCode = (await run.run()) ? 0 : 1
  process.exit()
}

runTickerThread(workerData)
if (import.meta.main) await main(process.argv.slice(2))
