import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { loadArguments } from '../../apps/tulle/src/bench/load/load-report.ts'
import type { LoadPlan, LoadReport } from '../../apps/tulle/src/bench/load/load-report.ts'
import type { Child, Children } from '../support/children.ts'
import { loadCore } from './paths.ts'
import type { BenchPath } from './paths.ts'
import type { Work } from './works.ts'

/** One work on one path in one round. Latencies are null for bulk, CPU time where there are no proxies. */
export interface Measurement {
  readonly rate: number
  readonly cpu: number | null
  readonly p50Us: number | null
  readonly p99Us: number | null
  readonly p999Us: number | null
  readonly lateP99Us: number | null
  readonly loadCpu: number | null
  readonly errors: number
}

export interface LoadDeps {
  readonly children: Children
  readonly generator: 'wrk' | 'own'
}

export interface Run {
  readonly work: Work
  readonly path: BenchPath
  readonly seconds: number
  /** Of `steady`. */
  readonly perSecond: number
}

export const loadProgram: string = fileURLToPath(
  new URL('../../apps/tulle/src/bench/load/load-main.ts', import.meta.url),
)

/** wrk takes a third of the time for a request that our own load takes, which leaves more of its core to the backend. */
export function chooseGenerator(wanted: LoadDeps['generator']): LoadDeps['generator'] {
  return spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error === undefined ? wanted : 'own'
}

/** Waits until a request gets through, or says which path never answered. */
export async function awaitPath(path: BenchPath, children: Children): Promise<void> {
  const plan = { mode: 'probe', seconds: 20, connections: 1, perSecond: 0 } as const
  const probe = startLoad(path, plan, children)
  await Promise.race([probe.output(), ...path.proxies.map((proxy) => proxy.ended())])
}

export function startLoad(path: BenchPath, plan: Omit<LoadPlan, 'host' | 'port'>, children: Children): Child {
  const args = loadArguments({ host: path.ip, port: path.port, ...plan })
  return children.start({
    name: `${plan.mode} on ${path.name}`,
    netns: path.networks.near,
    core: loadCore,
    command: [process.execPath, loadProgram, ...args],
  })
}

export async function measure(run: Run, deps: LoadDeps): Promise<Measurement> {
  const { work, path } = run
  const cpuBefore = cpuSeconds(path)
  const report = await Promise.race([runLoad(run, deps), ...path.proxies.map((proxy) => proxy.ended())])
  const cpuMicroseconds = (cpuSeconds(path) - cpuBefore) * 1e6
  const bulk = work.rateUnit === 'Gbit/s'
  const units = bulk ? report.bytesTotal / 1_048_576 : report.requestsTotal
  const { errors, p50Us, p99Us, p999Us, lateP99Us } = report
  return {
    rate: (bulk ? ((report.bytesIn + report.bytesOut) * 8) / 1e9 : report.requests) / report.seconds,
    cpu: path.proxies.length === 0 || units === 0 ? null : cpuMicroseconds / units,
    p50Us,
    p99Us,
    p999Us,
    lateP99Us,
    loadCpu: Number.isNaN(report.loadCpu) ? null : report.loadCpu,
    errors,
  }
}

function cpuSeconds({ proxies }: BenchPath): number {
  return proxies.reduce((sum, proxy) => sum + proxy.cpuSeconds(), 0)
}

async function runLoad(run: Run, { generator, children }: LoadDeps): Promise<LoadReport> {
  const { work, path, seconds, perSecond } = run
  const { mode, connections } = work
  if (generator === 'own' || (mode !== 'small' && mode !== 'connect')) {
    const child = startLoad(path, { mode, connections, seconds, perSecond }, children)
    // Our own program on the other side: it prints a LoadReport.
    return JSON.parse(await child.output()) as LoadReport
  }
  const close = mode === 'connect' ? ['-H', 'Connection: close'] : []
  const time = `-d${Math.max(1, Math.round(seconds))}s`
  const url = `http://${path.ip}:${path.port}/`
  const child = children.start({
    name: `wrk on ${path.name}`,
    netns: path.networks.near,
    core: loadCore,
    command: ['wrk', '--latency', '-t1', `-c${connections}`, time, ...close, url],
  })
  return parseWrk(await child.output())
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
