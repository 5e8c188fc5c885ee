import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mountTmpfs, unshareMount } from '@tulle/kernel'
import { buildPackage } from '../support/build-package.ts'
import { writeCertificates } from '../support/certificates.ts'
import { Children } from '../support/children.ts'
import { machineFacts } from '../support/machine.ts'
import { median } from '../support/statistics.ts'
import { farIp, makeTwoNamespaces } from '../support/two-namespaces.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'
import { awaitPath, chooseGenerator, loadProgram, measure } from './measure.ts'
import type { LoadDeps } from './measure.ts'
import { measureMemory, mostConnections } from './memory.ts'
import type { MemorySample } from './memory.ts'
import { parseL4Options } from './options.ts'
import type { L4BenchOptions } from './options.ts'
import { backendPort, loadCore, startPath } from './paths.ts'
import type { BenchPath, LeftOut, PathDeps } from './paths.ts'
import { summarizeProfiles } from './profile-summary.ts'
import { renderReport, saveReport } from './report.ts'
import type { L4Report, LatencyRate, Series } from './report.ts'
import { latencyWork, memoryWorkName, works } from './works.ts'
import type { Work } from './works.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** The whole L4 pair beside its peers, round by round. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parseL4Options(argv)
  if (availableParallelism() < 2)
    throw new Error('expected two cores, one for the proxies and one for the load')
  const tulleMain = options.source ? join(checkout, 'apps/tulle/src/main.ts') : buildPackage('tulle-bench')
  using folder = privateFolder()
  using plain = makeTwoNamespaces({ captured: false })
  using captured = makeTwoNamespaces({ captured: true })
  await using children = new Children()
  endOnSignals(children)
  for (const networks of [plain, captured]) startBackend(children, networks)
  const report = await new L4Bench(options, {
    children,
    plain,
    captured,
    ...writeCertificates(folder.path, ['client', 'server']),
    folder: folder.path,
    tulleMain,
    profileFolder: options.profileFolder,
    maxConnections: mostConnections(),
  }).run()
  console.log(renderReport(report))
  if (options.profileFolder !== undefined) console.log(`\n${summarizeProfiles(options.profileFolder)}`)
  if (options.save) console.log(`\nsaved as ${saveReport(report)}`)
  const failed = report.series.filter(({ measurements }) => measurements.some(({ rate }) => !(rate > 0)))
  if (failed.length > 0) {
    const names = failed.map(({ path, work }) => `${work} on ${path}`).join(', ')
    throw new Error(`nothing came through: ${names}`)
  }
}

class L4Bench {
  readonly #options: L4BenchOptions
  readonly #paths: PathDeps
  readonly #load: LoadDeps
  readonly #series: Map<string, Series> = new Map()
  readonly #memory: MemorySample[] = []
  #leftOut: readonly LeftOut[] = []

  constructor(options: L4BenchOptions, paths: PathDeps) {
    this.#options = options
    this.#paths = paths
    this.#load = { children: paths.children, generator: chooseGenerator(options.generator) }
  }

  async run(): Promise<L4Report> {
    if (this.#options.works.includes(memoryWorkName)) await this.#measureMemory()
    const paths = this.#startPaths()
    for (const path of paths) await awaitPath(path, this.#load.children)
    const chosen = works.filter(({ name }) => this.#options.works.includes(name))
    await this.#measureRounds(chosen, paths, 0)
    const latency = this.#options.works.includes(latencyWork.name) ? this.#latencyRate() : undefined
    if (latency !== undefined) await this.#measureRounds([latencyWork], paths, latency.perSecond)
    await this.#stopForProfiles(paths)
    const { rounds, seconds, source } = this.#options
    return {
      rounds,
      seconds,
      generator: this.#load.generator,
      program: source ? 'sources' : 'package',
      latency,
      leftOut: this.#leftOut,
      series: [...this.#series.values()],
      memory: this.#memory,
      machine: machineFacts(),
    }
  }

  /** Each path for itself, and alone. */
  async #measureMemory(): Promise<void> {
    const { idleConnections, settleMs } = this.#options
    const connections = idleConnections.map((count) => Math.min(count, this.#paths.maxConnections - 50))
    for (const name of this.#options.paths) {
      const started = startPath(name, [memoryWorkName], { ...this.#paths, profileFolder: undefined })
      if ('why' in started) continue
      for (const path of started) {
        const options = { connections, settleMs }
        this.#memory.push(...(await measureMemory(path, options, this.#load.children)))
        await Promise.all(path.proxies.map((proxy) => proxy.kill()))
        this.#say(`memory of ${name}`)
      }
    }
  }

  #startPaths(): readonly BenchPath[] {
    const started = this.#options.paths.map((name) => startPath(name, this.#options.works, this.#paths))
    this.#leftOut = started.filter((one) => 'why' in one)
    return started.flatMap((one) => ('why' in one ? [] : one))
  }

  async #measureRounds(chosen: readonly Work[], all: readonly BenchPath[], perSecond: number): Promise<void> {
    const { rounds, seconds, warmUpSeconds } = this.#options
    const pathsOf = (work: Work): readonly BenchPath[] => all.filter((path) => path.works.includes(work.name))
    for (const work of warmUpSeconds > 0 ? chosen : []) {
      for (const path of pathsOf(work))
        await measure({ work, path, seconds: warmUpSeconds, perSecond }, this.#load)
    }
    for (let round = 0; round < rounds; round++) {
      for (const work of chosen) {
        const paths = pathsOf(work)
        // Each round begins with another path, so that none is always the first after a change of work.
        for (const index of paths.keys()) {
          const path = paths[(index + round) % paths.length]
          if (path !== undefined) await this.#add({ work, path, seconds, perSecond })
        }
      }
      if (chosen.length > 0) this.#say(`round ${round + 1} of ${rounds}`)
    }
  }

  async #add(run_: Parameters<typeof measure>[0]): Promise<void> {
    const [work, path] = [run_.work.name, run_.path.name]
    const key = `${work} ${path}`
    const before = this.#series.get(key)?.measurements ?? []
    const found = await measure(run_, this.#load)
    this.#series.set(key, { work, path, measurements: [...before, found] })
  }

  /** Half of what the slowest pair gets through with 32 connections, so that every path can do it. */
  #latencyRate(): LatencyRate | undefined {
    const saturations = [...this.#series.values()]
      .filter(({ work, path }) => work === 'small' && path !== 'direct')
      .map(({ path, measurements }) => ({ path, rate: median(measurements.map(({ rate }) => rate)) }))
    const slowest = saturations.toSorted((a, b) => a.rate - b.rate)[0]
    if (slowest === undefined) throw new Error('latency is measured at half of what small found: add small')
    return { perSecond: Math.round(slowest.rate / 2), slowest: slowest.path }
  }

  /** A profile is written when its process ends by itself, which SIGTERM makes ours do. */
  async #stopForProfiles(paths: readonly BenchPath[]): Promise<void> {
    if (this.#options.profileFolder === undefined) return
    const proxies = paths.flatMap((path) => path.proxies)
    for (const proxy of proxies) proxy.stop()
    await Promise.allSettled(proxies.map((proxy) => proxy.ended()))
  }

  #say(text: string): void {
    process.stderr.write(`${text}\n`)
  }
}

function startBackend(children: Children, networks: TwoNamespaces): void {
  children.start({
    name: 'backend',
    netns: networks.far,
    core: loadCore,
    command: [process.execPath, loadProgram, 'backend', farIp, `${backendPort}`],
  })
}

/** Keys and logs are in a tmpfs of this process's own mount namespace, so they end with it. */
function privateFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'tulle-bench-'))
  // Where mounts are private, the empty folder below is all that others ever see.
  unshareMount()
  mountTmpfs({ target: path, maxBytes: 1024 * 1024 * 1024, mode: 0o700 })
  return {
    path,
    [Symbol.dispose]: () => {
      spawnSync('umount', ['--lazy', path])
      rmdirSync(path)
    },
  }
}

function endOnSignals(children: Children): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      // What waits for a child fails now, and everything unwinds.
      process.exitCode = 130
      void children[Symbol.asyncDispose]()
    })
  }
}
