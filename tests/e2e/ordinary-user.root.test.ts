import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { labManifests, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { mountsWith, namespacesLeft, stillRunning } from '../support/processes.ts'
import { until } from '../support/waiting.ts'

/** `tulle up` as somebody who may do nothing in particular. */

const nobody = 65_534
const folder = new MeshFolder({
  manifests: {
    'access.yaml': targetManifest('server', ['friend']),
    ...labManifests([{ name: 'server', node: 'node-2' }, { name: 'friend' }, { name: 'guest' }]),
  },
  uid: nobody,
})
let mesh: Mesh

before(async () => {
  mesh = await folder.start()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

describe('as an ordinary user', () => {
  test('the first line says that workloads are not isolated from the proxy', () => {
    assert.match(
      mesh.lines.all()[0] ?? '',
      /^tulle up · namespaces, as a user: workloads are not isolated from the proxy$/u,
    )
  })

  test('one call is answered, another refused', async () => {
    await mesh.agent('server')
    const allowed = await (await mesh.agent('friend')).call('server')
    assert.deepEqual([allowed.ok, allowed.peer], [true, await mesh.addressOf('lab/friend')], allowed.error)
    assert.equal((await (await mesh.agent('guest')).call('server')).ok, false)
    const { exitCode, stdout } = await folder.tulle('explain', 'lab/guest', 'lab/server:8080')
    assert.equal(exitCode, 1, stdout)
  })

  test('a policy edit holds once tulle wait returns', async () => {
    folder.write('access.yaml', targetManifest('server', ['guest']))
    assert.equal((await folder.tulle('wait')).exitCode, 0)
    assert.equal((await (await mesh.agent('guest')).call('server')).ok, true)
    assert.equal((await (await mesh.agent('friend')).call('server')).ok, false)
  })

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    test(`ended with ${signal}, nothing is left, and it starts again`, async () => {
      const processes = mesh.processes()
      assert.equal(await mesh.stop(signal), signal === 'SIGINT' ? 0 : signal)
      await until(
        () => (stillRunning(processes).length === 0 ? true : undefined),
        () => `still running: ${JSON.stringify(stillRunning(processes))}`,
      )
      assert.deepEqual(namespacesLeft(processes), [])
      assert.deepEqual(mountsWith(folder.root), [])
      mesh = await folder.start()
      await mesh.agent('server')
      assert.equal((await (await mesh.agent('guest')).call('server')).ok, true)
    })
  }
})
