// A mesh whose nodes are told of nothing but their own workloads and what these call.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'

const strangers = ['one', 'two', 'three'].map((name) => ({ name, node: 'node-2' }))
const folder = new MeshFolder({
  args: ['--subscribe', 'on-demand'],
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'strict', access: 'enforce-selected' }),
    'access.yaml': targetManifest('server', ['friend']),
    ...labManifests([
      { name: 'server', node: 'node-2' },
      { name: 'friend' },
      { name: 'guest' },
      ...strangers,
    ]),
  },
})
let mesh: Mesh

before(async () => {
  mesh = await folder.start()
  for (const name of ['server', 'friend', 'guest']) await mesh.agent(name)
  await mesh.settle()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

async function knownTo(node: string): Promise<readonly string[]> {
  const admin = adminClient(folder.state.node(node).adminSocket)
  const dump = await admin.get<{ readonly workloads: readonly { readonly name: string }[] }>('/config_dump')
  return dump.workloads.map(({ name }) => name).toSorted()
}

test('a node that subscribes on demand carries what policy allows, refuses the rest, and knows nothing else', async () => {
  assert.deepEqual(await knownTo('node-1'), ['friend', 'guest'])
  const [friend, guest] = [await mesh.agent('friend'), await mesh.agent('guest')]
  const call = await friend.call('server')
  assert.equal(call.ok, true, call.error)
  assert.equal((await guest.call('server')).ok, false)
  assert.deepEqual(await knownTo('node-1'), ['friend', 'guest', 'server'])
})

test('a policy that is taken away closes at once', async () => {
  folder.write('access.yaml', targetManifest('server', ['nobody']))
  await mesh.settle()
  const friend = await mesh.agent('friend')
  assert.equal((await friend.call('server')).ok, false)
  folder.write('access.yaml', targetManifest('server', ['friend']))
  await mesh.settle()
  const call = await friend.call('server')
  assert.equal(call.ok, true, call.error)
})
