import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { oneOf, positive } from '../support/options.ts'
import { beforeName, proxyNames } from './proxies.ts'
import { defaultWorkNames, smokeWorkNames, workNames } from './works.ts'

export interface L7BenchOptions {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly paths: readonly string[]
  readonly works: readonly string[]
  /** Of the memory work, one after the other. */
  readonly idleConnections: readonly number[]
  readonly settleMs: number
  /** Takes wrk and h2load where they are installed. */
  readonly foreignLoads: boolean
  readonly source: boolean
  readonly save: boolean
  /** Another checkout, whose package is measured too. */
  readonly before: string | undefined
  readonly profileFolder: string | undefined
}

/** Until what runs is compiled, on a core that the compiler shares. */
const usualWarmUpSeconds = 6

const usage = `npm run bench -- l7 [options]
  --smoke          one round of a fifth of a second with our own load: does it run at all?
  --rounds N       rounds, each of every work on every path (5)
  --seconds N      time for each measurement (1)
  --warm-up N      seconds of each work on each path before (6)
  --paths A,B      of ${proxyNames.join(', ')}
  --works A,B      of ${workNames.join(', ')}
  --source         runs our proxy from the TypeScript sources instead of the package that users install
  --before DIR     measures the package of another checkout (with its dependencies) in turns with ours, as 'before'
  --save           write the result to bench/results
  --profile DIR    a CPU profile of our proxy to DIR`

/** Throws with the usage where an option or a name is unknown. */
export function parseL7Options(argv: readonly string[]): L7BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      paths: { type: 'string', default: proxyNames.join(',') },
      works: { type: 'string' },
      source: { type: 'boolean', default: false },
      before: { type: 'string' },
      save: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  })
  const { smoke } = values
  const usual = smoke ? smokeWorkNames : defaultWorkNames
  return {
    rounds: positive({ option: '--rounds', text: values.rounds ?? (smoke ? '1' : '5'), usage }),
    seconds: positive({ option: '--seconds', text: values.seconds ?? (smoke ? '0.2' : '1'), usage }),
    warmUpSeconds: smoke
      ? 0
      : positive({ option: '--warm-up', text: values['warm-up'] ?? `${usualWarmUpSeconds}`, usage }),
    paths: [
      ...oneOf({ option: '--paths', names: values.paths.split(','), known: proxyNames, usage }),
      ...(values.before === undefined ? [] : [beforeName]),
    ],
    works: oneOf({ option: '--works', names: values.works?.split(',') ?? usual, known: workNames, usage }),
    idleConnections: smoke ? [10, 100] : [1000, 10_000],
    settleMs: smoke ? 100 : 2000,
    // They measure whole seconds, and see no trailers.
    foreignLoads: !smoke,
    source: values.source,
    before: values.before === undefined ? undefined : resolve(values.before),
    save: values.save,
    profileFolder: values.profile === undefined ? undefined : resolve(values.profile),
  }
}
