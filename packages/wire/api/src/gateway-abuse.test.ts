import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { parseManifests } from './parse-manifests.ts'

const good = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'good', namespace: 'shop' },
  spec: { rules: [{ backendRefs: [{ name: 'books', port: 80 }] }] },
}

/** The object that is refused, and the one beside it. */
function read(
  kind: string,
  spec: unknown,
): { readonly paths: readonly string[]; readonly accepted: readonly string[] } {
  const bad = { ...good, kind, metadata: { name: 'bad', namespace: 'shop' }, spec }
  const { objects, problems } = parseManifests(`${stringify(bad)}---\n${stringify(good)}`, 'a.yaml')
  return {
    paths: [...new Set(problems.map(({ path }) => path))],
    accepted: objects.map(({ metadata }) => metadata.name),
  }
}

/** What no linear engine has, what does not parse, and what unfolds into more steps than anybody should pay for. */
const patterns = ['(?=a)', '(a)\\1', '(', 'a{1000}{1000}', '((a{99}){99}){99}', `${'a'.repeat(2000)}`]

const match = (fields: unknown): unknown => ({ rules: [{ matches: [fields] }] })
const places: readonly (readonly [string, string, (pattern: string) => unknown])[] = [
  ['HTTPRoute', 'path.value', (value) => match({ path: { type: 'RegularExpression', value } })],
  [
    'HTTPRoute',
    'headers[0].value',
    (value) => match({ headers: [{ name: 'a', type: 'RegularExpression', value }] }),
  ],
  [
    'HTTPRoute',
    'queryParams[0].value',
    (value) => match({ queryParams: [{ name: 'a', type: 'RegularExpression', value }] }),
  ],
  [
    'GRPCRoute',
    'headers[0].value',
    (value) => match({ headers: [{ name: 'a', type: 'RegularExpression', value }] }),
  ],
  ['GRPCRoute', 'method.service', (service) => match({ method: { type: 'RegularExpression', service } })],
  ['GRPCRoute', 'method.method', (method) => match({ method: { type: 'RegularExpression', method } })],
]

for (const [kind, path, make] of places) {
  test(`case 38: an expression in ${path} of a ${kind} that can't be matched in linear time is refused, and nothing else`, () => {
    for (const pattern of patterns) {
      const { paths, accepted } = read(kind, make(pattern))
      assert.deepEqual(paths, [`spec.rules[0].matches[0].${path}`], pattern.slice(0, 40))
      assert.deepEqual(accepted, ['good'])
    }
  })
}

for (const count of [100, 10_000]) {
  test(`case 38: a route of ${count} rules is refused, and nothing else`, () => {
    const { paths, accepted } = read('HTTPRoute', { rules: Array.from({ length: count }, () => ({})) })
    assert.deepEqual(paths, ['spec.rules'])
    assert.deepEqual(accepted, ['good'])
  })
}

test('case 38: a route with 2000 matches in a rule is refused, and nothing else', () => {
  const matches = Array.from({ length: 2000 }, (_, i) => ({ path: { value: `/${i}` } }))
  const { paths, accepted } = read('HTTPRoute', { rules: [{ matches }] })
  assert.deepEqual(paths, ['spec.rules[0].matches'])
  assert.deepEqual(accepted, ['good'])
})
