import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { version } from '../version.ts'
import type { BenchResult, BenchRow } from './bench-result.ts'
import { directSide, meshSide } from './bench-sides.ts'
import type { BenchSide } from './bench-sides.ts'
import type { LoadMode, LoadReport } from './load/load-report.ts'

export interface BenchOptions {
  /** About how long all of it takes. */
  readonly seconds: number
  readonly mode: string
  readonly main: string
  /** For keys, configuration and access logs; nobody else may read it. */
  readonly folder: string
  readonly onProgress: (text: string) => void
}

/** As `tulle node` has it by default. */
const workers = 2
/** Each figure is the mean of these, by turns: what disturbs the machine for a while disturbs both sides. */
const turns = 2
/** Starting and ending a load, and everything before the first one. */
const overheadSeconds = { run: 0.35, start: 3 }
const leastSeconds = 0.2

interface Work {
  readonly name: string
  readonly mode: LoadMode
  readonly connections: number
  readonly unit: string
  readonly per: string
  rate(report: LoadReport): number
  units(report: LoadReport): number
}

const works: readonly Work[] = [
  {
    name: 'requests, 32 connections',
    mode: 'small',
    connections: 32,
    unit: '/s',
    per: 'request',
    rate: ({ requests, seconds }) => requests / seconds,
    units: ({ requestsTotal }) => requestsTotal,
  },
  {
    name: 'new connections, 16 at a time',
    mode: 'connect',
    connections: 16,
    unit: '/s',
    per: 'connection',
    rate: ({ requests, seconds }) => requests / seconds,
    units: ({ requestsTotal }) => requestsTotal,
  },
  {
    name: 'download, one stream',
    mode: 'download',
    connections: 1,
    unit: 'Gbit/s',
    per: 'MiB',
    rate: ({ bytesIn, seconds }) => (bytesIn * 8) / 1e9 / seconds,
    units: ({ bytesTotal }) => bytesTotal / 1024 ** 2,
  },
]

interface Found {
  readonly report: LoadReport
  readonly cpuSeconds: number
}

/** Inside namespaces of its own: measures the direct way beside the mesh's. */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  using direct = directSide()
  using mesh = meshSide({ main: options.main, folder: options.folder, workers })
  options.onProgress('starting two workloads and their node proxies')
  await Promise.all([direct.answers(), mesh.answers()])
  const runs = (works.length + 1) * 2 * turns
  const seconds = Math.max(
    leastSeconds,
    (options.seconds - overheadSeconds.start) / runs - overheadSeconds.run,
  )
  const rows: BenchRow[] = []
  for (const work of works) rows.push(await measure(work, { direct, mesh, seconds }, options))
  const perSecond = Math.round((rows[0]?.mesh ?? 0) / 2)
  rows.push(...(await measureLatency(perSecond, { direct, mesh, seconds }, options)))
  return { machine: machine(), mode: options.mode, workers, measuredSeconds: seconds * turns, rows }
}

interface Sides {
  readonly direct: BenchSide
  readonly mesh: BenchSide
  readonly seconds: number
}

async function measure(work: Work, sides: Sides, { onProgress }: BenchOptions): Promise<BenchRow> {
  onProgress(work.name)
  const { mode, connections, unit, per } = work
  const plan = { mode, connections, seconds: sides.seconds, perSecond: 0 }
  const [direct, mesh] = await byTurns(sides, (side) => run(side, plan))
  const rate = (found: readonly Found[]): number => mean(found.map(({ report }) => work.rate(report)))
  const cpuSeconds = mesh.reduce((sum, one) => sum + one.cpuSeconds, 0)
  const units = mesh.reduce((sum, { report }) => sum + work.units(report), 0)
  const [directRate, meshRate] = [rate(direct), rate(mesh)]
  return {
    name: work.name,
    unit,
    direct: directRate,
    mesh: meshRate,
    ratio: meshRate / directRate,
    cpuUs: (cpuSeconds * 1e6) / units,
    per,
  }
}

/** At half of what the mesh gets through: an open loop, timed from when each request was due. */
async function measureLatency(
  perSecond: number,
  sides: Sides,
  { onProgress }: BenchOptions,
): Promise<readonly BenchRow[]> {
  onProgress(`latency at ${perSecond} requests a second`)
  const plan = { mode: 'steady', connections: 32, seconds: sides.seconds, perSecond } as const
  const [direct, mesh] = await byTurns(sides, (side) => run(side, plan))
  const cpuSeconds = mesh.reduce((sum, one) => sum + one.cpuSeconds, 0)
  const requests = mesh.reduce((sum, { report }) => sum + report.requestsTotal, 0)
  return (['p50Us', 'p99Us'] as const).map((key): BenchRow => {
    const of = (found: readonly Found[]): number => mean(found.map(({ report }) => report[key] ?? Number.NaN))
    const [directUs, meshUs] = [of(direct), of(mesh)]
    return {
      name: `latency at ${perSecond}/s, ${key === 'p50Us' ? 'p50' : 'p99'}`,
      unit: 'us',
      direct: directUs,
      mesh: meshUs,
      ratio: meshUs / directUs,
      added: meshUs - directUs,
      cpuUs: (cpuSeconds * 1e6) / requests,
      per: 'request',
    }
  })
}

async function byTurns(
  { direct, mesh }: Sides,
  measureSide: (side: BenchSide) => Promise<Found>,
): Promise<readonly [direct: readonly Found[], mesh: readonly Found[]]> {
  const found: [Found[], Found[]] = [[], []]
  for (let turn = 0; turn < turns; turn++) {
    found[0].push(await measureSide(direct))
    found[1].push(await measureSide(mesh))
  }
  return found
}

async function run(side: BenchSide, plan: Parameters<BenchSide['load']>[0]): Promise<Found> {
  const cpu = (): number => side.proxies.reduce((sum, proxy) => sum + proxy.cpuSeconds(), 0)
  const before = cpu()
  const report = await side.load(plan)
  return { report, cpuSeconds: cpu() - before }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function machine(): BenchResult['machine'] {
  const cpu = /^model name\s*:\s*(.*)$/mu.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? process.arch
  return {
    cpu,
    cores: availableParallelism(),
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'latin1').trim(),
    node: process.versions.node,
    tulle: version(),
  }
}
