import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { addressType } from '@tulle/mesh-xds'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { AdsFixture, SlowApply } from './ads-fixture.ts'

const forever = new AbortController().signal

test('adsClient and xdsServer: the first state, then a change, policies first', async () => {
  await using fixture = await AdsFixture.create()
  fixture.change('policy:+p1@1', '+w1@1', '+w2@1')
  const client = fixture.client()
  await client.start(forever)
  await client.whenSynced
  assert.deepEqual(await fixture.settled(), [
    '← policies ask',
    '← addresses ask',
    '→ policies +p1@1',
    '← policies ack',
    '→ addresses +w1@1 +w2@1',
    '← addresses ack',
  ])
  fixture.change('policy:+p2@1', 'policy:-p1', '+w1@2', '-w2')
  assert.deepEqual(await fixture.settled(), [
    '→ policies +p2@1',
    '← policies ack',
    '→ addresses +w1@2 -w2',
    '← addresses ack',
    '→ policies -p1',
    '← policies ack',
  ])
  assert.equal(client.connected, true)
})

test('adsClient opens no stream before it may, and ends though it never might', async () => {
  await using fixture = await AdsFixture.create()
  fixture.change('+w1@1')
  const mayOpen = Promise.withResolvers<void>()
  const client = fixture.client({ opensAfter: mayOpen.promise })
  await client.start(forever)
  await fixture.writeToken('n2')
  const other = fixture.client({}, 'n2')
  await other.start(forever)
  await other.whenSynced
  assert.deepEqual([client.connected, client.synced], [false, false])
  mayOpen.resolve()
  await client.whenSynced
  const never = fixture.client({ opensAfter: new Promise(() => undefined) })
  await never.start(forever)
  await never.drain(0)
})

test('adsClient is synced by empty states too', async () => {
  await using fixture = await AdsFixture.create()
  const updates: ResourceUpdate[] = []
  const client = fixture.client({
    apply: (update) => {
      updates.push(update)
      return Promise.resolve([])
    },
  })
  await client.start(forever)
  await client.whenSynced
  assert.deepEqual(
    updates.map(({ upserts, removed }) => [upserts, removed]),
    [
      [[], []],
      [[], []],
    ],
  )
})

test('xdsServer coalesces what a slow node has not acknowledged', async () => {
  await using fixture = await AdsFixture.create()
  const slow = new SlowApply()
  const client = fixture.client({ apply: slow.apply, typeUrls: [addressType] })
  await client.start(forever)
  await slow.arrival()
  slow.release()
  await client.whenSynced
  await fixture.settled()
  fixture.change('+w1@1')
  await slow.arrival()
  for (let version = 2; version <= 50; version++)
    fixture.change(`+w1@${version}`, '+w2@1', `+gone@${version}`)
  fixture.change('-gone')
  slow.release()
  await slow.arrival()
  slow.release()
  assert.deepEqual(await fixture.settled(), [
    '→ addresses +w1@1',
    '← addresses ack',
    '→ addresses +w1@50 +w2@1',
    '← addresses ack',
  ])
})

test('adsClient refuses single resources, and the server keeps the reasons', async () => {
  await using fixture = await AdsFixture.create()
  const client = fixture.client({
    apply: ({ upserts }) =>
      Promise.resolve(
        upserts
          .filter(({ name }) => name.startsWith('bad'))
          .map(({ name }) => ({ name, reason: 'unknown enum' })),
      ),
  })
  await client.start(forever)
  await client.whenSynced
  await fixture.settled()
  fixture.change('+w1@1', '+bad@1', '+w2@1')
  assert.deepEqual(await fixture.settled(), [
    '→ addresses +bad@1 +w1@1 +w2@1',
    '← addresses nack bad: unknown enum',
  ])
  const { nodes, answered, everywhere } = fixture.xds.receipts.report(fixture.graph.revision)
  assert.deepEqual([answered, everywhere], [true, false], 'what a node refused is not in force there')
  assert.deepEqual(nodes[0]?.types[1]?.rejected, [{ name: 'bad', version: '1', reason: 'unknown enum' }])
})

test('adsClient brings along what it has, and only the difference travels', async () => {
  await using fixture = await AdsFixture.create()
  fixture.change('policy:+p1@1', '+w1@1', '+w2@1')
  const client = fixture.client()
  await client.start(forever)
  await client.whenSynced
  await fixture.settled()
  await fixture.comeBack('+w1@2', '-w2', '+w3@1')
  assert.deepEqual(await fixture.settled(), [
    '← policies ask has:p1@1',
    '← addresses ask has:w1@1 has:w2@1',
    '→ policies',
    '← policies ack',
    '→ addresses +w1@2 +w3@1 -w2',
    '← addresses ack',
  ])
})

test('adsClient of a large mesh brings digests, and tells versions only where they differ', async () => {
  await using fixture = await AdsFixture.create()
  fixture.change(...Array.from({ length: 1000 }, (_, i) => `+w${i}@1`), '+bad@1')
  const client = fixture.client({
    typeUrls: [addressType],
    apply: ({ upserts }) => {
      const bad = upserts.filter(({ name }) => name === 'bad')
      return Promise.resolve(bad.map(({ name }) => ({ name, reason: 'unknown enum' })))
    },
  })
  await client.start(forever)
  await client.whenSynced
  await fixture.settled()
  await fixture.comeBack('-bad')
  assert.deepEqual(await fixture.settled(), [
    '← addresses ask digests',
    '→ addresses tell',
    '← addresses ack has:bad@',
    '→ addresses -bad',
    '← addresses ack',
  ])
  await fixture.comeBack()
  assert.deepEqual(await fixture.settled(), ['← addresses ask digests', '→ addresses', '← addresses ack'])
  await fixture.comeBack('+w7@2', '-w8')
  assert.deepEqual(await fixture.settled(), [
    '← addresses ask digests',
    '→ addresses tell',
    '← addresses ack has:w7@1 has:w8@1',
    '→ addresses +w7@2 -w8',
    '← addresses ack',
  ])
})

test('adsClient asks on demand: nothing at first, then by alias, also for what is not there', async () => {
  await using fixture = await AdsFixture.create()
  fixture.change('+w1@1=/10.0.0.1', '+w2@1=/10.0.0.2')
  const asked = new SlowApply()
  const client = fixture.client({ apply: asked.apply, typeUrls: [addressType], onDemand: [addressType] })
  await client.start(forever)
  await asked.arrival()
  asked.release()
  assert.deepEqual(await fixture.settled(), [
    '← addresses ask want:* drop:*',
    '→ addresses',
    '← addresses ack',
  ])
  client.demand(addressType, '/10.0.0.1')
  await asked.arrival()
  asked.release()
  client.demand(addressType, '/10.9.9.9')
  await asked.arrival()
  asked.release()
  fixture.change('+w1@2=/10.0.0.1', '+w2@2=/10.0.0.2')
  await asked.arrival()
  asked.release()
  assert.deepEqual(await fixture.settled(), [
    '← addresses ask want:/10.0.0.1',
    '→ addresses +w1@1',
    '← addresses ask want:/10.9.9.9',
    '← addresses ack',
    '→ addresses -/10.9.9.9',
    '← addresses ack',
    '→ addresses +w1@2',
    '← addresses ack',
  ])
})

test('adsClient asks for parts with the whole, and hears no more of what it released', async () => {
  await using fixture = await AdsFixture.create()
  fixture.change('+s1@1=/10.1.0.1', '+w1@1=/10.0.0.1<s1', '+w2@1=/10.0.0.2')
  const client = fixture.client({ typeUrls: [addressType], onDemand: [addressType] })
  await client.start(forever)
  await client.whenSynced
  await fixture.settled()
  client.demand(addressType, '/10.1.0.1')
  client.demand(addressType, '/10.0.0.2')
  await fixture.saw('→ addresses +w2@1')
  client.release(addressType, '/10.0.0.2')
  await fixture.saw('← addresses ask drop:/10.0.0.2')
  fixture.change('+w1@2=/10.0.0.1<s1', '+w2@2=/10.0.0.2')
  await fixture.saw('→ addresses +w1@2')
})

test('adsClient opens the stream anew when applying fails, and gets the update again', async () => {
  await using fixture = await AdsFixture.create()
  let failures = 0
  const client = fixture.client({
    apply: ({ upserts }) => {
      if (upserts.length === 0 || failures++ > 0) return Promise.resolve([])
      return Promise.reject(new Error('a worker is gone'))
    },
  })
  await client.start(forever)
  await client.whenSynced
  await fixture.settled()
  fixture.change('+w1@1')
  await fixture.until(() => fixture.xds.receipts.nodes().every((node) => !node.connected))
  await fixture.somebodyConnected()
  assert.ok((await fixture.settled()).includes('→ addresses +w1@1'))
  assert.equal(failures, 2)
})

test('xdsServer refuses tokens that are not valid, and adsClient reads its token at each try', async () => {
  await using fixture = await AdsFixture.create()
  await writeFile(join(fixture.folder, 'n2.token'), 'not.a.token')
  const client = fixture.client({}, 'n2')
  await client.start(forever)
  await fixture.triesFailed(3)
  assert.equal(client.connected, false)
  assert.deepEqual(fixture.xds.receipts.nodes(), [])
  await fixture.writeToken('n2')
  await fixture.somebodyConnected()
  await client.whenSynced
  assert.equal(fixture.xds.receipts.nodes()[0]?.node, 'n2')
})

test('adsClient does not talk to a server of another root', async () => {
  await using fixture = await AdsFixture.create()
  await using other = await AdsFixture.create()
  const client = fixture.client({ rootsFile: other.rootsFile })
  await client.start(forever)
  await fixture.triesFailed(3)
  assert.equal(client.connected, false)
  assert.deepEqual(fixture.xds.receipts.nodes(), [])
})

test('xdsServer: the newest stream of a node speaks for it, and an older one after it', async () => {
  await using fixture = await AdsFixture.create()
  const slow = new SlowApply()
  const old = fixture.client()
  await old.start(forever)
  await old.whenSynced
  const fresh = fixture.client({ apply: slow.apply })
  await fresh.start(forever)
  await slow.arrival()
  fixture.change('+w1@1')
  assert.equal(fixture.xds.receipts.report(1).everywhere, false, 'the fresh one has applied nothing')
  await fresh[Symbol.asyncDispose]()
  await fixture.xds.receipts.applied(1, { signal: forever })
  assert.equal(fixture.xds.receipts.nodes().length, 1)
})
