import { spawnSync } from 'node:child_process'
import type { LoadReport } from '../../apps/tulle/src/bench/load/load-report.ts'
import type { ChildPlan, Children } from './children.ts'

export interface WrkPlan extends Omit<ChildPlan, 'command'> {
  readonly url: string
  readonly connections: number
  /** Whole ones. */
  readonly seconds: number
  /** More arguments. */
  readonly args: readonly string[]
}

/** wrk takes a third of the time for a request that our own load takes, which leaves more of its core to the backend. */
export function hasWrk(): boolean {
  return spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error === undefined
}

export async function runWrk(plan: WrkPlan, children: Children): Promise<LoadReport> {
  const { url, connections, seconds, args, ...child } = plan
  const time = `-d${Math.max(1, Math.round(seconds))}s`
  const command = ['wrk', '--latency', '-t1', `-c${connections}`, time, ...args, url] as const
  return parseWrk(await children.start({ ...child, command }).output())
}

const unitUs: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 }

/** @see https://github.com/wg/wrk: the report for people is the only one it has without a script. */
function parseWrk(text: string): LoadReport {
  const quantile = (percent: number): number | null => {
    const found = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s)$`, 'mu').exec(text)
    return found === null ? null : Number(found[1]) * (unitUs[found[2] ?? ''] ?? Number.NaN)
  }
  const total = /(\d+) requests in ([\d.]+)(s|m),/u.exec(text)
  if (total === null) throw new Error(`expected a report of wrk, found ${JSON.stringify(text)}`)
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/u.exec(text)
  const statusErrors = /Non-2xx or 3xx responses: (\d+)/u.exec(text)
  const errors = [...(socketErrors?.slice(1) ?? []), statusErrors?.[1] ?? 0].map(Number)
  return {
    requests: Number(total[1]),
    requestsTotal: Number(total[1]),
    seconds: Number(total[2]) * (total[3] === 'm' ? 60 : 1),
    errors: errors.reduce((sum, count) => sum + count, 0),
    bytesIn: 0,
    bytesOut: 0,
    bytesTotal: 0,
    p50Us: quantile(50),
    p99Us: quantile(99),
    p999Us: null,
    lateP99Us: null,
    loadCpu: Number.NaN,
  }
}
