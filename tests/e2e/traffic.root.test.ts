import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { AgentReplies } from '../support/agent-types.ts'
import type { Agent } from '../support/agent-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { until } from '../support/waiting.ts'

/** What a connection through the mesh is to those at its ends: the same as without one, or none. */

const bulkBytes = 64 * 1024 ** 2
const allows = (sources: readonly string[]): string => targetManifest('server', sources)

const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'permissive', access: 'enforce-selected' }),
    'access.yaml': allows(['friend', 'guest', 'near']),
    ...labManifests([
      { name: 'server', node: 'node-2', udpPorts: [5300, 53] },
      { name: 'friend' },
      { name: 'guest' },
      { name: 'near', node: 'node-2' },
    ]),
  },
})
let mesh: Mesh
let friend: Agent
let guest: Agent
let near: Agent

before(async () => {
  mesh = await folder.start()
  await mesh.agent('server')
  friend = await mesh.agent('friend')
  guest = await mesh.agent('guest')
  near = await mesh.agent('near')
  await mesh.settle()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

describe('a connection through the mesh', () => {
  test('the server sees the address of its caller, from another node and from its own', async () => {
    for (const [name, agent] of [
      ['friend', friend],
      ['near', near],
    ] as const) {
      const outcome = await agent.call('server')
      assert.deepEqual([outcome.ok, outcome.at], [true, 'server'], outcome.error)
      assert.equal(outcome.peer, await mesh.addressOf(`lab/${name}`))
    }
  })

  test('the workload called by its own address answers too', async () => {
    const outcome = await friend.call(await mesh.addressOf('lab/server'))
    assert.equal(outcome.ok, true, outcome.error)
  })

  test('64 MiB out, half-closed, and 64 MiB back, again and again: the digests are equal', async () => {
    // The end may come at any fill of the buffers on the way, so once is not enough.
    for (let i = 0; i < 4; i++) {
      const sums = await friend.do('bulk', { host: 'server', port: 8080, bytes: bulkBytes })
      assert.equal(sums.bytes, bulkBytes)
      assert.equal(sums.received, sums.sent)
    }
  })

  test('a half-close reaches the server, which answers after it', async () => {
    const sums = await friend.do('digest', { host: 'server', port: 8081, bytes: 1024 ** 2 })
    assert.equal(sums.answer, sums.sent)
  })

  test('a port that nobody listens on is closed at once', async () => {
    const outcome = await friend.call(await mesh.addressOf('lab/server'), 8099)
    assert.deepEqual([outcome.ok, outcome.error === 'no answer'], [false, false], outcome.error)
  })
})

describe('an open connection when policy changes', () => {
  const open = (agent: Agent, id: string): Promise<AgentReplies['open']> =>
    agent.do('open', { id, host: 'server', port: 8080 })

  test('it is cut when its permission goes, and not otherwise', async () => {
    for (const agent of [friend, guest]) assert.equal((await open(agent, 'kept')).ok, true)
    folder.write('access.yaml', allows(['guest', 'near', 'friend', 'nobody']))
    await mesh.settle()
    for (const agent of [friend, guest])
      assert.equal((await agent.do('echo', { id: 'kept', text: 'still allowed' })).ok, true)
    folder.write('access.yaml', allows(['friend', 'near']))
    await mesh.settle()
    assert.equal((await guest.do('closed', { id: 'kept' })).closed, true)
    assert.equal((await guest.call('server')).ok, false)
    assert.equal((await friend.do('echo', { id: 'kept', text: 'never noticed' })).ok, true)
  })

  test('the whole target goes: nothing selects the workload, its open connections stay', async () => {
    folder.write('access.yaml', '')
    await mesh.settle()
    assert.equal((await friend.do('echo', { id: 'kept', text: 'open to all' })).ok, true)
    assert.equal((await guest.call('server')).ok, true)
    folder.write('access.yaml', allows(['friend', 'guest', 'near']))
    await mesh.settle()
    assert.equal((await friend.do('echo', { id: 'kept', text: 'and selected again' })).ok, true)
  })

  test('get connections names both ends of it', async () => {
    const { stdout } = await folder.tulle('get', 'connections', '-o', 'json')
    const rows = JSON.parse(stdout) as {
      workload: string
      direction: string
      sourceIdentity?: string
      node: string
    }[]
    const inbound = rows.find(
      (row) => row.direction === 'inbound' && row.sourceIdentity?.endsWith('/sa/friend'),
    )
    assert.deepEqual([inbound?.workload, inbound?.node], ['lab/server', 'node-2'], stdout)
    assert.ok(
      rows.some((row) => row.direction === 'outbound' && row.workload === 'lab/friend'),
      stdout,
    )
  })
})

describe('what the mesh does not carry', () => {
  const ask = async (port: number, withinMs: number): Promise<string | undefined> =>
    (await friend.do('udp', { host: await mesh.addressOf('lab/server'), port, text: 'hello', withinMs }))
      .answer

  test('permissive, enforce-selected: UDP passes between workloads', async () => {
    assert.equal(await ask(5300, 5000), 'hello')
    assert.equal(await ask(53, 5000), 'hello')
  })

  for (const modes of [
    { mtls: 'strict', access: 'enforce-selected' },
    { mtls: 'permissive', access: 'enforce' },
  ] as const) {
    test(`mTLS ${modes.mtls}, access ${modes.access}: UDP is dropped, but for the port of DNS`, async () => {
      folder.write('mesh.yaml', meshManifest(modes))
      await mesh.settle()
      assert.equal(await ask(53, 5000), 'hello')
      await until(
        async () => ((await ask(5300, 300)) === undefined ? true : undefined),
        () => 'UDP still passes',
      )
      assert.equal((await friend.call('server')).ok, true)
    })
  }

  test('permissive again: UDP passes again', async () => {
    folder.write('mesh.yaml', meshManifest({ mtls: 'permissive', access: 'enforce-selected' }))
    await mesh.settle()
    assert.equal(await ask(5300, 5000), 'hello')
  })
})
