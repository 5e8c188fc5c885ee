import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'

const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'strict', access: 'enforce-selected', trustDomain: 'shop.example' }),
    'access.yaml': targetManifest('server', ['friend']),
    ...labManifests([{ name: 'server', node: 'node-2' }, { name: 'friend' }, { name: 'guest' }]),
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

test('a mesh has its identities in the trust domain that its Mesh object names', async () => {
  const friend = await mesh.agent('friend')
  const guest = await mesh.agent('guest')
  const call = await friend.call('server')
  assert.equal(call.ok, true, call.error)
  assert.equal((await guest.call('server')).ok, false)
  const { stdout } = await folder.tulle('get', 'certificates', '-o', 'json')
  assert.match(stdout, /spiffe:\/\/shop\.example\/ns\/[^"]*\/sa\/server/u)
  assert.doesNotMatch(stdout, /cluster\.local/u)
})
