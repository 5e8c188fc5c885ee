import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { layoutOf } from './field-positions.ts'
import { manifestLimits } from './limits.ts'
import { parseYaml } from './parse-yaml.ts'
import { Places } from './places.ts'
import { plainDocument } from './plain-document.ts'
import { readQuickYaml } from './quick-yaml.ts'
import { splitDocuments } from './split-documents.ts'

const workload = `apiVersion: tulle.dev/v1alpha1
kind: Workload
metadata:
  name: app-1   # the first
  namespace: team-0
  labels:
    app: app-1
    version: "v1"
spec:
  address: 10.1.0.7
  serviceAccount: 'app-1'
  ports:
    - name: http
      port: 8080
    - port: 9090
  run:
    command: [node, services/client.mjs]
    env: {}
`

const target = `---
kind: TrafficTarget
metadata:
  name: readers
spec:
  sources:
  - kind: ServiceAccount
    name: reader
  matches:
    ports: [8080, 9090]
`

/** What the library reads, or undefined where it finds a fault. */
function slowly(text: string): unknown {
  const { root, fault } = parseYaml(text, manifestLimits)
  if (fault !== undefined) return undefined
  const { value, valueAt, faults } = plainDocument(root, manifestLimits)
  if (faults.length > 0) return undefined
  const lines = new Places('a.yaml', text)
  const placed = Array.from(valueAt, ([path, offset]) => [path, lines.at(offset)] as const)
  // Maps of the library's values have no prototype.
  return { value: ordinary(value), layout: layoutOf(placed, 1) }
}

function quickly(text: string): unknown {
  return readQuickYaml(text, manifestLimits)
}

function ordinary(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordinary)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, ordinary(field)]))
}

/** Whether it was read quickly, and then as the library reads it. */
function agrees(text: string): boolean {
  const quick = quickly(text)
  if (quick === undefined) return false
  assert.deepEqual(quick, slowly(text), JSON.stringify(text))
  return true
}

test('readQuickYaml() reads what manifests are mostly made of, as the library does', () => {
  for (const text of [workload, target]) assert.ok(agrees(text))
})

test('readQuickYaml() reads most of our own examples and test data as the library does', () => {
  const here = import.meta.dirname
  const folders = [join(here, 'testdata'), join(here, '../../../../examples/bookstore')]
  let quick = 0
  for (const folder of folders) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
      for (const { text } of splitDocuments(readFileSync(join(folder, file), 'utf8'))) {
        if (agrees(text)) quick++
      }
    }
  }
  assert.ok(quick > 20, `${quick} documents`)
})

test('readQuickYaml() leaves to the library what means something else than it says', () => {
  for (const value of [
    'true',
    'Null',
    '~',
    '',
    '0x10',
    '1e3',
    '1.5',
    '-1',
    '.inf',
    '012',
    '&a b',
    '*a',
    '!t b',
    '|',
    '>-',
    'a: b',
    'a #b',
    '"a\\n"',
    "'it''s'",
    '[[1]]',
    '{a: b}',
    '[a, [b]]',
    '"a" b',
    'é',
    '\tb',
  ]) {
    const text = `key: ${value}\nother: x\n`
    if (agrees(text)) assert.match(value, /^a #b$/u)
  }
  for (const text of [
    'a: b\n c\n',
    'a: b\na: c\n',
    '- - a\n',
    '<<: a\n',
    'a:\nb: c\n',
    '? a\n: b\n',
    '{}\n',
    'a\n',
  ])
    agrees(text)
})

test('readQuickYaml() says the same as the library of manifests with any part cut out, doubled or replaced', () => {
  const piece = fc.constantFrom(
    ' ',
    '  ',
    '\n',
    ':',
    ': ',
    '- ',
    '-',
    '#',
    '"',
    "'",
    '[',
    ']',
    ',',
    'x',
    '1',
    '.',
    'null',
    '&a ',
    '\t',
    '---\n',
  )
  const edits = fc.array(fc.tuple(fc.nat(600), fc.nat(6), fc.option(piece)), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.constantFrom(workload, target), edits, (base, list) => {
      let text = base
      for (const [at, cut, inserted] of list) {
        const place = at % text.length
        text = text.slice(0, place) + (inserted ?? text.slice(place, place + cut)) + text.slice(place + cut)
      }
      for (const document of splitDocuments(text)) agrees(document.text)
    }),
    { numRuns: 2000 },
  )
})

test('readQuickYaml() has documents that are written alike share where their fields stand', () => {
  const first = readQuickYaml(workload, manifestLimits)
  const alike = readQuickYaml(workload.replaceAll('app-1', 'another-app'), manifestLimits)
  const other = readQuickYaml(`# shifted\n${workload}`, manifestLimits)
  assert.notEqual(first, undefined)
  assert.equal(alike?.layout, first?.layout)
  assert.deepEqual(other?.layout.paths, first?.layout.paths)
  assert.notDeepEqual(other?.layout.places, first?.layout.places)
})

test('readQuickYaml() goes on after more different documents than it remembers', () => {
  for (let i = 0; i < 3000; i++) assert.ok(readQuickYaml(`key-${i}: [a, b]\n`, manifestLimits) !== undefined)
  assert.ok(agrees(workload))
})

test('readQuickYaml() leaves a key __proto__ to the library', () => {
  assert.equal(readQuickYaml('__proto__: a\n', manifestLimits), undefined)
  assert.equal(readQuickYaml('a:\n  __proto__: {}\n', manifestLimits), undefined)
})
