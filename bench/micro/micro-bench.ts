/** `npm run bench -- micro`: what single steps of the request path cost, in one thread, beside what else could do them. */
import { parseArgs } from 'node:util'
import { hostileWorks, patternWorks } from './pattern-works.ts'
import { pathWorks } from './path-works.ts'
import { pickWorks } from './pick-works.ts'

/** One thing to measure. `step` does it `count` times and gives something back that depends on all of them. */
export interface Work {
  readonly name: string
  readonly step: (count: number) => number
}

const rounds = 5

export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { smoke: { type: 'boolean', default: false } } })
  const roundMs = values.smoke ? 5 : 120
  const works = [...patternWorks(), ...pathWorks(), ...pickWorks()]
  const nanoseconds = works.map((): number[] => [])
  const batches = works.map((work) => batchFor(work, roundMs))
  // Interleaved, so that what disturbs the machine disturbs all of them.
  for (let round = 0; round < rounds; round++) {
    for (const [index, work] of works.entries()) {
      const count = batches[index] ?? 1
      nanoseconds[index]?.push((timeOf(work, count) * 1e6) / count)
    }
  }
  console.log(`${'work'.padEnd(58)} ${'median'.padStart(9)}   least–most, ns`)
  for (const [index, work] of works.entries()) {
    const sorted = (nanoseconds[index] ?? []).toSorted((one, other) => one - other)
    const [least = 0, , median = 0, , most = 0] = sorted
    console.log(
      `${work.name.padEnd(58)} ${median.toFixed(1).padStart(9)}   ${least.toFixed(1)}–${most.toFixed(1)}`,
    )
  }
  console.log(
    `\n${'hostile pattern on a megabyte, each alone'.padEnd(58)} ${'first'.padStart(9)}   again, ms`,
  )
  for (const { name, prepare } of hostileWorks()) {
    const step = prepare()
    const [first = 0, ...again] = Array.from({ length: 4 }, () => timeOf({ name, step }, 1))
    const listed = again.map((ms) => ms.toFixed(1)).join(' ')
    console.log(`${name.padEnd(58)} ${first.toFixed(1).padStart(9)}   ${listed}`)
  }
}

let sink = 0

function timeOf(work: Work, count: number): number {
  const startMs = performance.now()
  sink += work.step(count)
  return performance.now() - startMs
}

/** How many times fit into a round, after the compiler has had its turn. */
function batchFor(work: Work, roundMs: number): number {
  let count = 1000
  timeOf(work, count)
  for (let ms = timeOf(work, count); ms < roundMs; ms = timeOf(work, count)) {
    count = Math.ceil(count * Math.min(4, Math.max(1.2, (1.1 * roundMs) / Math.max(ms, 0.01))))
  }
  return sink === Infinity ? 0 : count
}
