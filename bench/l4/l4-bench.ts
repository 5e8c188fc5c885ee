import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountTmpfs, unshareMount } from '@tulle/kernel'
import { Children } from '../support/children.ts'
import { farIp, makeTwoNamespaces } from '../support/two-namespaces.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'
import { parseL4Options } from './options.ts'
import type { L4BenchOptions } from './options.ts'
import { backendPort, loadCore, startPaths } from './paths.ts'
import type { BenchPath, StartedPaths } from './paths.ts'
import { renderReport, saveReport } from './report.ts'
import type { L4Report, Series } from './report.ts'
import { awaitPath, chooseGenerator, measure, works } from './works.ts'
import type { LoadDeps, Work } from './works.ts'

/** The whole L4 pair beside its peers, round by round. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parseL4Options(argv)
  if (availableParallelism() < 2)
    throw new Error('expected two cores, one for the proxies and one for the load')
  using folder = privateFolder()
  using networks = makeTwoNamespaces()
  await using children = new Children()
  endOnSignals(children)
  startBackend(children, networks)
  const started = startPaths(options.paths, { ...options, children, networks, folder: folder.path })
  const deps: LoadDeps = { children, networks, generator: chooseGenerator() }
  const report = await measureAll(options, started, deps)
  console.log(renderReport(report))
  if (options.save) console.log(`\nsaved as ${saveReport(report)}`)
  const failed = report.series.filter(({ measurements }) => measurements.some(({ rate }) => !(rate > 0)))
  if (failed.length > 0) {
    const names = failed.map(({ path, work }) => `${work} on ${path}`).join(', ')
    throw new Error(`nothing came through: ${names}`)
  }
}

async function measureAll(
  options: L4BenchOptions,
  { paths, leftOut }: StartedPaths,
  deps: LoadDeps,
): Promise<L4Report> {
  const chosen = works.filter(({ name }) => options.works.includes(name))
  const series = new Map<string, Series>()
  const add = async (work: Work, path: BenchPath): Promise<void> => {
    const key = `${work.name} ${path.name}`
    const before = series.get(key)?.measurements ?? []
    const found = await measure(work, path, options.seconds, deps)
    series.set(key, { work: work.name, path: path.name, measurements: [...before, found] })
  }
  for (const path of paths) {
    await awaitPath(path, deps)
    for (const work of chosen) await measure(work, path, options.warmUpSeconds, deps)
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const work of chosen) {
      // Each round begins with another path, so that none is always the first after a change of work.
      for (const index of paths.keys()) {
        const path = paths[(index + round) % paths.length]
        if (path !== undefined) await add(work, path)
      }
    }
    process.stderr.write(`round ${round + 1} of ${options.rounds}\n`)
  }
  const memory = paths.map((path) => ({
    path: path.name,
    anonymousMiB: path.proxies.map((proxy) => proxy.anonymousMiB()),
  }))
  await stopForProfiles(options, paths)
  const { rounds, seconds } = options
  return {
    rounds,
    seconds,
    generator: deps.generator,
    leftOut,
    series: [...series.values()],
    memory,
    machine: machine(),
  }
}

/** A profile is written when its process ends by itself, which SIGTERM makes ours do. */
async function stopForProfiles(
  { profileFolder }: L4BenchOptions,
  paths: readonly BenchPath[],
): Promise<void> {
  if (profileFolder === undefined) return
  const proxies = paths.flatMap((path) => path.proxies)
  for (const proxy of proxies) proxy.stop()
  await Promise.allSettled(proxies.map((proxy) => proxy.ended()))
}

function startBackend(children: Children, networks: TwoNamespaces): void {
  const script = join(import.meta.dirname, '../load/backend.ts')
  children.start({
    name: 'backend',
    netns: networks.far,
    core: loadCore,
    command: [process.execPath, script, farIp, `${backendPort}`],
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

function machine(): L4Report['machine'] {
  const cpu = /^model name\s*:\s*(.*)$/mu.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? process.arch
  const firstLine = (program: string, argument: string): string =>
    spawnSync(program, [argument], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? ''
  return {
    cpu,
    cores: availableParallelism(),
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'latin1').trim(),
    node: process.versions.node,
    haproxy: /version (\S+)/u.exec(firstLine('haproxy', '-v'))?.[1] ?? 'absent',
    commit: gitCommit(),
  }
}

function gitCommit(): string {
  const found = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  })
  return found.status === 0 ? found.stdout.trim() : 'unknown'
}
