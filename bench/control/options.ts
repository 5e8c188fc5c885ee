import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { positive } from '../support/options.ts'

export interface ControlSize {
  readonly name: string
  readonly services: number
  readonly workloads: number
  readonly policies: number
  /** Subscribed nodes, the slow one among them. */
  readonly nodes: number
  /** Of the nodes, how many subscribe by name: to `namesEach` of the mesh. */
  readonly onDemandShare: number
  /** Whether one node asks for everything and then reads nothing. */
  readonly slowNode: boolean
}

export interface ControlBenchOptions {
  readonly sizes: readonly ControlSize[]
  readonly seconds: number
  readonly changesPerSecond: number
  readonly inPlace: boolean
  readonly storm: boolean
  readonly save: boolean
  readonly profileFolder: string | undefined
}

const growth = (workloads: number): ControlSize => ({
  name: `growth-${workloads}`,
  services: workloads / 10,
  workloads,
  policies: workloads / 100,
  nodes: 50,
  onDemandShare: 0,
  slowNode: false,
})

/** `growth` stands for all sizes that begin with it. */
export const sizes: readonly ControlSize[] = [
  { ...growth(200), name: 'smoke', services: 20, policies: 5, nodes: 4, onDemandShare: 0.5, slowNode: true },
  { ...growth(5000), name: 'small', services: 500, policies: 50 },
  { ...growth(50_000), name: 'full', policies: 500, nodes: 1000, onDemandShare: 0.5, slowNode: true },
  ...[1000, 5000, 10_000, 20_000, 50_000].map(growth),
]

export const usage: string = `npm run bench -- control [options]
  --smoke          a mesh of 200 workloads for one second: does it run at all?
  --sizes A,B      of ${sizes.map(({ name }) => name).join(', ')}, or growth for all of those (small)
  --seconds N      how long changes are made (15)
  --rate N         changes a second (10)
  --in-place       write files in place, where careful editors rename
  --no-storm       leave the restart out
  --save           write the result to bench/results; with growth, a plot too
  --profile DIR    CPU profiles of the control plane to DIR`

/** Throws with the usage where an option or a name is unknown. */
export function parseControlOptions(argv: readonly string[]): ControlBenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      smoke: { type: 'boolean', default: false },
      sizes: { type: 'string' },
      seconds: { type: 'string' },
      rate: { type: 'string', default: '10' },
      'in-place': { type: 'boolean', default: false },
      'no-storm': { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  })
  return {
    sizes: (values.sizes ?? (values.smoke ? 'smoke' : 'small')).split(',').flatMap(sizesOf),
    seconds: positive({ option: '--seconds', text: values.seconds ?? (values.smoke ? '1' : '15'), usage }),
    changesPerSecond: positive({ option: '--rate', text: values.rate, usage }),
    inPlace: values['in-place'],
    storm: !values['no-storm'],
    save: values.save,
    profileFolder: values.profile === undefined ? undefined : resolve(values.profile),
  }
}

function sizesOf(name: string): readonly ControlSize[] {
  const found = sizes.filter((size) =>
    name === 'growth' ? size.name.startsWith('growth-') : size.name === name,
  )
  if (found.length === 0) throw new Error(`--sizes: ${JSON.stringify(name)} is none of them\n${usage}`)
  return found
}
