import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGraph } from '@tulle/collections'
import type { Workload } from '@tulle/mesh'
import { appliedEverywhere } from './applied-everywhere.ts'
import type { NodeProgress, NodeReceipts } from './control-state.ts'

/** Only what is looked at: the node, and whether its proxy carries the workload. */
const workload = (node: string, tunnel: 'hbone' | 'none' = 'hbone'): Workload =>
  ({ node, tunnel }) as Workload

function setUp(workloads: readonly Workload[]): {
  readonly state: Parameters<typeof appliedEverywhere>[0]
  readonly connect: (node: string, appliedRevision: number, refused?: string) => void
} {
  const graph = createGraph()
  const source = graph.source<Workload>('workloads')
  graph.transaction(() => workloads.forEach((one, i) => source.set(String(i), one)))
  const nodes = new Map<string, NodeProgress>()
  const watchers = new Set<() => void>()
  const receipts: NodeReceipts = {
    nodes: () => [...nodes.values()],
    report: (revision) => {
      const all = [...nodes.values()]
      const answered = all.every((node) => node.appliedRevision >= revision)
      const refused = all.some(({ types }) => types.some(({ rejected }) => rejected.length > 0))
      return { answered, everywhere: answered && !refused, nodes: all, slowestMs: undefined }
    },
    subscribe: (onChange) => {
      watchers.add(onChange)
      return { [Symbol.dispose]: () => void watchers.delete(onChange) }
    },
  }
  const connect = (node: string, appliedRevision: number, refused?: string): void => {
    const rejected = refused === undefined ? [] : [{ name: refused, reason: 'no' }]
    const type = { typeUrl: '', subscription: 'all' as const, sentRevision: 1, appliedRevision, rejected }
    nodes.set(node, { node, connected: true, sinceMs: 0, appliedRevision, types: [type] })
    for (const watcher of watchers) watcher()
  }
  return { state: { graph, workloads: source, receipts }, connect }
}

test('appliedEverywhere() waits for every node that has workloads in the mesh, connected or not', async () => {
  const { state, connect } = setUp([workload('a'), workload('b'), workload('outside', 'none')])
  const waiting = appliedEverywhere(state, 1, new AbortController().signal)
  connect('a', 1)
  connect('b', 0)
  connect('b', 1)
  const { applied, missing, progress } = await waiting
  assert.deepEqual([applied, missing], [true, []])
  assert.deepEqual(
    progress.nodes.map(({ node }) => node),
    ['a', 'b'],
  )
})

test('appliedEverywhere() says no, and which nodes are missing, when it is aborted', async () => {
  const { state, connect } = setUp([workload('a'), workload('b')])
  const life = new AbortController()
  const waiting = appliedEverywhere(state, 1, life.signal)
  connect('a', 1)
  life.abort()
  const { applied, missing } = await waiting
  assert.deepEqual([applied, missing], [false, ['b']])
})

test('appliedEverywhere() is not content with no node at all', async () => {
  const { state } = setUp([workload('a')])
  const { applied, missing } = await appliedEverywhere(state, 0, AbortSignal.abort())
  assert.deepEqual([applied, missing], [false, ['a']])
})

test('appliedEverywhere() says no as soon as a node has answered and refuses something', async () => {
  const { state, connect } = setUp([workload('a')])
  const waiting = appliedEverywhere(state, 1, new AbortController().signal)
  connect('a', 1, 'p1')
  const { applied, missing, progress } = await waiting
  assert.deepEqual([applied, missing, progress.answered], [false, [], true])
})
