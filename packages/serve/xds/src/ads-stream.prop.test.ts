import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressType, policyType, StreamFixture } from './stream-fixture.ts'

/** `w1@3(p2)`: address w1, version 3, which names policy p2. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('policy'),
    id: fc.integer({ min: 0, max: 3 }),
    version: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({
    kind: fc.constant('address'),
    id: fc.integer({ min: 0, max: 3 }),
    version: fc.integer({ min: 0, max: 3 }),
  }),
  fc.record({ kind: fc.constant('ack'), id: fc.constant(0), version: fc.constant(0) }),
  fc.record({ kind: fc.constant('nack'), id: fc.integer({ min: 0, max: 3 }), version: fc.constant(0) }),
)

test('AdsStream: for any history, a node ends with what there is, and never has an address without its policy', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const fixture = new StreamFixture(200)
      const node = new Map<string, string>()
      const refused = new Set<string>()
      const receive = (refuse?: string): void => {
        for (const line of fixture.sent()) apply(line, node, { refuse, refused })
      }
      fixture.request(policyType).ack().request(addressType).ack()
      fixture.sent()
      for (const { kind, id, version } of steps) {
        if (kind === 'policy') fixture.change(`policy:+p${id}@${version}`)
        else if (kind === 'address') moveAddress(fixture, id, version)
        else if (kind === 'ack') {
          receive()
          fixture.ack()
        } else {
          receive(`w${id}`)
          fixture.ack(`w${id}: no`)
        }
      }
      for (let i = 0; i < 200; i++) {
        receive()
        fixture.ack()
      }
      const wanted = new Map<string, string>()
      for (const [name, { version }] of fixture.policies.entries()) wanted.set(name, version)
      for (const [name, { version }] of fixture.addresses.entries()) {
        if (!refused.has(`${name}@${version}`)) wanted.set(name, version)
      }
      for (const [name, version] of wanted) if (!refused.has(name)) assert.equal(node.get(name), version)
      for (const name of node.keys())
        assert.ok(fixture.policies.get(name) ?? fixture.addresses.get(name), name)
      assert.equal(fixture.stream.appliedRevision, fixture.graph.revision)
    }),
  )
})

/**
 * In one change: the address names another policy (its version is the policy's number), the policy is added if it
 * is not there, and policies that no address names any more go.
 */
function moveAddress(fixture: StreamFixture, id: number, policy: number): void {
  const named = new Map(Array.from(fixture.addresses.entries(), ([name, { version }]) => [name, version]))
  named.set(`w${id}`, String(policy))
  const kept = new Set(Array.from(named.values(), (number) => `p${number}`))
  const gone = Array.from(fixture.policies.entries(), ([name]) => name).filter((name) => !kept.has(name))
  const add = fixture.policies.get(`p${policy}`) === undefined ? [`policy:+p${policy}@1`] : []
  fixture.change(...add, `+w${id}@${policy}`, ...gone.map((name) => `policy:-${name}`))
}

function apply(
  line: string,
  node: Map<string, string>,
  refusal: { readonly refuse: string | undefined; readonly refused: Set<string> },
): void {
  for (const word of line.split(' ').slice(2)) {
    const [name = '', version = ''] = word.slice(1).split('@')
    if (word.startsWith('-')) node.delete(name)
    else if (name === refusal.refuse) {
      node.delete(name)
      refusal.refused.add(`${name}@${version}`)
    } else {
      refusal.refused.delete(`${name}@${version}`)
      node.set(name, version)
    }
  }
  for (const [name, version] of node) {
    if (name.startsWith('w'))
      assert.ok(node.has(`p${version}`), `${name} names p${version}, which is not there`)
  }
}
