import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { parseManifests } from './parse-manifests.ts'
import type { Manifests } from './parse-manifests.ts'
import { problemText } from './problem.ts'

const folder = join(import.meta.dirname, 'testdata')
const cases = globSync('*.in.yaml', { cwd: folder }).toSorted()
const writes = process.env['TULLE_GOLDEN'] === 'write'

/** What users are told, then what is in force. */
function show({ objects, problems }: Manifests): string {
  const plain = objects.map(({ group, version, kind, metadata, spec, origin }) => ({
    object: `${group === '' ? '' : `${group}/`}${version} ${kind} ${metadata.namespace}/${metadata.name}`,
    at: `${origin.line}:${origin.column}`,
    spec,
  }))
  return stringify({ problems: problems.map(problemText), objects: plain }, { lineWidth: 0 })
}

for (const file of cases) {
  const name = basename(file, '.in.yaml')
  test(`parseManifests() ${name}`, () => {
    const golden = join(folder, `${name}.out.yaml`)
    const shown = show(parseManifests(readFileSync(join(folder, file), 'utf8'), `${name}.yaml`))
    if (writes) writeFileSync(golden, shown)
    assert.equal(shown, readFileSync(golden, 'utf8'))
  })
}

test('parseManifests() has cases, and no output without its input', () => {
  assert.ok(cases.length > 15)
  const outputs = globSync('*.out.yaml', { cwd: folder }).map((file) => basename(file, '.out.yaml'))
  assert.deepEqual(
    outputs.toSorted(),
    cases.map((file) => basename(file, '.in.yaml')),
  )
})
