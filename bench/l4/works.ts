import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { LoadReport } from '../load/load.ts'
import type { Children } from '../support/children.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'
import { loadCore } from './paths.ts'
import type { BenchPath } from './paths.ts'

/** What is measured on each path. */
export interface Work {
  readonly name: 'small' | 'connect' | 'bulk'
  readonly about: string
  readonly connections: number
  /** The unit of `Measurement.rate`, and of what CPU time is divided by. */
  readonly rateUnit: string
  readonly cpuUnit: string
}

export const works: readonly Work[] = [
  {
    name: 'small',
    about: 'GET of 128 bytes, 32 keep-alive connections',
    connections: 32,
    rateUnit: 'requests/s',
    cpuUnit: 'us/request',
  },
  {
    name: 'connect',
    about: 'a new connection for each GET, 16 at a time',
    connections: 16,
    rateUnit: 'connections/s',
    cpuUnit: 'us/connection',
  },
  { name: 'bulk', about: 'one download', connections: 1, rateUnit: 'Gbit/s', cpuUnit: 'us/MiB' },
]

/** One work on one path in one round. Latencies are absent for bulk, CPU time where there are no proxies. */
export interface Measurement {
  readonly rate: number
  readonly cpu: number | null
  readonly p50Us: number | null
  readonly p99Us: number | null
  readonly errors: number
}

export interface LoadDeps {
  readonly children: Children
  readonly networks: TwoNamespaces
  readonly generator: 'wrk' | 'load.ts'
}

const loadScript = join(import.meta.dirname, '../load/load.ts')

/** wrk takes a third of the time for a request that our own load takes, which leaves more of its core to the backend. */
export function chooseGenerator(): LoadDeps['generator'] {
  return spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error === undefined ? 'wrk' : 'load.ts'
}

/** Waits until a request gets through, or says which path never answered. */
export async function awaitPath({ name, ip, port, proxies }: BenchPath, deps: LoadDeps): Promise<void> {
  const command = [process.execPath, loadScript, 'probe', ip, `${port}`, '20'] as const
  const { children, networks } = deps
  const probe = children.start({ name: `probe of ${name}`, netns: networks.near, core: loadCore, command })
  await Promise.race([probe.output(), ...proxies.map((proxy) => proxy.ended())])
}

export async function measure(
  work: Work,
  path: BenchPath,
  seconds: number,
  deps: LoadDeps,
): Promise<Measurement> {
  const cpuBefore = cpuSeconds(path)
  const report = await runLoad(work, path, seconds, deps)
  const cpuMicroseconds = (cpuSeconds(path) - cpuBefore) * 1e6
  const bulk = work.name === 'bulk'
  const units = bulk ? report.bytes / 1_048_576 : report.requests
  const { errors, p50Us, p99Us } = report
  return {
    rate: (bulk ? (report.bytes * 8) / 1e9 : report.requests) / report.seconds,
    cpu: path.proxies.length === 0 ? null : cpuMicroseconds / units,
    p50Us,
    p99Us,
    errors,
  }
}

function cpuSeconds({ proxies }: BenchPath): number {
  return proxies.reduce((sum, proxy) => sum + proxy.cpuSeconds(), 0)
}

async function runLoad(work: Work, path: BenchPath, seconds: number, deps: LoadDeps): Promise<LoadReport> {
  const { ip, port } = path
  const own = [
    process.execPath,
    loadScript,
    work.name,
    ip,
    `${port}`,
    `${seconds}`,
    `${work.connections}`,
  ] as const
  const close = work.name === 'connect' ? ['-H', 'Connection: close'] : []
  const load = [
    '--latency',
    '-t1',
    `-c${work.connections}`,
    `-d${Math.max(1, Math.round(seconds))}s`,
    ...close,
  ]
  const wrk = ['wrk', ...load, `http://${ip}:${port}/`] as const
  const useWrk = deps.generator === 'wrk' && work.name !== 'bulk'
  const command = useWrk ? wrk : own
  const { children, networks } = deps
  const child = children.start({
    name: `load on ${path.name}`,
    netns: networks.near,
    core: loadCore,
    command,
  })
  const output = await child.output()
  return useWrk ? parseWrk(output) : (JSON.parse(output) as LoadReport)
}

const unitUs: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 }

/** @see https://github.com/wg/wrk: the report for people is the only one it has without a script. */
export function parseWrk(text: string): LoadReport {
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
    seconds: Number(total[2]) * (total[3] === 'm' ? 60 : 1),
    errors: errors.reduce((sum, count) => sum + count, 0),
    bytes: 0,
    p50Us: quantile(50),
    p99Us: quantile(99),
  }
}
