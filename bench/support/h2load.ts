import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import type { LoadReport } from '../../apps/tulle/src/bench/load/load-report.ts'
import type { ChildPlan, Children } from './children.ts'

export interface H2loadPlan extends Omit<ChildPlan, 'command'> {
  readonly url: string
  readonly connections: number
  readonly streams: number
  /** Whole ones. */
  readonly seconds: number
  /** More arguments. */
  readonly args: readonly string[]
  /** For a file with a line for each request, which is removed again. */
  readonly folder: string
}

export function hasH2load(): boolean {
  return spawnSync('h2load', ['--version'], { stdio: 'ignore' }).error === undefined
}

/** HTTP/2 without TLS. @see https://nghttp2.org/documentation/h2load.1.html */
export async function runH2load(plan: H2loadPlan, children: Children): Promise<LoadReport> {
  const { url, connections, streams, seconds, args, folder, ...child } = plan
  const time = Math.max(1, Math.round(seconds))
  const log = `${folder}/h2load.log`
  const counts = ['-t1', `-c${connections}`, `-m${streams}`, `-D${time}`, `--log-file=${log}`]
  const printed = await children.start({ ...child, command: ['h2load', ...counts, ...args, url] }).output()
  const report = parseH2load(printed, time, readFileSync(log, 'latin1'))
  // It appends.
  rmSync(log)
  return report
}

function parseH2load(printed: string, seconds: number, log: string): LoadReport {
  const found = /requests: \d+ total, \d+ started, (\d+) done, \d+ succeeded, (\d+) failed/u.exec(printed)
  const fine = /status codes: (\d+) 2xx/u.exec(printed)
  if (found === null || fine === null)
    throw new Error(`expected a report of h2load, found ${JSON.stringify(printed)}`)
  const [done, failed] = [Number(found[1]), Number(found[2])]
  // Start in microseconds, status, microseconds until the end of the stream.
  const latenciesUs = Float64Array.from(
    log.split('\n').filter((line) => line !== ''),
    (line) => Number(line.slice(line.lastIndexOf('\t') + 1)),
  ).toSorted()
  const quantile = (share: number): number | null =>
    latenciesUs[Math.min(latenciesUs.length - 1, Math.floor(latenciesUs.length * share))] ?? null
  return {
    requests: done,
    requestsTotal: done,
    seconds,
    errors: failed + Math.max(0, done - failed - Number(fine[1])),
    bytesIn: 0,
    bytesOut: 0,
    bytesTotal: 0,
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    p999Us: quantile(0.999),
    lateP99Us: null,
    loadCpu: Number.NaN,
  }
}
