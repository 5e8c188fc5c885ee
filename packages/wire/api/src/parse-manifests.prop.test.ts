import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { objectKey } from './kinds.ts'
import { parseManifests } from './parse-manifests.ts'
import { problemText } from './problem.ts'

const good = `apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: l7, namespace: bookstore, labels: {a: "b"}}
spec:
  destination: {kind: ServiceAccount, name: books}
  sources:
    - {kind: ServiceAccount, name: reader}
  rules:
    - {kind: HTTPRouteGroup, name: api, matches: [read]}
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: api}
spec:
  matches:
    - {name: read, pathRegex: "/a.*", methods: [GET], headers: [{x: "y"}]}
---
apiVersion: v1
kind: Service
metadata: {name: books}
spec: {selector: {app: books}, ports: [{port: 80, targetPort: web}]}
---
apiVersion: tulle.dev/v1alpha1
kind: Workload
metadata: {name: books}
spec: {run: {command: [node], env: {A: "1"}}, ports: [{port: 8080}]}
`

/** Whatever a file says: an answer in which everything has a place within the file. */
function answers(text: string): void {
  const { objects, problems, documents } = parseManifests(text, 'a.yaml')
  const lines = text.split('\n').length
  for (const { origin } of [...objects, ...problems]) {
    assert.ok(origin.line >= 1 && origin.line <= lines && origin.column >= 1)
  }
  for (const problem of problems) assert.ok(!problemText(problem).includes('\n'), problemText(problem))
  assert.equal(new Set(objects.map(objectKey)).size, objects.length)
  // Nothing is left out in silence.
  const rejected = documents.flatMap((document) => document.rejected).length
  if (rejected > 0) assert.ok(problems.length > 0)
}

test('parseManifests() answers to any text', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), answers))
})

test('parseManifests() answers to text made of what YAML is made of', () => {
  const piece = fc.constantFrom(
    '- ',
    ': ',
    'a',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '|\n',
    '&a ',
    '*a',
    '<<: ',
    '? ',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '!!x ',
    '#',
    '\t',
    'apiVersion: v1\n',
    'kind: List\n',
    'items:\n',
  )
  fc.assert(fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => answers(pieces.join(''))))
})

test('parseManifests() answers to manifests with any part cut out, doubled or replaced', () => {
  const edit = fc.record({ at: fc.nat(good.length), length: fc.nat(40), text: fc.string({ maxLength: 8 }) })
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let text = good
      for (const { at, length, text: put } of edits) text = text.slice(0, at) + put + text.slice(at + length)
      answers(text)
    }),
  )
})

test('parseManifests() answers to manifests with any value in any field', () => {
  const kinds = fc.constantFrom(
    'TrafficTarget',
    'HTTPRouteGroup',
    'TCPRoute',
    'Service',
    'Workload',
    'Mesh',
    'Revocation',
    'Namespace',
    'TrafficSplit',
    'HTTPRoute',
    'GRPCRoute',
    'TLSRoute',
    'Gateway',
    'BackendTLSPolicy',
    'XBackendTrafficPolicy',
    'List',
  )
  const groups = fc.constantFrom(
    'v1',
    'access.smi-spec.io/v1alpha3',
    'specs.smi-spec.io/v1alpha4',
    'tulle.dev/v1alpha1',
    'split.smi-spec.io/v1alpha4',
    'gateway.networking.k8s.io/v1',
    'gateway.networking.x-k8s.io/v1alpha1',
  )
  const keys = fc.constantFrom(
    'name',
    'kind',
    'ports',
    'matches',
    'rules',
    'sources',
    'identities',
    'serials',
    'destination',
    'run',
    'command',
    'env',
    'selector',
    'headers',
    'pathRegex',
    'methods',
    'port',
    'address',
    'parentRefs',
    'backendRefs',
    'filters',
    'type',
    'path',
    'value',
    'service',
    'backends',
    'weight',
    '__proto__',
    'constructor',
    '',
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, 0, 80, -1, 1e300, 'books', '', '*', '(', '10.0.0.1', '__proto__'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
    ),
  }))
  const document = fc.record({ apiVersion: groups, kind: kinds, metadata: value, spec: value, items: value })
  fc.assert(fc.property(document, (written) => answers(stringify(written))))
})

test('parseManifests() reads what is good beside anything that is not', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), fc.boolean(), (noise, first) => {
      const junk = noise.replaceAll(/^(---|\.\.\.|%)/gmu, 'x')
      const text = first ? `${junk}\n---\n${good}` : `${good}---\n${junk}`
      assert.equal(parseManifests(text, 'a.yaml').objects.length, 4)
    }),
  )
})
