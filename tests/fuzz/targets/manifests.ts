/** What users write: any text comes to objects and problems. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseManifests } from '@tulle/api'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'

const folder = join(import.meta.dirname, '../../../examples/bookstore')
const words = [
  '---\n',
  '{',
  '[',
  '&a ',
  '*a',
  '<<: ',
  '!!binary ',
  '? ',
  '|\n',
  '>-\n',
  '%YAML 1.2\n',
  '~',
  '.inf',
  '0x7fffffff',
  '\t',
  '\u{FEFF}',
  '"\\ud800"',
  '- ',
  ': ',
  'spec:',
  'kind: ',
  'apiVersion: ',
  '__proto__: ',
  'constructor: ',
  '1e999',
  '#',
]

export const manifests: FuzzTarget = {
  name: 'manifests',
  about: 'any text gives objects with distinct keys and problems with a place; the same text gives the same',
  seeds: globSync('*.yaml', { cwd: folder }).map((name) =>
    readFileSync(join(folder, name)).subarray(0, 3000),
  ),
  words: words.map((word) => Buffer.from(word)),
  maxBytes: 4000,
  run(input) {
    const text = Buffer.from(input).toString('utf8')
    const { objects, problems, documents } = parseManifests(text, 'fuzz.yaml')
    const keys = objects.map(
      (object) => `${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`,
    )
    ensure(new Set(keys).size === keys.length, () => `two of ${keys.join()}`)
    for (const problem of problems) ensure(problem.message !== '', () => 'a problem without words')
    ensure(Object.keys(Object.prototype).length === 0, () => 'the prototype of all objects was written to')
    return `${objects.length} ${problems.map((problem) => problem.code).join()} ${documents.length}`
  },
}
