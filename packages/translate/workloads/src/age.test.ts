import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiObject } from '@tulle/api'
import { ageOf, compareAge } from './age.ts'

function object(name: string, creationTimestamp?: string): ApiObject {
  const metadata = { name, namespace: 'shop', labels: {}, annotations: {} }
  return {
    group: '',
    version: 'v1',
    kind: 'Service',
    metadata: creationTimestamp === undefined ? metadata : { ...metadata, creationTimestamp },
    spec: {},
    origin: { file: 'f', line: 1, column: 1 },
    positions: new Map(),
  }
}

test('compareAge() puts the older first, whatever the time zone, then those without a time by name', () => {
  const objects = [
    object('b'),
    object('nonsense', 'yesterday'),
    object('late', '2026-01-01T02:00:00+01:00'),
    object('a'),
    object('early', '2026-01-01T00:30:00Z'),
  ]
  const order = objects
    .toSorted((x, y) => compareAge(ageOf(x), ageOf(y)))
    .map(({ metadata }) => metadata.name)
  assert.deepEqual(order, ['early', 'late', 'a', 'b', 'nonsense'])
})
