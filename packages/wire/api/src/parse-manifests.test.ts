import assert from 'node:assert/strict'
import { test } from 'node:test'
import { objectKey } from './kinds.ts'
import { manifestLimits } from './limits.ts'
import { parseManifests } from './parse-manifests.ts'

const namespace = (name: string): string => `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}\n`

test('parseManifests() tells where each field stands, for conditions that point at one', () => {
  const text = `# books
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: a}
spec:
  destination: {kind: ServiceAccount, name: books}
  sources:
    - kind: ServiceAccount
      name: reader
  rules:
    - {kind: TCPRoute, name: port}
`
  const [object] = parseManifests(text, 'a.yaml').objects
  const place = (path: string): string => {
    const origin = object?.positions.get(path)
    return `${origin?.file}:${origin?.line}:${origin?.column}`
  }
  assert.deepEqual(object?.origin, { file: 'a.yaml', line: 2, column: 1 })
  assert.equal(place('spec'), 'a.yaml:6:3')
  assert.equal(place('spec.destination.name'), 'a.yaml:6:45')
  assert.equal(place('spec.sources[0]'), 'a.yaml:8:7')
  assert.equal(place('spec.sources[0].name'), 'a.yaml:9:13')
  assert.equal(place('spec.rules[0].kind'), 'a.yaml:11:14')
})

test('parseManifests() counts places through carriage returns and a byte order mark', () => {
  const text = `\uFEFF${namespace('a')}---\n${namespace('B')}`.replaceAll('\n', '\r\n')
  const { objects, problems } = parseManifests(text, 'a.yaml')
  assert.equal(objects.length, 1)
  assert.deepEqual(
    problems.map(({ origin }) => [origin.line, origin.column]),
    [[7, 18]],
  )
})

test('parseManifests() tells what was rejected in which document, with its key where it can be read', () => {
  const text = `${namespace('good')}---
apiVersion: v1
kind: Service
metadata: {name: broken, namespace: shop}
spec: {ports: 80
---
apiVersion: tulle.dev/v1alpha1
kind: Mesh
metadata: {name: slip}
spec: {mtls: on}
---
: :
`
  const { documents } = parseManifests(text, 'a.yaml')
  assert.deepEqual(
    documents.map(({ objects, rejected }) => [objects.map(objectKey), rejected.map(({ key }) => key)]),
    [
      [['/Namespace//good'], []],
      [[], ['/Service/shop/broken']],
      [[], ['tulle.dev/Mesh//slip']],
      [[], [undefined]],
    ],
  )
})

test('parseManifests() bounds the problems of a file', () => {
  const text = Array.from({ length: 300 }, () => 'kind: x\n').join('---\n')
  const { problems } = parseManifests(text, 'a.yaml')
  assert.equal(problems.length, manifestLimits.maxProblems + 1)
  assert.equal(problems.at(-1)?.code, 'API_MORE_PROBLEMS')
  assert.match(problems.at(-1)?.message ?? '', /^100 further problems/u)
})

const tooMuch: readonly (readonly [name: string, text: string, code: string])[] = [
  ['a file that is too long', 'a'.repeat(manifestLimits.maxFileBytes + 1), 'API_TOO_LARGE'],
  ['too many documents', '--- a\n'.repeat(manifestLimits.maxDocuments + 1), 'API_TOO_LARGE'],
  ['brackets', '['.repeat(400_000), 'API_TOO_DEEP'],
  ['braces', '{a: '.repeat(200_000), 'API_TOO_DEEP'],
  ['nested lists', '- '.repeat(200_000), 'API_TOO_LARGE'],
  ['lists within lists', '- '.repeat(70_000), 'API_TOO_DEEP'],
  ['lists within fewer lists', '- '.repeat(5000), 'API_TOO_DEEP'],
  ['keys that are keys', '? '.repeat(70_000), 'API_TOO_DEEP'],
  ['brackets after brackets', `${']\n'.repeat(100)}${'['.repeat(1000)}`, 'API_TOO_DEEP'],
  ['nested maps', Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), 'API_TOO_DEEP'],
  ['commas', `[${','.repeat(400_000)}`, 'API_TOO_LARGE'],
  ['closing brackets', ']\n'.repeat(400_000), 'API_TOO_LARGE'],
  ['anchors', '&a '.repeat(400_000), 'API_TOO_LARGE'],
  ['directives', `---\n${'%A\n'.repeat(200_000)}`, 'API_SYNTAX'],
  ['empty lines', `a: 1${'\n'.repeat(400_000)}`, 'API_TOO_LARGE'],
  [
    'aliases of aliases',
    `a: &a [x,x,x,x,x,x,x,x]\n${['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh'].map((link) => `${link[1]}: &${link[1]} [${`*${link[0]},`.repeat(8)}]`).join('\n')}`,
    'API_TOO_LARGE',
  ],
  ['an alias of itself', 'a: &a [*a, *a]', 'API_TOO_DEEP'],
  ['a merge of itself', 'a: &a {<<: *a, <<: [*a, *a]}', 'API_TOO_DEEP'],
]

for (const [name, text, code] of tooMuch) {
  test(`parseManifests() refuses ${name}, and reads what follows`, () => {
    const isWhole = text.length > manifestLimits.maxFileBytes || name === 'too many documents'
    const after = isWhole ? '' : `\n---\n${namespace('after')}`
    const { objects, problems } = parseManifests(text + after, 'a.yaml')
    assert.deepEqual(
      problems.map((problem) => problem.code),
      [code],
    )
    assert.deepEqual(objects.map(objectKey), isWhole ? [] : ['/Namespace//after'])
  })
}

test('parseManifests() reads a document with as many aliases as values', () => {
  const text = `${namespace('many')}x: &x 1\nlist: [${'*x,'.repeat(20_000)}]\n`
  const { problems } = parseManifests(text, 'a.yaml')
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['x', 'list'],
  )
})
