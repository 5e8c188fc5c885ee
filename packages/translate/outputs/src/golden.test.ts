import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { seededRng } from '@tulle/core'
import type { ExplainQuery } from './explanation.ts'
import { readManifests } from './testing/read-manifests.ts'
import { showModel } from './testing/show-model.ts'
import { worldOf } from './testing/world.ts'

const folder = join(import.meta.dirname, 'testdata')
const cases = globSync('*.in.yaml', { cwd: folder }).toSorted()
const writes = process.env['TULLE_GOLDEN'] === 'write'

/** Lines such as `# call: reader -> books:80` ask for explanations. */
function callsOf(text: string): readonly ExplainQuery[] {
  return [...text.matchAll(/^# call: (\S+) -> ([^\s:]+)(?::(\d+))?$/gmu)].map(
    ([, from = '', to = '', port]) => ({
      from,
      to,
      port: port === undefined ? undefined : Number(port),
    }),
  )
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
  const text = readFileSync(join(folder, file), 'utf8')
  const golden = join(folder, `${name}.out.yaml`)

  test(`translateMesh() ${name}`, () => {
    const shown = showModel(worldOf(...readManifests(text, file)).model, callsOf(text))
    if (writes) writeFileSync(golden, shown)
    assert.equal(shown, readFileSync(golden, 'utf8'))
  })

  test(`translateMesh() ${name}, one object at a time in another order`, () => {
    const world = worldOf()
    for (const object of shuffled(readManifests(text, file), 7)) world.set(object)
    world.allot()
    assert.equal(showModel(world.model, callsOf(text)), readFileSync(golden, 'utf8'))
  })
}

test('translateMesh() has cases, and no output without its input', () => {
  assert.ok(cases.length > 20)
  const outputs = globSync('*.out.yaml', { cwd: folder }).map((file) => basename(file, '.out.yaml'))
  assert.deepEqual(
    outputs.toSorted(),
    cases.map((file) => basename(file, '.in.yaml')),
  )
})
