import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { awaitPath, chooseGenerator, loadProgram, measure } from '../l4/measure.ts'
import type { LoadDeps, Measurement } from '../l4/measure.ts'
import { backendPort, loadCore } from '../l4/paths.ts'
import type { BenchPath, LeftOut } from '../l4/paths.ts'
import { ratioSpread, spreadText } from '../l4/text.ts'
import { works } from '../l4/works.ts'
import type { Work } from '../l4/works.ts'
import { Children } from '../support/children.ts'
import { machineFacts } from '../support/machine.ts'
import { renderTable } from '../support/markdown.ts'
import { pairedRatio } from '../support/statistics.ts'
import { farIp, makeTwoNamespaces } from '../support/two-namespaces.ts'
import { proxyNames, startProxy } from './proxies.ts'

const usage = `npm run bench -- l7 [options]
  --rounds N       rounds, each of every work on every path (5)
  --seconds N      time for each measurement (2)
  --paths A,B      of ${proxyNames.join(', ')}
  --works A,B      of small-1, small, small-512, connect (small)
  --profile DIR    a CPU profile of our proxy to DIR`

/** Rates of ours, in those of a peer. @see design.md §13 */
const required = [
  { peer: 'haproxy', factor: 0.8 },
  { peer: 'envoy', factor: 2 },
]

/** One HTTP/1.1 proxy beside its peers, each on the same core, round by round. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv)
  if (availableParallelism() < 2)
    throw new Error('expected two cores, one for the proxy and one for the load')
  using folder = temporaryFolder()
  using networks = makeTwoNamespaces({ captured: false })
  await using children = new Children()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => void children[Symbol.asyncDispose]())
  children.start({
    name: 'backend',
    netns: networks.far,
    core: loadCore,
    command: [process.execPath, loadProgram, 'backend', farIp, `${backendPort}`],
  })
  const load: LoadDeps = { children, generator: chooseGenerator('wrk') }
  const tulleMain = fileURLToPath(new URL('../../apps/tulle/src/main.ts', import.meta.url))
  const deps = { children, networks, folder: folder.path, tulleMain, profileFolder: options.profileFolder }
  const started = options.paths.map((name) => startProxy(name, deps))
  const leftOut = started.filter((one) => 'why' in one)
  const paths = started.flatMap((one) => ('why' in one ? [] : one))
  for (const path of paths) await awaitPath(path, children)
  const series = await measureRounds(options, paths, load)
  console.log(render(options, series, leftOut))
  if (options.profileFolder === undefined) return
  // A profile is written when its process ends by itself, which SIGTERM makes ours do.
  const proxies = paths.flatMap((path) => path.proxies)
  for (const proxy of proxies) proxy.stop()
  await Promise.allSettled(proxies.map((proxy) => proxy.ended()))
}

interface L7Options {
  readonly rounds: number
  readonly seconds: number
  readonly paths: readonly string[]
  readonly works: readonly Work[]
  readonly profileFolder: string | undefined
}

function parseOptions(argv: readonly string[]): L7Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      paths: { type: 'string', default: proxyNames.join(',') },
      works: { type: 'string', default: 'small' },
      profile: { type: 'string' },
    },
  })
  const paths = values.paths.split(',')
  const chosen = values.works.split(',')
  const stranger =
    paths.find((name) => !proxyNames.includes(name)) ??
    chosen.find((name) => !works.some((work) => work.name === name))
  if (stranger !== undefined) throw new Error(`expected another name than ${stranger}\n${usage}`)
  return {
    rounds: positive('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    paths,
    works: works.filter(({ name }) => chosen.includes(name)),
    profileFolder: values.profile,
  }
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (value > 0) return value
  throw new Error(`${option}: expected a positive number, found ${JSON.stringify(text)}\n${usage}`)
}

type Series = ReadonlyMap<string, readonly Measurement[]>

async function measureRounds(
  { rounds, seconds, works: chosen }: L7Options,
  paths: readonly BenchPath[],
  load: LoadDeps,
): Promise<Series> {
  const series = new Map<string, Measurement[]>()
  for (const work of chosen)
    for (const path of paths) await measure({ work, path, seconds: 2, perSecond: 0 }, load)
  for (let round = 0; round < rounds; round++) {
    for (const work of chosen) {
      // Each round begins with another path, so that none is always the first.
      for (const index of paths.keys()) {
        const path = paths[(index + round) % paths.length]
        if (path === undefined) continue
        const key = `${work.name} ${path.name}`
        const found = await measure({ work, path, seconds, perSecond: 0 }, load)
        series.set(key, [...(series.get(key) ?? []), found])
      }
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`)
  }
  return series
}

function render(options: L7Options, series: Series, leftOut: readonly LeftOut[]): string {
  const { cpu, cores, kernel, node, haproxy, commit } = machineFacts()
  return [
    `HTTP/1.1 proxy at ${commit}: ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}, HAProxy ${haproxy}`,
    `${options.rounds} rounds of ${options.seconds} s, interleaved; ours from the sources; median (min–max)`,
    ...options.works.map((work) => renderWork(work, options, series)),
    ...leftOut.map(({ name, why }) => `Left out: ${name}, because ${why}.`),
  ].join('\n\n')
}

function renderWork(work: Work, { paths }: L7Options, series: Series): string {
  const of = (path: string): readonly Measurement[] => series.get(`${work.name} ${path}`) ?? []
  const ours = of('ours')
  const rows = paths.flatMap((path) => {
    const found = of(path)
    if (found.length === 0) return []
    const cpu = numbers(found, 'cpu')
    const mine = numbers(ours, 'cpu')
    return [
      [
        path,
        spreadText(numbers(found, 'rate')),
        spreadText(cpu),
        spreadText(numbers(found, 'p50Us')),
        spreadText(numbers(found, 'p99Us')),
        `${found.reduce((sum, { errors }) => sum + errors, 0)}`,
        ratio(path, numbers(ours, 'rate'), numbers(found, 'rate')),
        ratio(path, mine, cpu),
      ],
    ]
  })
  const head = [
    work.name,
    work.rateUnit,
    `CPU ${work.cpuUnit}`,
    'p50 us',
    'p99 us',
    'errors',
    'ours / it',
    'CPU ours / it',
  ]
  const reached = required.flatMap(({ peer, factor }) => {
    const theirs = of(peer)
    if (work.name !== 'small' || theirs.length === 0 || ours.length === 0) return []
    return [
      `Required: ${factor} × ${peer}; reached: ${ratio(peer, numbers(ours, 'rate'), numbers(theirs, 'rate'))}.`,
    ]
  })
  return [`### ${work.name}: ${work.about}`, renderTable(head, rows), ...reached].join('\n\n')
}

function numbers(
  found: readonly Measurement[],
  column: 'rate' | 'cpu' | 'p50Us' | 'p99Us',
): readonly number[] {
  return found.flatMap((one) => one[column] ?? [])
}

function ratio(path: string, ours: readonly number[], theirs: readonly number[]): string {
  if (path === 'ours' || ours.length === 0 || ours.length !== theirs.length) return '–'
  return ratioSpread(pairedRatio(ours, theirs))
}

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'tulle-bench-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
