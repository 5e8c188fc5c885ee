/** The fuzzers, briefly and always the same; for long: `npm run fuzz`. */
import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { attempt, fuzz } from './fuzz.ts'
import { seedFiles } from './seed-files.ts'
import type { FuzzTarget } from './target.ts'
import { targets } from './targets/index.ts'

const runs = (target: FuzzTarget): number => (target.name === 'manifests' ? 60 : 500)

for (const target of targets) {
  test(`${target.name}: ${target.about}`, async () => {
    const { failure, outcomes } = await fuzz(target, { seed: 1, runs: runs(target) })
    if (failure !== undefined) {
      throw new Error(`input ${Buffer.from(failure.input).toString('hex')}`, { cause: failure.error })
    }
    // A target that does the same whatever comes would find nothing.
    ok(outcomes > 4, `only ${outcomes} outcomes`)
  })

  for (const { name, bytes } of seedFiles(target.name)) {
    test(`${target.name}: the kept input ${name}`, () => equal(attempt(target, bytes).error, undefined))
  }
}

test('fuzz finds what does not hold, shortens it, and finds it again with the same seed', async () => {
  const target: FuzzTarget = {
    name: 'planted',
    about: '',
    seeds: [Buffer.from('nothing of note')],
    words: [Buffer.from('bug')],
    maxBytes: 100,
    run(input) {
      ok(!Buffer.from(input).includes('bug'))
      return String(input.length)
    },
  }
  const first = await fuzz(target, { seed: 3, runs: 10_000 })
  equal(Buffer.from(first.failure?.input ?? []).toString(), 'bug')
  equal((await fuzz(target, { seed: 3, runs: 10_000 })).runs, first.runs)
})

test('fuzz finds what is left behind', async () => {
  const kept: Uint8Array[] = []
  const target: FuzzTarget = {
    name: 'leaking',
    about: '',
    seeds: [Uint8Array.of(1)],
    maxBytes: 10,
    run: (input) => `${kept.push(input)}`,
    leftovers: () => (kept.length > 50 ? kept.length : 0),
  }
  ok((await fuzz(target, { seed: 1, runs: 1000 })).failure)
})
