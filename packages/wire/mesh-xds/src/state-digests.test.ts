import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bucketOf, bucketsOfText, bucketsToText, StateDigests } from './state-digests.ts'

const names = fc.oneof(fc.constantFrom('', 'a', '1:a', 'ü', '\u{1F4DA}'), fc.string({ maxLength: 4 }))
const states = fc.dictionary(names, fc.constantFrom('', '1', '2', '1:2'), { maxKeys: 20 })

test('StateDigests differ in the buckets of what is different, and in no others', () => {
  fc.assert(
    fc.property(states, states, (ours, theirs) => {
      const different = new Set<number>()
      for (const name of [...Object.keys(ours), ...Object.keys(theirs)]) {
        const [a, b] = [ours, theirs].map((state) => (Object.hasOwn(state, name) ? state[name] : undefined))
        if (a !== b) different.add(bucketOf(name))
      }
      const text = StateDigests.of(Object.entries(theirs).toReversed()).toText()
      assert.deepEqual(StateDigests.of(Object.entries(ours)).differing(text), different)
    }),
  )
})

test('StateDigests that follow changes are those of the state that comes of them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(names, fc.option(fc.constantFrom('1', '2')))), (changes) => {
      const state = new StateDigests()
      const versions = new Map<string, string>()
      for (const [name, version] of changes) {
        if (version === null) versions.delete(name)
        else versions.set(name, version)
        if (version === null) state.delete(name)
        else state.set(name, version)
        assert.equal(state.toText(), StateDigests.of(versions).toText())
      }
    }),
    { numRuns: 30 },
  )
})

test('StateDigests tell apart what a sum of entries would not', () => {
  const [one, two] = sharedBucket()
  const state = (a: string, b: string): StateDigests =>
    StateDigests.of([
      [one, a],
      [two, b],
    ])
  assert.equal(state('1', '2').differing(state('2', '1').toText())?.size, 1)
})

/** Two names of one bucket. */
function sharedBucket(): readonly [string, string] {
  const seen = new Map<number, string>()
  for (let i = 0; ; i++) {
    const name = `w${i}`
    const other = seen.get(bucketOf(name))
    if (other !== undefined) return [other, name]
    seen.set(bucketOf(name), name)
  }
}

test('bucketOf() spreads names as a mesh has them', () => {
  const counts = new Map<number, number>()
  for (let i = 0; i < 50_000; i++) {
    const bucket = bucketOf(`tulle//Workload/team-${i % 100}/app-${i % 5000}-${i}`)
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
  }
  assert.ok(counts.size > 4000, `${counts.size} buckets have something`)
  assert.ok(Math.max(...counts.values()) < 40, `${Math.max(...counts.values())} names in one`)
})

test('StateDigests and buckets refuse what is none of their texts', () => {
  const state = StateDigests.of([['a', '1']])
  const text = state.toText()
  for (const bad of ['', 'a', text.slice(4), `${text}AAAA`, '!'.repeat(text.length), `${text.slice(0, -1)} `])
    assert.equal(state.differing(bad), undefined)
  assert.equal(bucketsOfText(bucketsToText(new Set([1])).slice(4)), undefined)
  assert.deepEqual(bucketsOfText(bucketsToText(new Set([0, 9, 4095]))), new Set([0, 9, 4095]))
})
