import type { LoadMode, LoadReport } from '../../apps/tulle/src/bench/load/load-report.ts'
import { MeshFolder } from '../../tests/support/mesh.ts'
import { buildPackage } from '../support/build-package.ts'
import { Children } from '../support/children.ts'
import { expectAnswers } from '../support/expect-answers.ts'
import { machineFacts } from '../support/machine.ts'
import { measureLoad } from '../support/measurement.ts'
import { awaitPath, reportOf, startLoad } from '../support/own-load.ts'
import { halfOfSaturation, Rounds } from '../support/rounds.ts'
import { endOnSignals, expectTwoCores, loadCore } from '../support/run-setting.ts'
import { saveResult } from '../support/save-result.ts'
import { baseline } from '../support/series-tables.ts'
import { hasWrk, runWrk } from '../support/wrk.ts'
import { MeshPaths } from './mesh-paths.ts'
import type { MeshPath } from './mesh-paths.ts'
import { parseMeshPathOptions } from './options.ts'
import type { MeshPathOptions } from './options.ts'
import { pathManifests } from './path-mesh.ts'
import { latency, renderReport, saturation } from './report.ts'
import type { MeshPathReport } from './report.ts'

const connections = 32

/** Client → node proxy → waypoint → node proxy → server in a mesh of `tulle up`, beside the same with less of a mesh. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parseMeshPathOptions(argv)
  expectTwoCores()
  const program = options.source ? {} : { program: buildPackage('tulle-bench') }
  using folder = new MeshFolder({ manifests: pathManifests(), args: ['--workers', '1'], ...program })
  await using mesh = await folder.start()
  await using children = new Children()
  endOnSignals(children)
  using ways = await MeshPaths.of(mesh)
  for (const path of ways.paths) await awaitPath(path, children)
  const report = await measureAll(options, ways.paths, children)
  const printed = renderReport(report)
  console.log(printed)
  if (options.save) console.log(`\nsaved as ${saveResult('mesh-path', report, printed)}`)
  expectAnswers(report.series, options.seconds, () => true)
}

async function measureAll(
  options: MeshPathOptions,
  paths: readonly MeshPath[],
  children: Children,
): Promise<MeshPathReport> {
  const { rounds: count, seconds, warmUpSeconds, source } = options
  const rounds = new Rounds()
  const generator = options.foreignLoads && hasWrk() ? 'wrk' : 'own'
  const measureAt = async (work: { readonly name: string }, perSecond: number): Promise<void> => {
    const mode = perSecond === 0 ? 'small' : 'steady'
    await rounds.run({
      works: [work],
      pathsOf: () => paths,
      rounds: count,
      seconds,
      warmUpSeconds,
      measure: (_work, path, time) =>
        measureLoad(path.proxies, false, () =>
          load({ path, mode, seconds: time, perSecond, generator }, children),
        ),
    })
  }
  await measureAt(saturation, 0)
  const rate = halfOfSaturation(rounds, saturation.name, baseline)
  await measureAt(latency, rate.perSecond)
  return {
    rounds: count,
    seconds,
    generator,
    program: source ? 'sources' : 'package',
    latency: rate,
    series: rounds.series,
    machine: machineFacts(),
  }
}

interface LoadOfPath {
  readonly path: MeshPath
  readonly mode: LoadMode
  readonly seconds: number
  readonly perSecond: number
  readonly generator: 'wrk' | 'own'
}

async function load({ path, generator, ...plan }: LoadOfPath, children: Children): Promise<LoadReport> {
  if (generator === 'own' || plan.mode === 'steady')
    return await reportOf(startLoad(path, { ...plan, connections }, children))
  const name = `wrk on ${path.name}`
  const url = `http://${path.ip}:${path.port}/`
  const { seconds } = plan
  const wrk = { name, netns: path.networks.near, core: loadCore, url, connections, seconds, args: [] }
  return await runWrk(wrk, children)
}
