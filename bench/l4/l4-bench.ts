import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildPackage } from '../support/build-package.ts'
import { writeCertificates } from '../support/certificates.ts'
import { Children } from '../support/children.ts'
import { expectAnswers } from '../support/expect-answers.ts'
import { machineFacts } from '../support/machine.ts'
import { measureMemory, mostConnections } from '../support/memory.ts'
import type { MemorySample } from '../support/memory.ts'
import { awaitPath, loadProgram } from '../support/own-load.ts'
import { halfOfSaturation, Rounds } from '../support/rounds.ts'
import { endOnSignals, expectTwoCores, loadCore, privateFolder } from '../support/run-setting.ts'
import { saveResult } from '../support/save-result.ts'
import { baseline } from '../support/series-tables.ts'
import { farIp, makeTwoNamespaces } from '../support/two-namespaces.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'
import { hasWrk } from '../support/wrk.ts'
import { measure } from './measure.ts'
import type { LoadDeps } from './measure.ts'
import { parseL4Options } from './options.ts'
import type { L4BenchOptions } from './options.ts'
import { backendPort, startPath } from './paths.ts'
import type { BenchPath, LeftOut, PathDeps } from './paths.ts'
import { endForProfiles, summarizeProfiles } from '../support/profile-summary.ts'
import { renderReport } from './report.ts'
import type { L4Report } from './report.ts'
import { latencyWork, memoryWorkName, works } from './works.ts'
import type { Work } from './works.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** The whole L4 pair beside its peers, round by round. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parseL4Options(argv)
  expectTwoCores()
  const tulleMain = options.source ? join(checkout, 'apps/tulle/src/main.ts') : buildPackage('tulle-bench')
  using folder = privateFolder()
  using plain = makeTwoNamespaces({ captured: false })
  using captured = makeTwoNamespaces({ captured: true })
  using before = options.before === undefined ? undefined : beforePath(options.before)
  await using children = new Children()
  endOnSignals(children)
  for (const networks of [plain, captured, ...(before ? [before.networks] : [])])
    startBackend(children, networks)
  const report = await new L4Bench(options, {
    children,
    plain,
    captured,
    ...writeCertificates(folder.path, ['client', 'server']),
    folder: folder.path,
    tulleMain,
    before,
    profileFolder: options.profileFolder,
    maxConnections: mostConnections(),
  }).run()
  const printed = renderReport(report)
  console.log(printed)
  if (options.profileFolder !== undefined) console.log(`\n${summarizeProfiles(options.profileFolder)}`)
  if (options.save) console.log(`\nsaved as ${saveResult('l4', report, printed)}`)
  // Errors are in the rows.
  expectAnswers(report.series, options.seconds, () => false)
}

class L4Bench {
  readonly #options: L4BenchOptions
  readonly #paths: PathDeps
  readonly #load: LoadDeps
  readonly #rounds: Rounds = new Rounds()
  readonly #memory: MemorySample[] = []
  #leftOut: readonly LeftOut[] = []

  constructor(options: L4BenchOptions, paths: PathDeps) {
    this.#options = options
    this.#paths = paths
    this.#load = { children: paths.children, generator: hasWrk() ? options.generator : 'own' }
  }

  async run(): Promise<L4Report> {
    if (this.#options.works.includes(memoryWorkName)) await this.#measureMemory()
    const paths = this.#startPaths()
    for (const path of paths) await awaitPath(path, this.#load.children)
    const chosen = works.filter(({ name }) => this.#options.works.includes(name))
    await this.#measureRounds(chosen, paths, 0)
    const latency = this.#options.works.includes(latencyWork.name)
      ? halfOfSaturation(this.#rounds, 'small', baseline)
      : undefined
    if (latency !== undefined) await this.#measureRounds([latencyWork], paths, latency.perSecond)
    if (this.#options.profileFolder !== undefined) await endForProfiles(paths)
    const { rounds, seconds, source } = this.#options
    return {
      rounds,
      seconds,
      generator: this.#load.generator,
      program: source ? 'sources' : 'package',
      latency,
      leftOut: this.#leftOut,
      series: this.#rounds.series,
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
    await this.#rounds.run({
      works: chosen,
      pathsOf: (work) => all.filter((path) => path.works.includes(work.name)),
      rounds,
      seconds,
      warmUpSeconds,
      measure: (work, path, time) => measure({ work, path, seconds: time, perSecond }, this.#load),
    })
  }

  #say(text: string): void {
    process.stderr.write(`${text}\n`)
  }
}

function beforePath(checkout: string): NonNullable<PathDeps['before']> & Disposable {
  const tulleMain = buildPackage('tulle-bench', checkout)
  const networks = makeTwoNamespaces({ captured: false })
  return { tulleMain, networks, [Symbol.dispose]: () => networks[Symbol.dispose]() }
}

function startBackend(children: Children, networks: TwoNamespaces): void {
  children.start({
    name: 'backend',
    netns: networks.far,
    core: loadCore,
    command: [process.execPath, loadProgram, 'backend', farIp, `${backendPort}`],
  })
}
