import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { oneOf, positive } from '../support/options.ts'
import { beforePathName, pathNames } from './paths.ts'
import { workNames } from './works.ts'

export interface L4BenchOptions {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly paths: readonly string[]
  readonly works: readonly string[]
  /** Of the memory work, one after the other. */
  readonly idleConnections: readonly number[]
  readonly settleMs: number
  readonly generator: 'wrk' | 'own'
  readonly source: boolean
  /** Another checkout, whose package is measured too. */
  readonly before: string | undefined
  readonly save: boolean
  readonly profileFolder: string | undefined
}

export const usage: string = `npm run bench -- l4 [options]
  --smoke          one round of a fifth of a second, without the prototype: does it run at all?
  --rounds N       rounds, each of every work on every path (5)
  --seconds N      time for each measurement (2)
  --paths A,B      of ${pathNames.join(', ')}
  --works A,B      of ${workNames.join(', ')}; bulk = download
  --source         runs our proxies from the TypeScript sources instead of the package that users install
  --before DIR     measures the package of another checkout (with its dependencies) in turns with ours, as 'before'
  --save           write the result to bench/results
  --profile DIR    CPU profiles of the Node proxies to DIR`

const productPaths = pathNames.filter((name) => name !== 'prototype')

/** Throws with the usage where an option or a name is unknown. */
export function parseL4Options(argv: readonly string[]): L4BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      paths: { type: 'string' },
      works: { type: 'string', default: workNames.join(',') },
      source: { type: 'boolean', default: false },
      before: { type: 'string' },
      save: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  })
  const { smoke } = values
  const wanted = values.works.split(',').map((name) => (name === 'bulk' ? 'download' : name))
  return {
    rounds: positive({ option: '--rounds', text: values.rounds ?? (smoke ? '1' : '5'), usage }),
    seconds: positive({ option: '--seconds', text: values.seconds ?? (smoke ? '0.2' : '2'), usage }),
    warmUpSeconds: smoke ? 0 : 1,
    paths: [
      ...oneOf({
        option: '--paths',
        names: values.paths?.split(',') ?? (smoke ? productPaths : pathNames),
        known: pathNames,
        usage,
      }),
      ...(values.before === undefined ? [] : [beforePathName]),
    ],
    works: oneOf({ option: '--works', names: wanted, known: workNames, usage }),
    idleConnections: smoke ? [10, 100] : [1000, 10_000],
    settleMs: smoke ? 100 : 2000,
    // wrk measures whole seconds, and is no load that the users of `tulle bench` have.
    generator: smoke ? 'own' : 'wrk',
    source: values.source,
    before: values.before === undefined ? undefined : resolve(values.before),
    save: values.save,
    profileFolder: values.profile === undefined ? undefined : resolve(values.profile),
  }
}
