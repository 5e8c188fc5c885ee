/**
 * The load of the L7 bench where wrk and h2load are not, and for everything at a fixed rate.
 *
 *     load-main.ts QUESTION MODE IP PORT SECONDS CONNECTIONS STREAMS PER_SECOND    prints a LoadReport
 *
 * MODE is `probe`, `small` or `steady` of `tulle bench`; STREAMS is how many share a connection of HTTP/2.
 */
import { workerData } from 'node:worker_threads'
import { systemClock } from '@tulle/core'
import { LoadRun } from '../../../apps/tulle/src/bench/load/load-run.ts'
import { settleCompilers } from '../../../apps/tulle/src/compilers.ts'
import { loadModes } from '../../../apps/tulle/src/bench/load/load-report.ts'
import { runTickerThread } from '../../../apps/tulle/src/bench/load/ticker.ts'
import { http1Converse } from './http1-conversation.ts'
import { http2Converse } from './http2-conversation.ts'
import { questions } from './questions.ts'
import type { Question } from './questions.ts'

async function main(argv: readonly string[]): Promise<void> {
  settleCompilers()
  const [name = '', verb = '', host = '', port, seconds, connections, streams, perSecond] = argv
  const question = Object.entries(questions).find(([known]) => known === name)?.[1]
  const mode = loadModes.find((one) => one === verb)
  if (question === undefined || mode === undefined)
    throw new Error(`expected one of ${Object.keys(questions).join(', ')} and a mode, found ${name} ${verb}`)
  const each = Number(streams)
  const lanes = Number(connections) * each
  const plan = { mode, host, port: Number(port), seconds: Number(seconds), connections: lanes }
  const run = new LoadRun(
    { ...plan, perSecond: Number(perSecond) },
    { clock: systemClock, thisProgram: new URL(import.meta.url), converse: converseBy(question, each) },
  )
  process.exitCode = (await run.run()) ? 0 : 1
  process.exit()
}

function converseBy(question: Question, streams: number): ReturnType<typeof http1Converse> {
  return question.protocol === 'http1' ? http1Converse(question) : http2Converse(question, streams)
}

runTickerThread(workerData)
if (import.meta.main) await main(process.argv.slice(2))
