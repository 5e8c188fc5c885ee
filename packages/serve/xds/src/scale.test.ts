import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGraph } from '@tulle/collections'
import type { MeshResource } from '@tulle/mesh-xds'
import { AdsStream } from './ads-stream.ts'
import { InitialVersions } from './initial-versions.ts'
import { ResourceIndex } from './resource-index.ts'
import { addressType } from './stream-fixture.ts'

const resource = (name: string, version: string): MeshResource => ({
  name,
  version,
  aliases: [`net/${name}`],
  bytes: Buffer.alloc(100),
})

interface Peer {
  readonly stream: AdsStream
  readonly sent: (readonly Uint8Array[])[]
}

/** A mesh of one type with subscribers; the same numbers for any size are what the tests are about. */
function setUp(resources: number, subscriptions: readonly (readonly string[])[]) {
  const graph = createGraph()
  const source = graph.source<MeshResource>('addresses')
  graph.transaction(() => {
    for (let i = 0; i < resources; i++) source.set(`w${i}`, resource(`w${i}`, '1'))
  })
  const index = new ResourceIndex(addressType, source)
  const peers = subscriptions.map((names): Peer => {
    const sent: (readonly Uint8Array[])[] = []
    const stream = new AdsStream([index], {
      limits: { maxResponseBytes: 1 << 20, maxNames: 1000, maxNameChars: 100 },
      revision: () => graph.revision,
      send: (_, parts) => void sent.push(parts),
      onProgress: () => undefined,
      onRejected: () => undefined,
      onLost: (reason) => assert.fail(reason),
    })
    const all = names.length === 0
    const subscribe = all ? [] : ['*', ...names]
    const unsubscribe = all ? [] : ['*']
    const request = { typeUrl: addressType, error: undefined, initialVersions: InitialVersions.none }
    stream.receive({ ...request, nonce: '', subscribe, unsubscribe })
    stream.pump()
    stream.receive({ ...request, nonce: '1', subscribe: [], unsubscribe: [] })
    stream.pump()
    return { stream, sent }
  })
  return { graph, source, index, peers }
}

const bytesOf = (parts: readonly Uint8Array[] | undefined): number =>
  (parts ?? []).reduce((sum, { length }) => sum + length, 0)

test('a changed resource costs each subscriber the same bytes, whatever the size of the mesh', () => {
  const bytes = [1000, 50_000].map((size) => {
    const { graph, source, peers } = setUp(size, [[], []])
    graph.transaction(() => source.set('w7', resource('w7', '2')))
    for (const { stream } of peers) stream.pump()
    return peers.map(({ sent }) => [sent.length, bytesOf(sent[1])])
  })
  assert.deepEqual(bytes[0], bytes[1])
})

test('subscribers to everything are sent the same memory, not copies of it', () => {
  const { peers } = setUp(10_000, [[], [], []])
  const [first = [], ...others] = peers.map(({ sent }) => (sent[0] ?? []).slice(1))
  assert.ok(bytesOf(first) > 1_000_000)
  for (const parts of others) assert.ok(parts.every((part, i) => part === first[i]))
  const { graph, source, peers: again } = setUp(10_000, [[]])
  const before = (again[0]?.sent[0] ?? []).slice(1)
  graph.transaction(() => source.set('w7', resource('w7', '2')))
  assert.ok(before.length > 50, 'one change leaves the other pieces as they are')
})

test('among subscribers by name and by alias, only those who asked hear of a change', () => {
  const { graph, source, index, peers } = setUp(10_000, [['w7'], ['net/w7'], ['w8', 'net/w9'], []])
  graph.transaction(() => source.set('w7', resource('w7', '2')))
  for (const { stream } of peers) stream.pump()
  assert.deepEqual(
    peers.map(({ sent }) => sent.length),
    [2, 2, 1, 2],
  )
  for (const { stream } of peers) stream.end()
  assert.equal(index.watchedNames, 0, 'nothing is left of them')
})
