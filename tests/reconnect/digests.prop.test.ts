// What a node has after a reconnect is what there is, whatever became of both sides before.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressType, authorizationType } from '@tulle/mesh-xds'
import { Mesh, Node, types } from './peers.ts'
import type { Skill } from './peers.ts'

/** So many names that digests are worth it. */
const size = 1100
const refused = '7'

const step = fc.oneof(
  fc.record({
    kind: fc.constant('change' as const),
    type: fc.constantFrom(authorizationType, addressType),
    name: fc.nat({ max: 12 }).map((i) => `w${i * 100}`),
    version: fc.option(fc.constantFrom('1', '2', '3', refused), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('deliver' as const), messages: fc.integer({ min: 1, max: 6 }) }),
  fc.record({
    kind: fc.constant('reconnect' as const),
    restart: fc.boolean(),
    skill: fc.constantFrom<Skill>('ours', 'ours', 'without', 'garbled'),
  }),
)

function settle(mesh: Mesh, node: Node): void {
  let rounds = 0
  while (node.deliver(mesh)) assert.ok(++rounds < 1000, 'it comes to an end')
}

/** A mesh of that size, and a node that has it. */
function settled(): { readonly mesh: Mesh; readonly node: Node } {
  const mesh = new Mesh()
  for (const type of types) for (let i = 0; i < size; i++) mesh.state(type).set(`w${i}`, '1')
  mesh.restart()
  const node = new Node((_, version) => version === refused)
  node.connect(mesh)
  settle(mesh, node)
  return { mesh, node }
}

function assertSame(mesh: Mesh, node: Node): void {
  for (const type of types) {
    const wanted = [...mesh.state(type)]
    const accepted = wanted.filter(([, version]) => version !== refused)
    assert.deepEqual(node.inForce.get(type), new Map(accepted))
    const said = wanted.map(([name, version]) => [name, version === refused ? '' : version] as const)
    assert.deepEqual(node.said(type), new Map(said))
  }
}

test('for any history, a node that comes back has what there is, but for what it refuses', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const { mesh, node } = settled()
      for (const one of steps) {
        if (one.kind === 'change') mesh.change(one.type, one.name, one.version)
        else if (one.kind === 'deliver') for (let i = 0; i < one.messages; i++) node.deliver(mesh)
        else {
          if (one.restart) mesh.restart()
          node.connect(mesh, one.skill)
        }
      }
      settle(mesh, node)
      assertSame(mesh, node)
      mesh.restart()
      node.connect(mesh)
      settle(mesh, node)
      assertSame(mesh, node)
    }),
    { numRuns: 60 },
  )
})

test('a node of a large mesh says little when it comes back, and all where digests are not understood', () => {
  const { mesh, node } = settled()
  const sentBy = (skill: Skill): number => {
    const before = node.sentBytes
    mesh.restart()
    node.connect(mesh, skill)
    settle(mesh, node)
    assertSame(mesh, node)
    return node.sentBytes - before
  }
  const digestBytes = 2 * 131_072
  const same = sentBy('ours')
  assert.ok(same > digestBytes && same < digestBytes + 1000, `${same} bytes where nothing changed`)
  assert.equal(node.fallBacks, 0)
  mesh.change(addressType, 'w5', '2')
  mesh.change(addressType, 'w6', undefined)
  const few = sentBy('ours')
  assert.ok(few - same > 10 && few - same < 500, `${few - same} bytes more where two changed`)
  mesh.change(addressType, 'w7', undefined)
  sentBy('without')
  assert.equal(node.fallBacks, 1)
  mesh.change(addressType, 'w8', undefined)
  sentBy('without')
  assert.equal(node.fallBacks, 1, 'it is known by then')
  sentBy('ours')
  mesh.change(authorizationType, 'w8', undefined)
  sentBy('garbled')
  assert.ok(node.fallBacks > 1)
})
