import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StateDigests } from '@tulle/mesh-xds'
import { InitialVersions } from './initial-versions.ts'
import { addressType, policyType, StreamFixture } from './stream-fixture.ts'

const versions = (of: Readonly<Record<string, string>>): InitialVersions =>
  InitialVersions.of(Object.entries(of))

const digests = (of: Readonly<Record<string, string>>): string => StateDigests.of(Object.entries(of)).toText()

/** A stream that asked for everything and has it. */
function settled(...steps: readonly string[]): StreamFixture {
  const fixture = new StreamFixture()
  fixture
    .change(...steps)
    .request(policyType)
    .ack()
    .request(addressType)
    .ack()
  fixture.sent()
  return fixture
}

test('AdsStream answers the first request of each type, also when there is nothing', () => {
  const fixture = new StreamFixture()
  fixture.request(addressType)
  assert.deepEqual(fixture.sent(), ['0 addresses:'])
  fixture.ack().request(policyType)
  assert.deepEqual(fixture.sent(), ['0 policies:'])
  fixture.ack()
  assert.deepEqual(fixture.sent(), [])
})

test('AdsStream sends the first state whole and later ones in pieces', () => {
  const fixture = new StreamFixture(150)
  fixture.change('+w1@1', '+w2@1', '+w3@1', '+w4@1').request(addressType)
  assert.deepEqual(fixture.sent(), ['1 addresses: +w1@1 +w2@1 +w3@1 +w4@1'])
  fixture.ack().change('+w1@2', '+w2@2', '+w3@2', '-w4')
  fixture.ack().ack()
  assert.deepEqual(fixture.sent(), ['2 addresses: +w1@2 +w2@2', '2 addresses: +w3@2 -w4'])
})

test('AdsStream keeps at most one response unacknowledged, and of each key only the newest value waits', () => {
  const fixture = settled('+w1@1', '+w2@1')
  fixture.change('+w1@2').change('+w1@3', '+w2@2').change('+w1@4').change('+w2@1', '+w3@1').change('-w3')
  assert.deepEqual(fixture.sent(), ['2 addresses: +w1@2'])
  fixture.ack()
  assert.deepEqual(fixture.sent(), ['6 addresses: +w1@4'], 'w2 is as before, w3 came and went')
})

test('AdsStream sends policies before the addresses that name them, and removes them after', () => {
  const fixture = settled('policy:+p0@1', '+w1@0')
  fixture.change('policy:+p1@1', 'policy:-p0', '+w1@1', '-w2')
  assert.deepEqual(fixture.sent(), ['2 policies: +p1@1'])
  fixture.ack()
  assert.deepEqual(fixture.sent(), ['2 addresses: +w1@1'])
  fixture.ack()
  assert.deepEqual(fixture.sent(), ['2 policies: -p0'])
  fixture.ack()
  assert.deepEqual(fixture.sent(), [])
})

test('AdsStream keeps that order while changes coalesce, and neither type starves', () => {
  const fixture = settled('+w1@0')
  fixture.change('policy:+p1@1', '+w1@1(p1)')
  assert.deepEqual(fixture.sent(), ['2 policies: +p1@1'])
  fixture.change('policy:+p2@1', '+w1@2(p2)').change('policy:+p3@1')
  fixture.ack()
  assert.deepEqual(
    fixture.sent(),
    ['2 addresses: +w1@1(p1)'],
    'the value of that revision, which names no p2',
  )
  fixture.change('policy:-p1')
  fixture.ack()
  assert.deepEqual(fixture.sent(), ['5 policies: +p2@1 +p3@1'])
  fixture.ack()
  assert.deepEqual(fixture.sent(), ['5 addresses: +w1@2(p2)'])
  fixture.ack()
  assert.deepEqual(fixture.sent(), ['5 policies: -p1'])
})

test('AdsStream takes a refusal as acceptance of all that it does not name', () => {
  const fixture = settled()
  fixture.change('+w1@1', '+w2@1', '+w3@1')
  fixture.ack('w2: bad port; no such thing; w3: too large')
  assert.deepEqual(
    fixture.stream.types.map((type) => type.subscription.rejected),
    [
      [],
      [
        { name: 'w2', version: '1', reason: 'bad port; no such thing' },
        { name: 'w3', version: '1', reason: 'too large' },
      ],
    ],
  )
  assert.equal(fixture.stream.appliedRevision, 1, 'what was not refused is in force')
  fixture.sent()
  fixture.change('+w2@2', '-w3')
  assert.deepEqual(fixture.sent(), ['2 addresses: +w2@2 -w3'])
  fixture.ack()
  assert.deepEqual(
    fixture.stream.types.flatMap((type) => type.subscription.rejected),
    [],
  )
})

test('AdsStream holds everything of a response for refused when the refusal names nothing', () => {
  const fixture = settled()
  fixture.change('+w1@1', '+w2@1').ack('out of memory\u0007')
  const rejected = fixture.stream.types.flatMap((type) => type.subscription.rejected)
  assert.deepEqual(rejected, [
    { name: 'w1', version: '1', reason: 'out of memory' },
    { name: 'w2', version: '1', reason: 'out of memory' },
  ])
})

test('AdsStream sends a refused resource again only in another version', () => {
  const fixture = settled('+w1@1')
  fixture.change('+w1@2').ack('w1: no')
  fixture.sent()
  fixture.change('+w1@3').change('+w1@2')
  assert.deepEqual(fixture.sent(), ['3 addresses: +w1@3'])
  fixture.ack('w1: no')
  assert.deepEqual(fixture.sent(), ['4 addresses: +w1@2'])
})

test('AdsStream answers a reconnect with the difference only', () => {
  const fixture = new StreamFixture()
  fixture.change('+w1@1', '+w2@2', '+w3@1', 'policy:+p1@1')
  fixture.request(addressType, { initialVersions: versions({ w1: '1', w2: '1', gone: '7' }) })
  assert.deepEqual(fixture.sent(), ['1 addresses: +w2@2 +w3@1 -gone'])
  fixture.ack().request(policyType, { initialVersions: versions({ p1: '1' }) })
  assert.deepEqual(fixture.sent(), ['1 policies:'], 'nothing new, but an answer')
})

test('AdsStream removes a policy of a reconnect after the addresses that are asked for next', () => {
  const fixture = new StreamFixture().change('policy:+p2@1', 'policy:+p3@1', '+w1@2')
  fixture.request(policyType, {
    initialVersions: InitialVersions.of([
      ['p1', '1'],
      ['p3', '1'],
    ]),
  })
  fixture.change('policy:-p3')
  fixture.request(addressType, { initialVersions: InitialVersions.of([['w1', '1']]) })
  assert.deepEqual(fixture.sent(), ['1 policies: +p2@1'])
  assert.deepEqual(fixture.ack().sent(), ['2 addresses: +w1@2'])
  const removed = [...fixture.ack().sent(), ...fixture.ack().sent()]
  assert.deepEqual(removed, ['2 policies: -p1', '2 policies: -p3'])
  assert.deepEqual(fixture.ack().sent(), [])
  assert.equal(fixture.stream.isConfirmed, true)
})

test('AdsStream does not remove what came back before its removal was sent', () => {
  const fixture = new StreamFixture().change('policy:+p2@1', '+w1@2')
  fixture.request(policyType, { initialVersions: InitialVersions.of([['p1', '1']]) })
  fixture.change('policy:+p1@2')
  fixture.request(addressType)
  const sent = [...fixture.sent(), ...fixture.ack().sent(), ...fixture.ack().sent(), ...fixture.ack().sent()]
  assert.deepEqual(sent, ['1 policies: +p2@1', '2 policies: +p1@2', '2 addresses: +w1@2'])
  assert.deepEqual(fixture.ack().sent(), [])
  assert.equal(fixture.stream.isConfirmed, true)
})

test('AdsStream serves by name: nothing at first, then names, aliases, and that there is none', () => {
  const fixture = new StreamFixture()
  fixture.change('+w1@1=net/10.0.0.1', '+w2@1=net/10.0.0.2')
  fixture.request(addressType, { subscribe: ['*'], unsubscribe: ['*'] })
  assert.deepEqual(fixture.sent(), ['1 addresses:'])
  fixture.ack().request(addressType, { subscribe: ['net/10.0.0.1'] })
  assert.deepEqual(fixture.sent(), ['1 addresses: +w1@1'])
  fixture.ack().request(addressType, { subscribe: ['net/10.9.9.9', 'w2'] })
  assert.deepEqual(fixture.sent(), ['1 addresses: +w2@1 -net/10.9.9.9'])
  fixture.ack().change('+w3@1=net/10.9.9.9', '+w4@1=net/10.0.0.4')
  assert.deepEqual(fixture.sent(), ['2 addresses: +w3@1'], 'it was asked for before it existed')
  fixture
    .ack()
    .request(addressType, { unsubscribe: ['w2'] })
    .change('+w2@2=net/10.0.0.2', '-w1')
  assert.deepEqual(fixture.sent(), ['3 addresses: -w1'])
  fixture.ack().request(addressType, { subscribe: ['w3'] })
  assert.deepEqual(fixture.sent(), ['3 addresses: +w3@1'], 'who asks again gets an answer')
})

test('AdsStream serves the parts of what was asked for, by name or alias, as they come and go', () => {
  for (const asked of ['s1', 'net/10.1.0.1']) {
    const fixture = new StreamFixture()
    fixture.change('+s1@1=net/10.1.0.1', '+w1@1=net/10.0.0.1<s1', '+w2@1=net/10.0.0.2')
    fixture.request(addressType, { subscribe: ['*'], unsubscribe: ['*'] }).ack()
    fixture.sent()
    fixture.request(addressType, { subscribe: [asked] })
    assert.deepEqual(fixture.sent(), ['1 addresses: +s1@1 +w1@1'])
    fixture.ack().change('+w1@2=net/10.0.0.1<s1', '+w3@1=net/10.0.0.3<s1', '+w2@2=net/10.0.0.2')
    assert.deepEqual(fixture.sent(), ['2 addresses: +w1@2 +w3@1'])
    fixture.ack().change('+w3@2=net/10.0.0.3')
    assert.deepEqual(fixture.sent(), ['3 addresses: -w3'], 'no longer a part')
    fixture.ack().change('-w1', '+w2@3=net/10.0.0.2<s1')
    assert.deepEqual(fixture.sent(), ['4 addresses: +w2@3 -w1'])
  }
})

test('AdsStream serves the parts of a service whose address was asked for before it existed, and until it goes', () => {
  const fixture = new StreamFixture()
  fixture.change('+w1@1=net/10.0.0.1<s1')
  fixture.request(addressType, { subscribe: ['*', 'net/10.1.0.1'], unsubscribe: ['*'] })
  assert.deepEqual(fixture.sent(), ['1 addresses: -net/10.1.0.1'])
  fixture.ack().change('+s1@1=net/10.1.0.1')
  assert.deepEqual(fixture.sent(), ['2 addresses: +s1@1 +w1@1'])
  fixture.ack().change('+s1@2=net/10.1.0.2')
  assert.deepEqual(fixture.sent(), ['3 addresses: -s1 -w1'], 'the address is not its any more')
})

test('AdsStream follows an address that moves to another workload', () => {
  const fixture = new StreamFixture()
  fixture
    .change('+w1@1=net/10.0.0.1')
    .request(addressType, { subscribe: ['net/10.0.0.1'] })
    .ack()
  fixture.sent()
  fixture.change('+w1@2=net/10.0.0.7', '+w2@1=net/10.0.0.1')
  assert.deepEqual(fixture.sent(), ['2 addresses: +w2@1 -w1'])
})

test('AdsStream subscribes a node that serves by name to what it brings along', () => {
  const fixture = new StreamFixture()
  fixture.change('+w1@2', '+w2@1').request(addressType, {
    subscribe: ['*'],
    unsubscribe: ['*'],
    initialVersions: versions({ w1: '1', gone: '1' }),
  })
  assert.deepEqual(fixture.sent(), ['1 addresses: +w1@2 -gone'])
})

test('AdsStream goes over from names to everything and back', () => {
  const fixture = new StreamFixture()
  fixture
    .change('+w1@1', '+w2@1')
    .request(addressType, { subscribe: ['w1'] })
    .ack()
  fixture.sent()
  fixture.request(addressType, { subscribe: ['*'] })
  assert.deepEqual(fixture.sent(), ['1 addresses: +w1@1 +w2@1'])
  fixture
    .ack()
    .request(addressType, { unsubscribe: ['*'] })
    .ack()
  fixture.sent()
  fixture.change('+w2@2')
  assert.deepEqual(fixture.sent(), [])
})

test('AdsStream ignores stale nonces and types that it does not serve', () => {
  const fixture = settled('+w1@1')
  fixture
    .change('+w1@2')
    .request(addressType, { nonce: '1' })
    .request('type.googleapis.com/x.Y')
    .change('+w1@3')
  assert.deepEqual(fixture.sent(), ['2 addresses: +w1@2'])
  assert.equal(fixture.stream.appliedRevision, 1)
})

test('AdsStream refuses more names, and longer ones, than its limits', () => {
  const names = Array.from({ length: 21 }, (_, i) => `w${i}`)
  const cases = [
    { subscribe: names },
    { unsubscribe: names },
    { initialVersions: InitialVersions.of(names.map((name) => [name, '1'])) },
    { subscribe: ['w'.repeat(31)] },
  ]
  const refusals = cases.map((request) => new StreamFixture().request(addressType, request).sent()[0])
  assert.deepEqual(refusals, [
    `refused: ${addressType}: expected at most 20 names subscribed to`,
    `refused: ${addressType}: expected at most 20 names in one request`,
    `refused: ${addressType}: expected at most 20 initial versions`,
    `refused: ${addressType}: expected names of at most 30 characters`,
  ])
})

test('AdsStream counts a revision as applied when its last step is acknowledged', () => {
  const fixture = settled('policy:+p1@1', '+w1@1')
  const applied: number[] = []
  const note = (): number => applied.push(fixture.stream.appliedRevision)
  fixture.change('policy:+p2@1', 'policy:-p1', '+w1@2')
  note()
  for (let i = 0; i < 3; i++) {
    fixture.ack()
    note()
  }
  assert.deepEqual(applied, [1, 1, 1, 2])
})

test('AdsStream says in the first answer of a type that it takes digests, where all of it was asked for', () => {
  const fixture = new StreamFixture()
  fixture.change('+w1@1').request(policyType).ack().request(addressType).ack().change('+w1@2')
  assert.deepEqual(fixture.marks, ['taken', 'taken', ''])
  const byName = new StreamFixture()
  byName.request(addressType, { subscribe: ['w1'] })
  assert.deepEqual(byName.marks, [''])
})

test('AdsStream sends nothing to a node whose digests are those of what there is, and what changes later', () => {
  const fixture = new StreamFixture()
  fixture.change('+w1@1', '+w2@1').request(addressType, { digests: digests({ w1: '1', w2: '1' }) })
  assert.deepEqual([fixture.sent(), fixture.marks], [['1 addresses:'], ['resumed']])
  fixture.ack().change('+w1@2', '-w2')
  assert.deepEqual(fixture.sent(), ['2 addresses: +w1@2 -w2'])
})

test('AdsStream asks a node for versions where its digests differ, and sends only what differs there', () => {
  const fixture = new StreamFixture()
  fixture.change('+w1@1', '+w2@2', '+w3@1')
  fixture.request(addressType, { digests: digests({ w1: '1', w2: '1', gone: '1' }) })
  assert.deepEqual(fixture.sent(), ['1 addresses?'])
  assert.equal(fixture.stream.appliedRevision, 0, 'a question confirms nothing')
  fixture.change('+w4@1', '+w1@3')
  assert.deepEqual(fixture.sent(), [], 'nothing is sent before the node has told')
  fixture.tell({ w2: '1', gone: '1' })
  assert.deepEqual(fixture.sent(), ['2 addresses: +w1@3 +w4@1 +w2@2 +w3@1 -gone'])
  fixture.ack()
  assert.equal(fixture.stream.appliedRevision, 2)
  assert.deepEqual(fixture.marks, ['tell', 'resumed'])
})

test('AdsStream removes policies of a node with digests after the addresses that named them', () => {
  const fixture = new StreamFixture()
  fixture.change('policy:+p1@1', '+w1@2(p1)')
  fixture.request(policyType, { digests: digests({ p0: '1' }) })
  fixture.request(addressType, { digests: digests({ w1: '1(p0)' }) })
  assert.deepEqual(fixture.sent(), ['1 policies?'])
  fixture.tell({ p0: '1' })
  assert.deepEqual(fixture.sent(), ['1 addresses?'])
  fixture.tell({ w1: '1(p0)' })
  assert.deepEqual(fixture.sent(), ['1 policies: +p1@1'])
  fixture.ack()
  assert.deepEqual(fixture.sent(), ['1 addresses: +w1@2(p1)'])
  fixture.ack()
  assert.deepEqual(fixture.sent(), ['1 policies: -p0'])
})

test('AdsStream sends everything to who brings digests that are none, and says so by not resuming', () => {
  for (const bad of ['', 'x', digests({}).slice(1)]) {
    const fixture = new StreamFixture()
    fixture.change('+w1@1').request(addressType, { digests: bad })
    assert.deepEqual([fixture.sent(), fixture.marks], [['1 addresses: +w1@1'], ['taken']])
  }
})

test('AdsStream believes versions before digests, and nothing that a node tells unasked', () => {
  const fixture = new StreamFixture()
  fixture
    .change('+w1@1')
    .request(addressType, { digests: digests({}), initialVersions: versions({ w1: '1' }) })
  assert.deepEqual([fixture.sent(), fixture.marks], [['1 addresses:'], ['taken']])
  fixture.tell({ w1: '0', w2: '0' })
  assert.deepEqual(fixture.sent(), [])
})

test('AdsStream takes a node that tells too much, or nothing, as it takes others', () => {
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`w${i}`, '1']))
  const fixture = new StreamFixture()
  fixture
    .change('+w1@1')
    .request(addressType, { digests: digests({}) })
    .tell(many)
  assert.ok(fixture.sent().includes(`refused: ${addressType}: expected at most 20 initial versions`))
  const silent = new StreamFixture()
  silent
    .change('+w1@1')
    .request(addressType, { digests: digests({ w2: '1' }) })
    .ack('I would rather not')
  assert.deepEqual(silent.sent(), ['1 addresses?', '1 addresses: +w1@1'])
})
