import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pathNames } from './paths.ts'
import { works } from './works.ts'

export interface L4BenchOptions {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly paths: readonly string[]
  readonly works: readonly string[]
  readonly save: boolean
  readonly profileFolder: string | undefined
}

export const usage: string = `npm run bench -- l4 [options]
  --smoke          one round of half a second: does it run at all?
  --rounds N       rounds, each of every work on every path (5)
  --seconds N      time for each measurement (4)
  --paths A,B      of ${pathNames.join(', ')}
  --works A,B      of ${works.map(({ name }) => name).join(', ')}
  --save           write the result to bench/results
  --profile DIR    CPU profiles of the Node proxies to DIR`

/** Throws with the usage where an option or a name is unknown. */
export function parseL4Options(argv: readonly string[]): L4BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      paths: { type: 'string', default: pathNames.join(',') },
      works: { type: 'string', default: works.map(({ name }) => name).join(',') },
      save: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  })
  const { smoke } = values
  return {
    rounds: positive('--rounds', values.rounds ?? (smoke ? '1' : '5')),
    seconds: positive('--seconds', values.seconds ?? (smoke ? '0.5' : '4')),
    warmUpSeconds: smoke ? 0.5 : 2,
    paths: oneOf('--paths', values.paths.split(','), pathNames),
    works: oneOf(
      '--works',
      values.works.split(','),
      works.map(({ name }) => name),
    ),
    save: values.save,
    profileFolder: values.profile === undefined ? undefined : resolve(values.profile),
  }
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (value > 0) return value
  throw new Error(`${option}: expected a positive number, found ${JSON.stringify(text)}\n${usage}`)
}

function oneOf(option: string, names: readonly string[], known: readonly string[]): readonly string[] {
  const stranger = names.find((name) => !known.includes(name))
  if (stranger === undefined) return names
  throw new Error(`${option}: expected some of ${known.join(', ')}, found ${stranger}\n${usage}`)
}
