import { parseArgs } from 'node:util'
import { positive } from '../support/options.ts'

export interface MeshPathOptions {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Takes wrk where it is installed. */
  readonly foreignLoads: boolean
  readonly source: boolean
  readonly save: boolean
}

const usage = `npm run bench -- mesh-path [options]
  --smoke          one round of a fifth of a second: does it run at all?
  --rounds N       rounds, each of every work on every path (5)
  --seconds N      time for each measurement (3)
  --source         runs the mesh from the TypeScript sources instead of the package that users install
  --save           write the result to bench/results`

/** Throws with the usage where an option is unknown. */
export function parseMeshPathOptions(argv: readonly string[]): MeshPathOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      source: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  })
  const { smoke, source, save } = values
  return {
    rounds: positive({ option: '--rounds', text: values.rounds ?? (smoke ? '1' : '5'), usage }),
    seconds: positive({ option: '--seconds', text: values.seconds ?? (smoke ? '0.2' : '3'), usage }),
    warmUpSeconds: smoke ? 0 : 2,
    foreignLoads: !smoke,
    source,
    save,
  }
}
