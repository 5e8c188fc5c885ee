import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NamespaceObject, Problem } from '@tulle/api'
import { createLog } from '@tulle/runtime'
import { AdsFixture } from './ads-fixture.ts'
import { ChangeLog } from './change-log.ts'

const forever = new AbortController().signal

function namespace(name: string, label: string): NamespaceObject {
  return {
    group: '',
    version: 'v1',
    kind: 'Namespace',
    metadata: { name, namespace: '', labels: { label }, annotations: {} },
    spec: {},
    origin: { file: 'a.yaml', line: 1, column: 1 },
    positions: new Map(),
  }
}

const problem: Problem = {
  severity: 'error',
  code: 'API_UNKNOWN_FIELD',
  origin: { file: 'shop/books.yaml', line: 7, column: 3 },
  object: 'Service bookstore/books',
  path: 'spec.prts',
  message: 'unknown field prts, did you mean ports?',
}

test('ChangeLog says what a save changed, what was not accepted and where, and when it was applied', async () => {
  await using fixture = await AdsFixture.create()
  const { graph, clock, xds } = fixture
  const objects = graph.source<NamespaceObject>('objects')
  const problems = graph.source<Problem>('problems')
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>)
  const log = createLog({ level: 'info', clock, write })
  using _changes = new ChangeLog({ graph, objects, problems, receipts: xds.receipts, log })
  const client = fixture.client()
  await client.start(forever)
  await client.whenSynced
  const said = async (): Promise<readonly unknown[]> => {
    await fixture.settled()
    await new Promise((resolve) => setImmediate(resolve))
    return lines.splice(0).map(({ time: _time, level: _level, ...rest }) => rest)
  }
  graph.transaction(() => {
    objects.set('a', namespace('a', '1'))
    objects.set('b', namespace('b', '1'))
    problems.set('p', problem)
  })
  assert.deepEqual(await said(), [
    {
      msg: 'not accepted',
      at: 'shop/books.yaml:7:3',
      code: 'API_UNKNOWN_FIELD',
      object: 'Service bookstore/books',
      path: 'spec.prts',
      problem: 'unknown field prts, did you mean ports?',
    },
    {
      msg: 'objects changed',
      revision: 1,
      added: 2,
      changed: 0,
      removed: 0,
      objects: ['+Namespace a', '+Namespace b'],
    },
    { msg: 'applied everywhere', revision: 1, nodes: 1, slowestMs: 0 },
  ])
  graph.transaction(() => {
    objects.set('a', namespace('a', '2'))
    objects.delete('b')
    problems.delete('p')
  })
  assert.deepEqual(await said(), [
    { msg: 'problems solved', problems: 1 },
    {
      msg: 'objects changed',
      revision: 2,
      added: 0,
      changed: 1,
      removed: 1,
      objects: ['~Namespace a', '-Namespace b'],
    },
    { msg: 'applied everywhere', revision: 2, nodes: 1, slowestMs: 0 },
  ])
})
