import type { LoadReport } from '../../apps/tulle/src/bench/load/load-report.ts'
import type { Children } from '../support/children.ts'
import { measureLoad } from '../support/measurement.ts'
import type { Measurement } from '../support/measurement.ts'
import { reportOf, startLoad } from '../support/own-load.ts'
import { loadCore } from '../support/run-setting.ts'
import { runWrk } from '../support/wrk.ts'
import type { BenchPath } from './paths.ts'
import type { Work } from './works.ts'

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

export function measure(run: Run, deps: LoadDeps): Promise<Measurement> {
  const { work, path } = run
  return measureLoad(path.proxies, work.rateUnit === 'Gbit/s', () => runLoad(run, deps))
}

async function runLoad(run: Run, { generator, children }: LoadDeps): Promise<LoadReport> {
  const { work, path, seconds, perSecond } = run
  const { mode, connections } = work
  if (generator === 'own' || (mode !== 'small' && mode !== 'connect'))
    return await reportOf(startLoad(path, { mode, connections, seconds, perSecond }, children))
  const plan = {
    name: `wrk on ${path.name}`,
    netns: path.networks.near,
    core: loadCore,
    url: `http://${path.ip}:${path.port}/`,
    connections,
    seconds,
    args: mode === 'connect' ? ['-H', 'Connection: close'] : [],
  }
  return await runWrk(plan, children)
}
