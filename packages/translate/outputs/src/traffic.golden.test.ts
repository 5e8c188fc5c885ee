import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { parseManifests } from '@tulle/api'
import type { AnyObject } from '@tulle/api'
import { must, seededRng } from '@tulle/core'
import { decodeServiceTraffic, encodeServiceTraffic } from '@tulle/traffic-xds'
import { showTraffic } from './testing/show-traffic.ts'
import { worldOf } from './testing/world.ts'

const folder = join(import.meta.dirname, 'testdata/traffic')
const cases = globSync('*.in.yaml', { cwd: folder }).toSorted()
const writes = process.env['TULLE_GOLDEN'] === 'write'

function objectsOf(file: string): readonly AnyObject[] {
  const { objects, problems } = parseManifests(readFileSync(join(folder, file), 'utf8'), file)
  assert.deepEqual(problems, [])
  return objects
}

function shuffled<T>(list: readonly T[], seed: number): readonly T[] {
  const rng = seededRng(seed)
  return list
    .map((item) => ({ item, at: rng.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

for (const file of cases) {
  const name = basename(file, '.in.yaml')
  const golden = join(folder, `${name}.out.yaml`)

  test(`service traffic: ${name}`, () => {
    const shown = showTraffic(worldOf(...objectsOf(file)).model)
    if (writes) writeFileSync(golden, shown)
    assert.equal(shown, readFileSync(golden, 'utf8'))
  })

  test(`service traffic: ${name}, whatever the order in which objects come and whatever was there`, () => {
    for (const seed of [3, 11, 27]) {
      const world = worldOf()
      const objects = objectsOf(file)
      for (const object of shuffled(objects, seed)) world.set(object)
      for (const object of shuffled(objects, seed + 1).slice(0, objects.length / 2)) world.delete(object)
      for (const object of shuffled(objects, seed + 2)) world.set(object)
      world.allot()
      assert.equal(showTraffic(world.model), readFileSync(golden, 'utf8'))
    }
  })
}

for (const file of cases) {
  test(`service traffic: ${basename(file, '.in.yaml')} arrives at a waypoint as it was`, () => {
    for (const [, traffic] of worldOf(...objectsOf(file)).model.traffic.entries())
      assert.deepEqual(must(decodeServiceTraffic(encodeServiceTraffic(traffic))), traffic)
  })
}

test('service traffic has cases, and no output without its input', () => {
  assert.ok(cases.length > 10)
  const outputs = globSync('*.out.yaml', { cwd: folder }).map((file) => basename(file, '.out.yaml'))
  assert.deepEqual(
    outputs.toSorted(),
    cases.map((file) => basename(file, '.in.yaml')),
  )
})
