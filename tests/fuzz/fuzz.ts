/** Runs one target: the same inputs for the same seed. */
import { seededRng } from '@tulle/core'
import type { Rng } from '@tulle/core'
import { below, mutate, pick } from './mutate.ts'
import { OutcomeMap } from './outcome-map.ts'
import type { FuzzTarget } from './target.ts'

/** Inputs kept for their outcomes, besides the seeds. */
const maxCorpus = 1000

export interface FuzzOptions {
  readonly seed: number
  readonly runs: number
  /** Asked now and then, with the runs so far; true ends it early. */
  readonly enough?: (runs: number) => boolean
  /** Inputs from earlier, besides the target's seeds. */
  readonly kept?: readonly Uint8Array[]
}

export interface FuzzReport {
  readonly runs: number
  readonly outcomes: number
  readonly corpus: number
  /** CPU time of the slowest input. */
  readonly slowestMs: number
  /** The first input for which something did not hold, as short as was easy to make it. */
  readonly failure: { readonly input: Uint8Array; readonly error: unknown } | undefined
}

export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const rng = seededRng(options.seed)
  const corpus: Uint8Array[] = [...target.seeds, ...(options.kept ?? [])]
  if (corpus.length === 0) corpus.push(new Uint8Array(0))
  const fixed = corpus.length
  const outcomes = new OutcomeMap()
  let slowestMs = 0
  let runs = 0
  const report = (failure: FuzzReport['failure']): FuzzReport => {
    return { runs, outcomes: outcomes.count, corpus: corpus.length, slowestMs, failure }
  }
  while (runs < options.runs) {
    const input = runs < fixed ? (corpus[runs] ?? new Uint8Array(0)) : next(rng, target, corpus)
    runs++
    const cpuBefore = process.threadCpuUsage()
    const startMs = performance.now()
    const result = attempt(target, input)
    // Of the wall's time others may have had some.
    if (performance.now() - startMs > slowestMs) slowestMs = Math.max(slowestMs, cpuMsSince(cpuBefore))
    if (result.error !== undefined) return report({ input: shorten(target, input), error: result.error })
    if (outcomes.add(result.outcome)) {
      if (corpus.length < fixed + maxCorpus) corpus.push(input)
      else corpus[fixed + below(rng, maxCorpus)] = input
    }
    if (runs % 256 !== 0) continue
    if (options.enough?.(runs) === true) break
    // What waits for the end of a turn is let go of.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return report(undefined)
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

function next(rng: Rng, target: FuzzTarget, corpus: readonly Uint8Array[]): Uint8Array {
  if (target.make !== undefined && rng.next() < 0.5) return target.make(rng).subarray(0, target.maxBytes)
  return mutate(rng, pick(rng, corpus), { corpus, words: target.words ?? [], maxBytes: target.maxBytes })
}

type Attempt = { readonly outcome: string; readonly error: undefined } | { readonly error: unknown }

export function attempt(target: FuzzTarget, input: Uint8Array): Attempt & { readonly outcome: string } {
  try {
    // Of its own: a reader that keeps or changes what it was given must not spoil the corpus.
    const outcome = target.run(new Uint8Array(input))
    const left = target.leftovers?.() ?? 0
    if (left === 0) return { outcome, error: undefined }
    return { outcome, error: new Error(`${left} objects were left behind`) }
  } catch (error) {
    return { outcome: '', error: error ?? new Error('nothing was thrown') }
  }
}

/** Leaves out pieces for as long as it still fails. */
function shorten(target: FuzzTarget, input: Uint8Array): Uint8Array {
  let best = input
  for (let piece = Math.ceil(best.length / 2); piece >= 1; piece = Math.floor(piece / 2)) {
    for (let at = 0; at < best.length;) {
      const shorter = Uint8Array.from(Buffer.concat([best.subarray(0, at), best.subarray(at + piece)]))
      if (attempt(target, shorter).error === undefined) at += piece
      else best = shorter
    }
  }
  return best
}
