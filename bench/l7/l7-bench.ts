import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LeftOut } from '../l4/paths.ts'
import { buildPackage } from '../support/build-package.ts'
import { Children } from '../support/children.ts'
import { expectAnswers } from '../support/expect-answers.ts'
import { machineFacts } from '../support/machine.ts'
import { measureMemory, mostConnections } from '../support/memory.ts'
import type { MemorySample } from '../support/memory.ts'
import { endForProfiles, summarizeProfiles } from '../support/profile-summary.ts'
import { halfOfSaturation, Rounds } from '../support/rounds.ts'
import type { LatencyRate } from '../support/rounds.ts'
import { endOnSignals, expectTwoCores, loadCore, privateFolder } from '../support/run-setting.ts'
import { saveResult } from '../support/save-result.ts'
import { baseline, ratioOf } from '../support/series-tables.ts'
import { farIp, makeTwoNamespaces } from '../support/two-namespaces.ts'
import { entries } from './entries.ts'
import { Loads, targetOf } from './measure.ts'
import { parseL7Options } from './options.ts'
import type { L7BenchOptions } from './options.ts'
import { accessLog, startProxy } from './proxies.ts'
import type { L7Path, ProxyDeps } from './proxies.ts'
import { renderReport } from './report.ts'
import type { L7Report } from './report.ts'
import { latencyWorks, memoryWorkName, works } from './works.ts'
import type { Work } from './works.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const backendMain = fileURLToPath(new URL('load/backend-main.ts', import.meta.url))

/** One HTTP proxy beside its peers, each on the same core, round by round. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parseL7Options(argv)
  expectTwoCores()
  const tulleMain = options.source ? join(checkout, 'apps/tulle/src/main.ts') : buildPackage('tulle-bench')
  using folder = privateFolder()
  using networks = makeTwoNamespaces({ captured: false })
  await using children = new Children()
  endOnSignals(children)
  children.start({
    name: 'backend',
    netns: networks.far,
    core: loadCore,
    command: [process.execPath, backendMain, farIp],
  })
  const report = await new L7Bench(options, {
    children,
    networks,
    folder: folder.path,
    tulleMain,
    beforeMain: options.before === undefined ? undefined : buildPackage('tulle-bench', options.before),
    profileFolder: options.profileFolder,
    maxConnections: mostConnections(),
  }).run()
  const printed = renderReport(report)
  console.log(printed)
  if (options.profileFolder !== undefined) console.log(`\n${summarizeProfiles(options.profileFolder)}`)
  if (options.save) console.log(`\nsaved as ${saveResult('l7', report, printed)}`)
  // What a peer gets wrong is in its row.
  expectAnswers(report.series, options.seconds, (path) => path === ratioOf)
}

class L7Bench {
  readonly #options: L7BenchOptions
  readonly #deps: ProxyDeps
  readonly #loads: Loads
  readonly #rounds: Rounds = new Rounds()
  readonly #memory: MemorySample[] = []
  readonly #leftOut: LeftOut[] = []

  constructor(options: L7BenchOptions, deps: ProxyDeps) {
    this.#options = options
    this.#deps = deps
    this.#loads = new Loads(deps.children, deps.folder, options.foreignLoads)
  }

  async run(): Promise<L7Report> {
    const wanted = (name: string): boolean => this.#options.works.includes(name)
    if (wanted(memoryWorkName)) await this.#measureMemory()
    const chosen = works.filter(({ name }) => wanted(name))
    const fixed = latencyWorks.filter(({ work }) => wanted(work.name))
    const paths = await this.#startPaths([...chosen, ...fixed.map(({ work }) => work)])
    await this.#measureRounds(chosen, paths, 0)
    const latency: Record<string, LatencyRate> = {}
    for (const { work, halfOf } of fixed) {
      const rate = halfOfSaturation(this.#rounds, halfOf, baseline)
      latency[work.name] = rate
      await this.#measureRounds([work], paths, rate.perSecond)
    }
    if (this.#options.profileFolder !== undefined) await endForProfiles(paths)
    const { rounds, seconds, source } = this.#options
    return {
      rounds,
      seconds,
      loads: this.#loads.names,
      program: source ? 'sources' : 'package',
      latency,
      leftOut: this.#leftOut,
      series: this.#rounds.series,
      memory: this.#memory,
      machine: machineFacts(),
    }
  }

  /** Each proxy for itself, and alone, with nothing but the plain entry. */
  async #measureMemory(): Promise<void> {
    const { idleConnections, settleMs } = this.#options
    const { children, maxConnections } = this.#deps
    const connections = idleConnections.map((count) => Math.min(count, maxConnections - 50))
    const plain = entries.filter(({ name }) => name === 'plain')
    for (const name of this.#options.paths.filter((one) => one !== baseline)) {
      const path = startProxy(name, plain, { ...this.#deps, profileFolder: undefined })
      if ('why' in path) continue
      const target = { ...targetOf(path, { entry: 'plain' }), proxies: path.proxies }
      this.#memory.push(...(await measureMemory(target, { connections, settleMs }, children)))
      await Promise.all(path.proxies.map((proxy) => proxy.kill()))
      process.stderr.write(`memory of ${name}\n`)
    }
  }

  async #startPaths(chosen: readonly Work[]): Promise<readonly L7Path[]> {
    const needed = entries.filter(({ name }) => chosen.some(({ entry }) => entry === name))
    const paths: L7Path[] = []
    for (const name of chosen.length === 0 ? [] : this.#options.paths) {
      const path = startProxy(name, needed, this.#deps)
      if ('why' in path) this.#leftOut.push(path)
      else paths.push(path)
    }
    const unlike = [...new Map(chosen.map((work) => [`${work.entry} ${work.question}`, work])).values()]
    for (const path of paths)
      for (const work of unlike) if (carries(path, work)) await this.#loads.awaitAnswer(work, path)
    return paths
  }

  async #measureRounds(chosen: readonly Work[], paths: readonly L7Path[], perSecond: number): Promise<void> {
    const { rounds, seconds, warmUpSeconds } = this.#options
    await this.#rounds.run({
      works: chosen,
      pathsOf: (work) => paths.filter((path) => carries(path, work)),
      rounds,
      seconds,
      warmUpSeconds,
      measure: async (work, path, time) => {
        const found = await this.#loads.measure({ work, path, seconds: time, perSecond })
        if (path.name === ratioOf) truncateSync(accessLog(this.#deps.folder))
        return found
      },
    })
  }
}

function carries(path: L7Path, work: Work): boolean {
  return path.ports.has(work.entry)
}
