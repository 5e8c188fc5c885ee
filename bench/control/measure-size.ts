import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@tulle/core'
import { freePort } from '../support/free-port.ts'
import { machineMs } from '../support/machine-clock.ts'
import { temporaryFolder } from '../support/run-setting.ts'
import type { ControlBenchOptions, ControlSize } from './options.ts'
import { MeshFiles } from './mesh-files.ts'
import type { PeerPlan } from './peer.ts'
import type { PeerReport } from './peer-messages.ts'
import { ControlProcess, PeerProcess } from './processes.ts'
import type { ControlPlan } from './processes.ts'

export interface Quantiles {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Of one size; times in milliseconds, memory in MiB. */
export interface ControlMeasurement {
  readonly size: ControlSize
  /** From the start of the process until it serves. */
  readonly loadMs: number
  /** From the first connect until all nodes had their first full state, and until half of them had. */
  readonly firstStateMs: number
  readonly firstStateHalfMs: number
  /** From the rename of a file to its arrival at a node. */
  readonly arrival: Quantiles
  /** From the revision to the node's acknowledgement, as the control plane counts. */
  readonly applied: Quantiles | undefined
  readonly changes: number
  /** Arrivals that are missing after five seconds, of nodes that subscribe to everything. */
  readonly missing: number
  /** Of responses, for each change and node that subscribes to everything. */
  readonly bytesPerChange: number
  /** Of one core, while changes are made. */
  readonly cpuShare: number
  readonly memoryLoadedMiB: number
  readonly memoryMiB: number
  readonly memoryPeakMiB: number
  /** RssAnon: without the pages of the Node binary, which all its processes share. */
  readonly memoryPrivateMiB: number
  readonly heapMiB: number
  /** The longest that the event loop was held, while nodes came and while changes were made. */
  readonly loopFirstStateMs: number
  readonly loopChangesMs: number
  readonly storm: StormMeasurement | undefined
}

export interface StormMeasurement {
  /** From the end of the old process until all nodes had their answers of the new one. */
  readonly settledMs: number
  /** From when the new one served. */
  readonly servedMs: number
  /** Processor time of the new one since then. */
  readonly cpuSeconds: number
  readonly bytes: number
  readonly memoryPeakMiB: number
}

const controlCore = 0
const peerCore = 1
const settleTimeoutMs = 120_000
const namesEach = 50

export async function measureSize(
  size: ControlSize,
  options: ControlBenchOptions,
): Promise<ControlMeasurement> {
  using folder = temporaryFolder()
  const manifests = join(folder.path, 'manifests')
  const files = new MeshFiles(manifests, size)
  const nodes = Array.from({ length: size.nodes }, (_, node) => MeshFiles.nodeName(node))
  const state = join(folder.path, 'state')
  const { profileFolder } = options
  const plan = { manifests, state, nodes, port: await freePort(), core: controlCore, profileFolder }
  await ControlProcess.fillCompileCache(folder.path, plan.port)
  const startedMs = machineMs()
  await using control = new ControlProcess(plan)
  await control.ready()
  const loadMs = machineMs() - startedMs
  say(size, `loaded in ${Math.round(loadMs)} ms`)
  const memoryLoadedMiB = control.memoryMiB().now
  await control.metrics()
  await using peers = new PeerProcess(peerCore)
  await peers.ready()
  const rootsPem = readFileSync(join(state, 'control-roots.pem'), 'utf8')
  const connectMs = machineMs()
  peers.tell({ kind: 'connect', port: plan.port, rootsPem, peers: planPeers(size, files, state) })
  const { atMs } = await peers.ask({ kind: 'settle' }, 'settled', settleTimeoutMs)
  const first = (await peers.ask({ kind: 'report' }, 'report', 60_000)).report
  say(size, `all nodes have their first state after ${Math.round(atMs - connectMs)} ms`)
  const loopFirstStateMs = await loopDelayMs(control)
  const changes = await makeChanges({ control, peers, files, options, size })
  const { now, peak, anonymous } = control.memoryMiB()
  const metrics = await control.metrics()
  const measured = {
    size,
    loadMs,
    firstStateMs: atMs - connectMs,
    firstStateHalfMs: (first.settledAtMs[first.settledAtMs.length >> 1] ?? Number.NaN) - connectMs,
    ...changes,
    memoryLoadedMiB,
    memoryMiB: now,
    memoryPeakMiB: peak,
    memoryPrivateMiB: anonymous,
    heapMiB: (metrics.get('tulle_control_heap_bytes') ?? Number.NaN) / 1048576,
    loopFirstStateMs,
  }
  for (const line of control.log.slice(-3)) say(size, line)
  const running = { control, peers, files, options, size }
  return { ...measured, storm: options.storm ? await storm(running, plan) : undefined }
}

interface Running {
  readonly control: ControlProcess
  readonly peers: PeerProcess
  readonly files: MeshFiles
  readonly options: ControlBenchOptions
  readonly size: ControlSize
}

async function makeChanges({
  control,
  peers,
  files,
  options,
  size,
}: Running): Promise<
  Pick<
    ControlMeasurement,
    'arrival' | 'applied' | 'changes' | 'missing' | 'bytesPerChange' | 'cpuShare' | 'loopChangesMs'
  >
> {
  const { seconds, changesPerSecond, inPlace } = options
  const savedMs: number[] = []
  const before = await control.metrics()
  const cpuBefore = control.cpuSeconds()
  const beginMs = machineMs()
  const count = Math.round(seconds * changesPerSecond)
  for (let mark = 0; mark < count; mark++) {
    await systemClock.sleep(Math.max(0, beginMs + (mark * 1000) / changesPerSecond - machineMs()))
    savedMs.push(machineMs())
    files.change(workloadOf(mark, size), mark, inPlace)
  }
  await systemClock.sleep(500)
  const cpuShare = (control.cpuSeconds() - cpuBefore) / ((machineMs() - beginMs) / 1000)
  await systemClock.sleep(size.nodes > 100 ? 4500 : 1000)
  const { report } = await peers.ask({ kind: 'report' }, 'report', 60_000)
  const metrics = await control.metrics()
  return {
    ...readMarks(report, savedMs, size),
    applied: histogramQuantiles(before, metrics, 'tulle_xds_applied_seconds'),
    changes: count,
    cpuShare,
    loopChangesMs: (metrics.get('tulle_control_loop_held_seconds') ?? Number.NaN) * 1000,
  }
}

/** Without a number, the wildcard nodes that a change did not reach are missing. */
function readMarks(
  { marks, markedBytes }: PeerReport,
  savedMs: readonly number[],
  size: ControlSize,
): Pick<ControlMeasurement, 'arrival' | 'missing' | 'bytesPerChange'> {
  const latencies: number[] = []
  const seen = new Map<number, number>()
  for (let i = 0; i < marks.length; i += 2) {
    const mark = marks[i] ?? 0
    latencies.push((marks[i + 1] ?? 0) - (savedMs[mark] ?? 0))
    seen.set(mark, (seen.get(mark) ?? 0) + 1)
  }
  const everything = countWildcard(size)
  // Each save replaces the mark before it in its file, so that a late node may see fewer.
  const missing = savedMs.reduce((sum, _, mark) => sum + Math.max(0, everything - (seen.get(mark) ?? 0)), 0)
  return {
    arrival: quantilesOf(latencies),
    missing,
    bytesPerChange: markedBytes / (everything * savedMs.length - missing),
  }
}

/** A prime step, so that neighbours in time are not neighbours in a file. */
function workloadOf(mark: number, { workloads }: ControlSize): number {
  return (mark * 7919) % workloads
}

/** Changes go on all the time, so that no node comes back with what there is then. */
async function storm(
  { control, peers, files, options, size }: Running,
  plan: ControlPlan,
): Promise<StormMeasurement> {
  await peers.ask({ kind: 'keep' }, 'kept', 60_000)
  let mark = Math.round(options.seconds * options.changesPerSecond)
  using _changes = systemClock.every(1000 / options.changesPerSecond, () => {
    files.change(workloadOf(mark, size), mark, options.inPlace)
    mark++
  })
  const killedMs = machineMs()
  say(size, 'killed')
  await control.kill()
  await using next = new ControlProcess(plan)
  await next.ready()
  const readyMs = machineMs()
  const cpuBefore = next.cpuSeconds()
  say(size, `serves again ${Math.round(readyMs - killedMs)} ms after it was killed`)
  const { atMs } = await peers.ask({ kind: 'settle' }, 'settled', settleTimeoutMs)
  const cpuSeconds = next.cpuSeconds() - cpuBefore
  const { report } = await peers.ask({ kind: 'report' }, 'report', 60_000)
  say(size, `settled ${Math.round(atMs - readyMs)} ms after it served, ${report.connects} connects`)
  return {
    settledMs: atMs - killedMs,
    servedMs: atMs - readyMs,
    cpuSeconds,
    bytes: report.bytes,
    memoryPeakMiB: next.memoryMiB().peak,
  }
}

function planPeers(size: ControlSize, files: MeshFiles, state: string): readonly PeerPlan[] {
  const everything = countWildcard(size)
  return Array.from({ length: size.nodes }, (_, index): PeerPlan => {
    const node = MeshFiles.nodeName(index)
    const token = readFileSync(join(state, 'nodes', node, 'token'), 'utf8').trim()
    if (index < everything) return { node, token }
    if (size.slowNode && index === size.nodes - 1) return { node, token, slow: true }
    return { node, token, names: namesFor(index, size, files) }
  })
}

function countWildcard({ nodes, onDemandShare, slowNode }: ControlSize): number {
  return nodes - Math.floor(nodes * onDemandShare) - (slowNode && onDemandShare === 0 ? 1 : 0)
}

/** A node's own workloads and some services, by each kind of name. */
function namesFor(index: number, size: ControlSize, files: MeshFiles): readonly string[] {
  const names: string[] = []
  for (let i = 0; i < namesEach; i++) {
    const workload = (index + i * size.nodes) % size.workloads
    if (i % 3 === 0) names.push(files.uid(workload))
    else if (i % 3 === 1) names.push(`/${files.address(workload)}`)
    else names.push(files.serviceName(files.appOf(workload)))
  }
  return [...new Set(names)]
}

async function loopDelayMs(control: ControlProcess): Promise<number> {
  return ((await control.metrics()).get('tulle_control_loop_held_seconds') ?? Number.NaN) * 1000
}

function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).toSorted()
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

/** The upper ends of the buckets that hold the quantiles. */
function histogramQuantiles(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  name: string,
): Quantiles | undefined {
  const bounds: { readonly le: number; readonly count: number }[] = []
  for (const [series, value] of after) {
    const le = new RegExp(`^${name}_bucket\\{le="([^"]+)"\\}$`, 'u').exec(series)?.[1]
    if (le === undefined) continue
    const count = value - (before.get(series) ?? 0)
    bounds.push({ le: le === '+Inf' ? Infinity : Number(le) * 1000, count })
  }
  const total = bounds.at(-1)?.count ?? 0
  if (total === 0) return undefined
  const at = (q: number): number => bounds.find(({ count }) => count >= total * q)?.le ?? Infinity
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

function say(size: ControlSize, text: string): void {
  process.stderr.write(`${size.name}: ${text}\n`)
}
