import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KindVersion, RawObject } from './kind-version.ts'
import { findKindVersion, isUnread } from './registry.ts'

const odd = fc.oneof(
  fc.constantFrom<unknown>('', 'A b', 'x'.repeat(64), 'a.b', '10.0.0.1', 'fe80::1', '1.2.3', 'web', 'None'),
  fc.constantFrom<unknown>(
    0,
    1,
    80,
    65_535,
    65_536,
    -1,
    1.5,
    null,
    true,
    [],
    {},
    [1],
    { a: 1 },
    'TCP',
    'UDP',
  ),
  fc.string({ maxLength: 4 }),
)

/** Mostly what is meant for the field, now and then anything else. */
function mostly(...values: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: fc.constantFrom(...values), weight: 12 }, { arbitrary: odd, weight: 1 })
}

function record(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> {
  const unknown = fc.dictionary(fc.constantFrom('other', 'run', 'type', 'hbone', 'name'), odd, {
    maxKeys: 1,
    noNullPrototype: true,
  })
  const known = fc.record(fields, { requiredKeys: [], noNullPrototype: true })
  return fc.oneof(
    { arbitrary: known, weight: 20 },
    { arbitrary: fc.tuple(known, unknown).map(([a, b]) => ({ ...a, ...b })), weight: 2 },
    { arbitrary: odd, weight: 1 },
  )
}

const texts = fc.oneof(
  {
    arbitrary: fc.dictionary(fc.constantFrom('app', 'version'), mostly('a', 'v1'), { noNullPrototype: true }),
    weight: 9,
  },
  { arbitrary: odd, weight: 1 },
)
const metadata = record({
  name: mostly('books', 'a-1'),
  namespace: mostly('bookstore'),
  labels: texts,
  annotations: texts,
})
const ports = fc.oneof(
  { arbitrary: fc.array(record({ name: mostly('http', 'web'), port: mostly(80, 8080, 443) })), weight: 9 },
  { arbitrary: odd, weight: 1 },
)
const servicePort = record({
  name: mostly('http', 'web', 'grpc'),
  port: mostly(80, 8080),
  targetPort: mostly(8080, 'web'),
  protocol: mostly('TCP', 'UDP', 'SCTP'),
})

const kinds = [
  {
    head: { apiVersion: 'tulle.dev/v1alpha1', kind: 'Workload' },
    spec: record({
      address: mostly('10.0.0.7', 'fd00::7'),
      node: mostly('node-1', 'a.b'),
      serviceAccount: mostly('books'),
      ports,
    }),
  },
  {
    head: { apiVersion: 'v1', kind: 'Service' },
    spec: record({ selector: texts, ports: fc.oneof(fc.array(servicePort, { maxLength: 3 }), odd) }),
  },
  { head: { apiVersion: 'v1', kind: 'ServiceAccount' }, spec: mostly(undefined) },
]

/** What the hub gets of it, and what is said. */
function hubOf({ toHub, body }: KindVersion, raw: RawObject): unknown {
  const said: unknown[] = []
  const warn = (...what: readonly unknown[]): unknown => said.push(what)
  // A field without a value is one that is not there.
  const present = JSON.parse(JSON.stringify(raw.metadata)) as unknown
  return { metadata: present, spec: toHub(raw[body], { namespace: 'n', warn }), said }
}

for (const { head, spec } of kinds) {
  test(`what is plain in a ${head.kind} is what its schema makes of it`, () => {
    const version = findKindVersion(head.apiVersion, head.kind)
    assert.ok(!isUnread(version))
    let taken = 0
    fc.assert(
      fc.property(metadata, spec, (meta, said) => {
        const value = { ...head, metadata: meta, ...(said === undefined ? {} : { spec: said }) }
        const plain = version.plain(value)
        if (plain === undefined) return
        taken++
        const parsed = version.schema.safeParse(value)
        assert.ok(parsed.success, JSON.stringify(value))
        assert.deepEqual(hubOf(version, plain), hubOf(version, parsed.data), JSON.stringify(value))
      }),
      { numRuns: 2000 },
    )
    assert.ok(taken > 100, `${taken} documents were plain`)
  })
}
