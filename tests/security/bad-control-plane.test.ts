// What a control plane may do to a node: nothing that was good goes, what is not understood is refused and said.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { defaultTrustDomain, parseSpiffeId, spiffeId } from '@tulle/identity'
import type { Workload } from '@tulle/mesh'
import {
  addressResource,
  addressType,
  authorizationResource,
  authorizationType,
  revocationResource,
  revocationType,
  trustBundleType,
} from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import { emptyMatch } from '@tulle/policy'
import { ScriptedControl, ScriptedNode } from './scripted-control.ts'

const thief = spiffeId(must(parseSpiffeId('spiffe://cluster.local/ns/shop/sa/thief')))

function workload(name: string, extra: string = ''): MeshResource {
  const whole: Workload = {
    uid: name,
    name,
    namespace: 'shop',
    serviceAccount: name,
    trustDomain: defaultTrustDomain,
    addresses: [],
    network: '',
    tunnel: 'hbone',
    node: 'n1',
    services: new Map(),
    policies: [],
    health: 'healthy',
    capacity: 1,
    kubeCluster: '',
    canonicalName: '',
    canonicalRevision: '',
    workloadName: '',
    workloadType: 'pod',
    hostname: '',
    nativeTunnel: false,
    hostNetwork: false,
  }
  return withBytes(addressResource({ kind: 'workload', workload: whole }), extra)
}

function policy(name: string, extra: string = ''): MeshResource {
  return withBytes(
    authorizationResource({
      name,
      namespace: 'shop',
      scope: 'workload',
      action: 'allow',
      dryRun: false,
      rules: [{ clauses: [{ matches: [{ ...emptyMatch, destinationPorts: [80] }] }] }],
    }),
    extra,
  )
}

/** With bytes that a later version of the schema might have added. */
function withBytes(resource: MeshResource, extra: string): MeshResource {
  const bytes = Buffer.concat([resource.bytes, Buffer.from(extra, 'hex')])
  return { ...resource, bytes, version: `${resource.version}${extra}` }
}

/** A node with the workloads a and b and the policy p in force, at the version. */
async function started(control: ScriptedControl, version: string = ''): Promise<ScriptedNode> {
  const node = await ScriptedNode.start(control)
  await control.ask(addressType)
  assert.equal(await control.tell({ type: authorizationType, version, add: [policy('p')] }), '')
  assert.equal(await control.tell({ type: addressType, version, add: [workload('a'), workload('b')] }), '')
  await node.client.whenSynced
  return node
}

/** Waits until the node has asked for everything on its `nth` stream. */
function asked(node: ScriptedNode, control: ScriptedControl, nth: number): Promise<void> {
  return node.until(() => control.streams === nth && control.requests.length >= 4)
}

const good = { addresses: ['a', 'b'], policies: ['p'], refused: [] }

test('case 37: a control plane that knows nothing of our own types is no less a control plane', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control)
  assert.deepEqual(await node.inForce(), good)
  assert.equal(node.client.synced, true, 'without an answer for roots and revocations')
})

test('case 37: gone for an hour, all that was good stays, and it is asked for at a bounded rate', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control, 'L/1/1')
  control.goAway()
  await node.until(() => !node.client.connected)
  const before = node.metric('istio_xds_connection_terminations_total')
  const endMs = control.clock.nowMs() + 3_600_000
  await node.until(() => control.clock.nowMs() >= endMs)
  const tries = node.metric('istio_xds_connection_terminations_total') - before
  assert.ok(tries > 100 && tries < 1100, `${tries} tries in an hour`)
  assert.deepEqual(await node.inForce(), good)
  const warnings = node.lines.filter(({ level }) => level === 'warn')
  assert.ok(warnings.length < 5, 'the same failure is said once')
  await control.listen()
  await asked(node, control, 2)
  assert.equal(await control.tell({ type: addressType, version: 'L/2/1', add: [workload('c')] }), '')
  assert.deepEqual((await node.inForce()).addresses, ['a', 'b', 'c'])
})

test('case 37: back with an older state, nothing of it is taken, it is said, and a newer one is taken', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control, 'L/5/70')
  control.hangUp()
  await asked(node, control, 2)
  control.say({ type: addressType, version: 'L/4/900', add: [workload('old')], remove: ['a', 'b'] })
  await node.until(() => node.client.refusedState !== undefined)
  assert.deepEqual(await node.inForce(), good)
  assert.match(node.client.refusedState ?? '', /older state \(start 4, change 900\).*\(start 5, change 70\)/u)
  assert.equal(node.metric('tulle_xds_older_states_total'), 1)
  assert.ok(node.lines.some(({ reason }) => String(reason).includes('remove the file "history"')))
  await asked(node, control, 3)
  assert.equal(await control.tell({ type: addressType, version: 'L/6/1', remove: ['b'] }), '')
  assert.deepEqual((await node.inForce()).addresses, ['a'])
  assert.equal(node.client.refusedState, undefined)
})

test('case 37: an older state is refused by a node proxy that was started again too; another history is taken', async () => {
  await using control = await ScriptedControl.create()
  await (await started(control, 'L/5/70'))[Symbol.asyncDispose]()
  await using node = await ScriptedNode.start(control)
  await asked(node, control, 2)
  control.say({ type: addressType, version: 'L/5/69', remove: ['a', 'b'] })
  await node.until(() => node.client.refusedState !== undefined)
  assert.deepEqual(await node.inForce(), good)
  await asked(node, control, 3)
  assert.equal(await control.tell({ type: addressType, version: 'M/1/1', remove: ['b'] }), '')
  assert.deepEqual((await node.inForce()).addresses, ['a'], 'an operator put another state folder there')
  assert.ok(node.lines.some(({ msg }) => String(msg).includes('another history')))
})

test('case 37: half a snapshot takes nothing away, on a new stream and after a start', async () => {
  await using control = await ScriptedControl.create()
  const first = await started(control)
  control.hangUp()
  await asked(first, control, 2)
  assert.equal(await control.tell({ type: addressType, add: [workload('a', '7801')] }), '')
  assert.deepEqual((await first.inForce()).addresses, ['a', 'b'])
  await first[Symbol.asyncDispose]()
  await using again = await ScriptedNode.start(control)
  await asked(again, control, 3)
  const { initialResourceVersions } = await control.ask(addressType)
  assert.deepEqual(Object.keys(initialResourceVersions).toSorted(), ['a', 'b'])
  assert.equal(await control.tell({ type: authorizationType }), '')
  assert.equal(await control.tell({ type: addressType, add: [workload('c')] }), '')
  await again.client.whenSynced
  assert.deepEqual(await again.inForce(), { ...good, addresses: ['a', 'b', 'c'] })
  assert.equal(await control.tell({ type: addressType, remove: ['a'] }), '')
  assert.deepEqual((await again.inForce()).addresses, ['b', 'c'], 'what is named goes')
})

test('case 37: unknown fields and actions are refused in policies, over a start too, and passed over elsewhere', async () => {
  await using control = await ScriptedControl.create()
  const first = await started(control)
  const bad = [policy('p', '4001'), policy('q', '2007')]
  assert.match(
    await control.tell({ type: authorizationType, add: [...bad, policy('r')] }),
    /^shop\/p: unknown field 8 .*; shop\/q: unknown value 7 of Authorization\.action$/u,
  )
  assert.equal(await control.tell({ type: addressType, add: [workload('a', 'f80701')] }), '')
  const inForce = {
    addresses: ['a', 'b'],
    policies: ['r'],
    refused: ['p', 'q'].map((name) => `shop/${name}`),
  }
  assert.deepEqual(await first.inForce(), inForce)
  assert.equal(first.metric('tulle_xds_refused_resources'), 2)
  assert.equal(first.lines.filter(({ msg }) => msg === 'a resource was refused').length, 2)
  await first[Symbol.asyncDispose]()
  await using again = await ScriptedNode.start(control)
  assert.deepEqual(await again.inForce(), inForce)
  await asked(again, control, 2)
  const { initialResourceVersions } = await control.ask(authorizationType)
  assert.equal(initialResourceVersions['shop/p'], '', 'it is asked for again')
})

test('case 37: a policy in another type, or without bytes, is refused like one that cannot be read', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control)
  const answer = await control.tell({
    type: authorizationType,
    resourceType: addressType,
    add: [policy('p')],
  })
  assert.match(answer, /^shop\/p: expected a resource of type/u)
  assert.deepEqual((await node.inForce()).refused, ['shop/p'], 'what it was meant for is closed')
})

test('case 37: an address that cannot be read leaves the one before in force', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control)
  const broken = { ...workload('a'), version: 'other', bytes: Buffer.from('ffffffff', 'hex') }
  assert.match(await control.tell({ type: addressType, add: [broken, workload('c')] }), /^a: /u)
  assert.deepEqual((await node.inForce()).addresses, ['a', 'b', 'c'])
})

test('case 37: garbage instead of a message ends the stream, and the node comes back with all it had', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control)
  for (const bytes of ['ff', 'ffffffffffffffff', '0a05', `12${'80'.repeat(20)}`, '2a02c328']) {
    const { streams } = control
    control.sayBytes(Buffer.from(bytes, 'hex'))
    await node.until(() => control.streams > streams && control.requests.length >= 4)
    assert.deepEqual(await node.inForce(), good, bytes)
  }
})

test('case 37: a thousand resources that cannot be read are refused in one bounded answer and a few lines', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control)
  const name = (i: number): string => `shop/${'x'.repeat(2000)}${i}`
  const bad = Array.from({ length: 1000 }, (_, i) => ({ ...policy('p', '4001'), name: name(i) }))
  const answer = await control.tell({ type: authorizationType, add: bad })
  assert.ok(answer.length <= (1 << 20) + 100, `${answer.length} characters`)
  assert.match(answer, /; and \d+ more$/u)
  assert.ok(node.lines.filter(({ msg }) => String(msg).startsWith('a resource was refused')).length <= 20)
  assert.deepEqual((await node.inForce()).policies, ['p'])
})

test('case 37: a message of megabytes is taken, and one resource in it that is no good harms no other', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control)
  const many = Array.from({ length: 5000 }, (_, i) =>
    workload(`w${i}`, i === 77 ? 'ff' : `7a8008${'61'.repeat(1024)}`),
  )
  const answer = await control.tell({ type: addressType, add: many })
  assert.match(answer, /^w77: [^;]*$/u)
  assert.equal((await node.inForce()).addresses.length, 2 + 4999)
})

test('case 31: who is revoked is in force before the answer, and over a start without a control plane', async () => {
  await using control = await ScriptedControl.create()
  const first = await started(control)
  const list = revocationResource({ name: 'theft', identities: [thief], serials: ['ab'] })
  assert.equal(await control.tell({ type: revocationType, add: [list] }), '')
  assert.deepEqual(first.identities.dump().revoked, { identities: [thief], serials: ['ab'] })
  assert.equal(first.metric('tulle_revoked'), 2)
  await first[Symbol.asyncDispose]()
  control.goAway()
  await using again = await ScriptedNode.start(control)
  assert.deepEqual(again.identities.dump().revoked, { identities: [thief], serials: ['ab'] })
})

test('case 31: a revocation list that cannot be read is refused, and the one before holds', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control)
  const list = revocationResource({ name: 'theft', identities: [thief], serials: [] })
  await control.tell({ type: revocationType, add: [list] })
  const broken = { ...list, version: 'other', bytes: Buffer.concat([list.bytes, Buffer.from('2001', 'hex')]) }
  assert.match(
    await control.tell({ type: revocationType, add: [broken] }),
    /^theft: unknown field 4 .*; what was before stays in force$/u,
  )
  assert.deepEqual(node.identities.dump().revoked.identities, [thief])
  assert.deepEqual(
    node.identities.dump().refused.map(({ name }) => name),
    ['theft'],
  )
  const other = { ...list, name: 'another', version: 'x' }
  assert.match(await control.tell({ type: revocationType, add: [other] }), /the resource is of "theft"/u)
  assert.equal(await control.tell({ type: revocationType, remove: ['theft'] }), '')
  assert.deepEqual(node.identities.dump().revoked.identities, [])
})

test('case 37: roots that are none are refused, and those before stay', async () => {
  await using control = await ScriptedControl.create()
  await using node = await started(control)
  const bytes = Buffer.from('0a0d636c75737465722e6c6f63616c 120161'.replaceAll(' ', ''), 'hex')
  const bundle = { name: 'cluster.local', version: '1', aliases: [], bytes }
  assert.match(await control.tell({ type: trustBundleType, add: [bundle] }), /^cluster\.local: roots\[0\]: /u)
  assert.deepEqual(node.identities.dump().bundles, [])
})

test('case 37: a history file that is broken or gone costs nothing but the order', async () => {
  await using control = await ScriptedControl.create()
  await (await started(control, 'L/5/70'))[Symbol.asyncDispose]()
  writeFileSync(join(control.folder, 'history'), '/5/')
  await using node = await ScriptedNode.start(control)
  await asked(node, control, 2)
  assert.equal(await control.tell({ type: addressType, version: 'L/4/1', remove: ['b'] }), '')
  rmSync(join(control.folder, 'history'))
  assert.deepEqual((await node.inForce()).addresses, ['a'])
})
