import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { List, NodeView } from '@tulle/status'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import type { Agent } from '../support/agent-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { stillRunning } from '../support/processes.ts'
import { until } from '../support/waiting.ts'

/** What holds while a part of the mesh is gone: never more than policy allows, and soon again all of it. */

const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'permissive', access: 'enforce-selected' }),
    'access.yaml': targetManifest('server', ['friend']),
    ...labManifests([{ name: 'server', node: 'node-2' }, { name: 'friend' }, { name: 'guest' }]),
  },
})
let mesh: Mesh
let friend: Agent
let guest: Agent

before(async () => {
  mesh = await folder.start()
  await mesh.agent('server')
  friend = await mesh.agent('friend')
  guest = await mesh.agent('guest')
  await mesh.settle()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

/** Kills it; resolves when it is gone, and before it can have come back. */
async function killNow(name: string): Promise<void> {
  const pid = await mesh.pidOf(name)
  process.kill(pid, 'SIGKILL')
  await until(
    () => (isGone(pid) ? true : undefined),
    () => `${name} is still there`,
  )
}

async function servesAgain(): Promise<void> {
  await until(
    async () => ((await friend.call('server')).ok ? true : undefined),
    () => 'friend is not answered',
  )
}

function bothConnected(): Promise<true> {
  return until(
    async () => {
      const { items } = await mesh.control.get<List<NodeView>>('/v1/nodes')
      return items.filter(({ connected }) => connected).length === 2 ? true : undefined
    },
    () => 'the nodes are not connected',
  )
}

describe('a node proxy that is killed', () => {
  for (const [node, side] of [
    ['node-1', 'of the caller'],
    ['node-2', 'of the server'],
  ] as const) {
    test(`${side}: what comes meanwhile waits until it is back, from then on all is as before`, async () => {
      const since = mesh.lines.mark
      await killNow(node)
      const meanwhile = await friend.call('server')
      assert.equal(meanwhile.ok, true, meanwhile.error)
      assert.equal((await guest.call('server')).ok, false, 'nothing passes by the proxy')
      await mesh.lines.find(
        new RegExp(` ${node} +was killed by SIGKILL; starting it again in \\d+ ms`, 'u'),
        { since },
      )
      for (let i = 0; i < 8; i++) assert.equal((await friend.call('server')).ok, true)
      assert.equal((await guest.call('server')).ok, false)
    })
  }
})

describe('a control plane that stands still', () => {
  test('traffic and policy go on, and a node proxy that is killed meanwhile serves from its last good state', async (t) => {
    const pid = await mesh.pidOf('control')
    process.kill(pid, 'SIGSTOP')
    t.after(() => process.kill(pid, 'SIGCONT'))
    assert.equal((await friend.call('server')).ok, true)
    assert.equal((await guest.call('server')).ok, false)
    for (const node of ['node-1', 'node-2']) {
      const since = mesh.lines.mark
      await killNow(node)
      await mesh.lines.find(new RegExp(` ${node} +serving the last good state`, 'u'), { since })
      await servesAgain()
      assert.equal((await guest.call('server')).ok, false)
    }
    process.kill(pid, 'SIGCONT')
    await mesh.settle()
    assert.equal((await friend.call('server')).ok, true)
  })
})

describe('a control plane that is killed', () => {
  test('open and new connections go on; it comes back, and policy edits apply again', async () => {
    assert.equal((await friend.do('open', { id: 'kept', host: 'server', port: 8080 })).ok, true)
    const since = mesh.lines.mark
    await killNow('control')
    assert.equal((await friend.do('echo', { id: 'kept', text: 'still here' })).ok, true)
    assert.equal((await friend.call('server')).ok, true)
    assert.equal((await guest.call('server')).ok, false)
    await mesh.lines.find(/ control +was killed by SIGKILL; starting it again/u, { since })
    await mesh.lines.find(/ control +the control plane serves/u, { since })
    await bothConnected()
    folder.write('access.yaml', targetManifest('server', ['friend', 'guest']))
    await mesh.settle()
    assert.equal((await guest.call('server')).ok, true)
    assert.equal((await friend.do('echo', { id: 'kept', text: 'all the time' })).ok, true)
  })

  test('what changed in the folder while it was gone holds when it is back', async () => {
    const since = mesh.lines.mark
    await killNow('control')
    folder.write('access.yaml', targetManifest('server', ['friend']))
    await mesh.lines.find(/ control +the control plane serves/u, { since })
    await bothConnected()
    await mesh.settle()
    assert.equal((await guest.call('server')).ok, false)
    assert.equal((await friend.do('echo', { id: 'kept', text: 'never noticed' })).ok, true)
  })
})

describe('a workload that is taken away', () => {
  test('its process ends, its connections end, its name is gone; put back, it serves again', async () => {
    const text = folder.read('server.yaml')
    const before = mesh.processes().filter((one) => one.innerPid !== one.pid)
    const pid = await mesh.pidOf('lab/server')
    const since = mesh.lines.mark
    folder.write('server.yaml', '')
    await mesh.lines.find(/ server +stopped: its manifest was removed/u, { since })
    assert.deepEqual(stillRunning(before.filter((one) => one.pid === pid)), [])
    assert.equal((await friend.do('closed', { id: 'kept' })).closed, true)
    assert.equal((await friend.call('server')).ok, false)
    folder.write('server.yaml', text)
    await mesh.lines.find(/ server +agent server/u, { since })
    await servesAgain()
    // Each worker of the caller's proxy had a session to where the workload was.
    for (let i = 0; i < 8; i++) assert.equal((await friend.call('server')).ok, true)
    assert.equal((await guest.call('server')).ok, false)
  })

  test('moved to the other node with its address, it serves there', async () => {
    const address = await mesh.addressOf('lab/server')
    const since = mesh.lines.mark
    folder.write('server.yaml', folder.read('server.yaml').replace('"node-2"', '"node-1"'))
    await mesh.lines.find(/ server +started on node-1 at /u, { since })
    await mesh.lines.find(/ server +agent server/u, { since })
    assert.equal(await mesh.addressOf('lab/server'), address)
    await servesAgain()
    for (let i = 0; i < 8; i++) assert.equal((await friend.call('server')).ok, true)
    assert.equal((await guest.call('server')).ok, false)
  })
})

describe('a node proxy that is told to stop', () => {
  test('it drains by itself and is started again', async () => {
    const since = mesh.lines.mark
    await adminClient(folder.state.node('node-1').adminSocket).post('/quitquitquit')
    await mesh.lines.find(/ node-1 +ended with exit code 0; starting it again/u, { since })
    await mesh.lines.find(/ node-1 +node proxy runs/u, { since })
    await servesAgain()
  })
})
