import type { Measurement } from './measurement.ts'
import { median } from './statistics.ts'

/** One work on one path, a measurement for each round. */
export interface Series {
  readonly work: string
  readonly path: string
  readonly measurements: readonly Measurement[]
}

export interface RoundsPlan<Work extends Named, Path extends Named> {
  readonly works: readonly Work[]
  readonly pathsOf: (work: Work) => readonly Path[]
  readonly rounds: number
  /** For each measurement. */
  readonly seconds: number
  /** Of each work on each path, before the first round; 0: none. */
  readonly warmUpSeconds: number
  readonly measure: (work: Work, path: Path, seconds: number) => Promise<Measurement>
}

interface Named {
  readonly name: string
}

/** Measures every work on every path in each round, so that what disturbs the machine for a while disturbs all of them. */
export class Rounds {
  readonly #series: Map<string, Series> = new Map()

  get series(): readonly Series[] {
    return [...this.#series.values()]
  }

  async run<W extends Named, P extends Named>(plan: RoundsPlan<W, P>): Promise<void> {
    const { works, pathsOf, rounds, seconds, warmUpSeconds, measure } = plan
    if (warmUpSeconds > 0)
      for (const work of works) for (const path of pathsOf(work)) await measure(work, path, warmUpSeconds)
    for (let round = 0; round < rounds; round++) {
      for (const work of works) {
        const paths = pathsOf(work)
        // Each round begins with another path, so that none is always the first after a change of work.
        for (const index of paths.keys()) {
          const path = paths[(index + round) % paths.length]
          if (path !== undefined) this.#add(work.name, path.name, await measure(work, path, seconds))
        }
      }
      if (works.length > 0) process.stderr.write(`round ${round + 1} of ${rounds}\n`)
    }
  }

  /** The path that got the least through, by the median of its rounds; undefined where there is none. */
  slowest(work: string, except: string): { readonly path: string; readonly rate: number } | undefined {
    return this.series
      .filter((one) => one.work === work && one.path !== except)
      .map(({ path, measurements }) => ({ path, rate: median(measurements.map(({ rate }) => rate)) }))
      .toSorted((a, b) => a.rate - b.rate)[0]
  }

  #add(work: string, path: string, measurement: Measurement): void {
    const key = `${work} ${path}`
    const before = this.#series.get(key)?.measurements ?? []
    this.#series.set(key, { work, path, measurements: [...before, measurement] })
  }
}

/** A fixed rate at which latency is measured, and whose half of saturation it is. */
export interface LatencyRate {
  readonly perSecond: number
  readonly slowest: string
}

/** Half of what the slowest path got through in `work`, so that every path can do it. */
export function halfOfSaturation(rounds: Rounds, work: string, direct: string): LatencyRate {
  const slowest = rounds.slowest(work, direct)
  if (slowest === undefined) throw new Error(`latency is measured at half of what ${work} found: add ${work}`)
  return { perSecond: Math.round(slowest.rate / 2), slowest: slowest.path }
}
