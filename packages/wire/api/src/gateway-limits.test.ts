import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { parseManifests } from './parse-manifests.ts'

type Rules = readonly Readonly<Record<string, unknown>>[]

function problemsOf(kind: string, spec: unknown): readonly string[] {
  const document = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: { name: 'a', namespace: 'shop' },
    spec,
  }
  return parseManifests(stringify(document), 'a.yaml').problems.map(
    ({ path, message }) => `${path}: ${message}`,
  )
}

function times<T>(count: number, make: (i: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

const rule = (matches: number): Rules[number] => ({
  matches: times(matches, (i) => ({ headers: [{ name: 'a', value: `b${i}` }] })),
})
const backend = { name: 'b', port: 80 }

// The first of each pair is the most that the CRDs of v1.6 let through.
const limits: readonly (readonly [string, (count: number) => readonly [string, unknown], number])[] = [
  ['rules of a route', (count) => ['HTTPRoute', { rules: times(count, () => rule(1)) }], 16],
  ['matches of a rule', (count) => ['HTTPRoute', { rules: [rule(count)] }], 64],
  ['matches of a route', (count) => ['HTTPRoute', { rules: [rule(64), rule(count - 64)] }], 128],
  ['matches of a GRPCRoute', (count) => ['GRPCRoute', { rules: [rule(64), rule(count - 64)] }], 128],
  [
    'matches of a route, counting rules without any',
    (count) => ['HTTPRoute', { rules: [rule(64), rule(count - 66), {}, {}] }],
    128,
  ],
  [
    'backends of a rule',
    (count) => ['HTTPRoute', { rules: [{ backendRefs: times(count, () => backend) }] }],
    16,
  ],
  [
    'filters of a rule',
    (count) => [
      'HTTPRoute',
      {
        rules: [
          {
            filters: times(count, () => ({ type: 'RequestMirror', requestMirror: { backendRef: backend } })),
          },
        ],
      },
    ],
    16,
  ],
  [
    'headers of a match',
    (count) => [
      'HTTPRoute',
      { rules: [{ matches: [{ headers: times(count, (i) => ({ name: `h${i}`, value: 'a' })) }] }] },
    ],
    16,
  ],
  [
    'query parameters of a match',
    (count) => [
      'HTTPRoute',
      { rules: [{ matches: [{ queryParams: times(count, (i) => ({ name: `q${i}`, value: 'a' })) }] }] },
    ],
    16,
  ],
  [
    'parents of a route',
    (count) => [
      'HTTPRoute',
      { parentRefs: times(count, (i) => ({ group: '', kind: 'Service', name: `s${i}` })) },
    ],
    32,
  ],
  ['hostnames of a route', (count) => ['HTTPRoute', { hostnames: times(count, (i) => `h${i}.a`) }], 16],
  [
    'characters of a path',
    (count) => ['HTTPRoute', { rules: [{ matches: [{ path: { value: `/${'a'.repeat(count - 1)}` } }] }] }],
    1024,
  ],
  [
    'the least code to repeat at',
    (count) => ['HTTPRoute', { rules: [{ retry: { codes: [1000 - count] } }] }],
    600,
  ],
  [
    'the greatest code to repeat at',
    (count) => ['HTTPRoute', { rules: [{ retry: { codes: [count] } }] }],
    599,
  ],
  [
    'a weight',
    (count) => ['TCPRoute', { rules: [{ backendRefs: [{ ...backend, weight: count }] }] }],
    1_000_000,
  ],
  [
    'rules of a TCPRoute',
    (count) => ['TCPRoute', { rules: times(count, () => ({ backendRefs: [backend] })) }],
    1,
  ],
  [
    'listeners of a Gateway',
    (count) => [
      'Gateway',
      {
        gatewayClassName: 'a',
        listeners: times(count, (i) => ({ name: `l${i}`, port: 1000 + i, protocol: 'HBONE' })),
      },
    ],
    64,
  ],
  [
    'targets of a policy',
    (count) => [
      'BackendTLSPolicy',
      {
        targetRefs: times(count, (i) => ({ group: '', kind: 'Service', name: `s${i}` })),
        validation: { hostname: 'a', wellKnownCACertificates: 'System' },
      },
    ],
    16,
  ],
]

for (const [what, make, most] of limits) {
  test(`parseManifests() lets ${what} be ${most}, and not one more`, () => {
    assert.deepEqual(problemsOf(...make(most)), [])
    const problems = problemsOf(...make(most + 1))
    assert.equal(problems.length, 1, problems.join('\n'))
  })
}
