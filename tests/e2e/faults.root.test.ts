import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { errorCode, systemClock } from '@tulle/core'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import type { PacketView } from '../../apps/tulle/src/up/up-api.ts'
import type { Agent } from '../support/agent-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { until } from '../support/waiting.ts'

/** What holds when a node proxy is killed with all it carries, or runs out of something. */

const streams = 1000
const hbonePort = 15_008
const callers = ['friend', 'second', 'third'] as const
const place = { host: 'server', port: 8080 }

const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'permissive', access: 'enforce-selected' }),
    'access.yaml': targetManifest('server', callers),
    ...labManifests([
      { name: 'server', node: 'node-2' },
      ...callers.map((name) => ({ name })),
      { name: 'guest' },
      { name: 'outsider', inMesh: false },
    ]),
  },
})
let mesh: Mesh
let friend: Agent
let guest: Agent
let outsider: Agent

before(async () => {
  mesh = await folder.start()
  await mesh.agent('server')
  friend = await mesh.agent('friend')
  guest = await mesh.agent('guest')
  outsider = await mesh.agent('outsider')
  await mesh.settle()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const stream = (i: number): string => `stream ${i}`

async function each(count: number, run: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: 32 }, worker))
}

function answered(): Promise<true> {
  return until(
    async () => ((await friend.call('server')).ok ? true : undefined),
    () => 'friend is not answered',
  )
}

/** Between the nodes, whatever has a payload, until there are so many or the time is up. */
function packetsOf(node: string): Promise<readonly PacketView[]> {
  return mesh.up.get<readonly PacketView[]>(`/v1/packets?node=${node}&count=1000`)
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1))

describe('a node proxy that is killed with a thousand connections open', () => {
  for (const [node, side] of [
    ['node-1', 'of the callers'],
    ['node-2', 'of the server'],
  ] as const) {
    test(`case 39: ${side}: they end, nothing passes by it in plaintext, and a new process serves`, async (t) => {
      await each(streams, async (i) => {
        const outcome = await friend.do('open', { id: stream(i), ...place })
        assert.equal(outcome.ok, true, outcome.error)
      })
      const address = await mesh.addressOf('lab/server')
      const captured = packetsOf('node-1')
      // The workloads go on calling all the time: before, meanwhile and after.
      await friend.do('startTraffic', { ...place, everyMs: 1, kept: 4 })
      const since = mesh.lines.mark
      const pid = await mesh.pidOf(node)
      process.kill(pid, 'SIGKILL')
      const killedMs = systemClock.monotonicMs()
      await mesh.lines.find(new RegExp(` ${node} +was killed by SIGKILL; starting it again`, 'u'), { since })
      // What nobody accepts is refused by the kernel, whose rules stay.
      const meanwhile = await Promise.all([outsider.call(address), guest.call('server')])
      assert.deepEqual(
        meanwhile.map(({ ok }) => ok),
        [false, false],
      )
      await mesh.lines.find(new RegExp(` ${node} +serving the last good state`, 'u'), { since })
      await answered()
      t.diagnostic(`served again ${Math.round(systemClock.monotonicMs() - killedMs)} ms after the kill`)
      assert.notEqual(await mesh.pidOf(node), pid)
      await each(streams, async (i) => {
        assert.equal((await friend.do('closed', { id: stream(i) })).closed, true, stream(i))
        await friend.do('close', { id: stream(i) })
      })
      const { records } = await friend.do('stopTraffic', {})
      assert.ok(
        records.some(({ ok }) => !ok),
        'while nobody serves, calls fail',
      )
      assert.equal((await guest.call('server')).ok, false)
      onlyTunnels(await captured, address)
    })
  }
})

/** Nothing between the nodes but HBONE, from or to the server; and none of what the applications say can be read. */
function onlyTunnels(packets: readonly PacketView[], server: string): void {
  const ofServer = packets.filter(({ from, to }) => [from, to].some((end) => end.startsWith(`${server}:`)))
  assert.ok(ofServer.length > 0, 'packets of the server were captured')
  for (const { from, to, payload } of ofServer) {
    assert.ok([portOf(from), portOf(to)].includes(hbonePort), `${from} → ${to}`)
    assert.doesNotMatch(Buffer.from(payload, 'base64').toString('latin1'), /"peer"|hello/u)
  }
}

/** Whether the guest may call: first it may, then it may not again. */
const changesOfPolicy = [true, false]

async function allowGuest(mayCall: boolean): Promise<void> {
  folder.write('access.yaml', targetManifest('server', mayCall ? [...callers, 'guest'] : callers))
  await mesh.settle()
}

/** Kills a node proxy while the control plane is stopped: its successor knows only what was kept. */
async function assertKept(pid: number, guestMayCall: boolean): Promise<void> {
  const control = await mesh.pidOf('control')
  process.kill(control, 'SIGSTOP')
  try {
    process.kill(pid, 'SIGKILL')
    await answered()
    assert.equal((await guest.call('server')).ok, guestMayCall)
  } finally {
    process.kill(control, 'SIGCONT')
  }
  await mesh.settle()
}

for (const mayCall of changesOfPolicy) {
  const what = mayCall ? 'allowed' : 'refused'
  test(`case 39: what is ${what} since a moment before its proxy is killed is ${what} after, though the control plane is away`, async () => {
    const pid = await mesh.pidOf('node-2')
    await allowGuest(mayCall)
    await assertKept(pid, mayCall)
  })
}

describe('a node proxy that runs out of something', () => {
  test('case 39: the disk of its state: policy still applies, the loss is said, and made good later', async () => {
    const pid = await mesh.pidOf('node-2')
    const full = join(`/proc/${pid}/root`, folder.state.node('node-2').secrets, 'full')
    const since = mesh.lines.mark
    fill(full)
    let isOver = false
    const said = mesh.lines.find(/ node-2 +last good state was not kept .*ENOSPC/u, { since })
    const over = said.finally(() => (isOver = true))
    // What is left of the journal's last page takes some changes yet.
    while (!isOver) {
      for (const mayCall of changesOfPolicy) {
        await allowGuest(mayCall)
        assert.equal((await guest.call('server')).ok, mayCall)
      }
    }
    await over
    assert.equal((await friend.call('server')).ok, true)
    rmSync(full)
    await mesh.lines.find(/ node-2 +last good state is kept again/u, { since })
    await assertKept(pid, false)
  })

  test('case 39: names: nothing in the nodes has ever asked for one', async () => {
    await friend.call('server')
    for (const name of ['node-1', 'node-2']) {
      const snmp = readFileSync(`/proc/${await mesh.pidOf(name)}/net/snmp`, 'utf8')
      const [names, values] = snmp.split('\n').filter((line) => line.startsWith('Udp: '))
      const at = names?.split(' ').indexOf('OutDatagrams') ?? -1
      assert.equal(values?.split(' ')[at], '0', `datagrams sent in the network of ${name}`)
    }
  })

  test('case 39: descriptors: what is too much is closed at once, the rest is served, and all of it again later', async () => {
    // The last of these tests: whoever may not raise limits cannot take this back.
    const inner = await limitDescriptors('node-1', 300)
    const since = mesh.lines.mark
    // A workload may have a share of them; together these want more than there are.
    const agents = await Promise.all(callers.map((name) => mesh.agent(name)))
    const outcomes = await Promise.all(agents.map((agent) => openMany(agent, 100)))
    const open = outcomes.reduce((sum, count) => sum + count, 0)
    assert.ok(open > 100 && open < 240, `${open} of 300 connections are open`)
    // It can still be asked, and still hears of policy.
    const view = await adminClient(folder.state.node('node-1').adminSocket).get<{ pid: number }>(
      '/v1/process',
    )
    assert.equal(view.pid, inner)
    for (const mayCall of changesOfPolicy) await allowGuest(mayCall)
    const complaints = mesh.lines
      .all()
      .slice(since)
      .filter((line) => line.includes('connections are closed unseen'))
    assert.ok(complaints.length > 0 && complaints.length < 60, `${complaints.length} complaints`)
    for (const agent of agents)
      await each(100, async (i) => void (await agent.do('close', { id: stream(i) })))
    await answered()
    for (let i = 0; i < 20; i++) assert.equal((await friend.call('server')).ok, true)
    assert.equal((await guest.call('server')).ok, false)
  })
})

/** How many of so many connections were answered. */
async function openMany(agent: Agent, count: number): Promise<number> {
  let open = 0
  await each(count, async (i) => {
    if ((await agent.do('open', { id: stream(i), ...place })).ok) open++
  })
  return open
}

/** Fills the file system that a file is on. */
function fill(path: string): void {
  const fd = openSync(path, 'w')
  const chunk = Buffer.alloc(1024 ** 2)
  for (let bytes = chunk.length; bytes > 0;) {
    try {
      writeSync(fd, chunk, 0, bytes)
    } catch (error) {
      assert.equal(errorCode(error), 'ENOSPC')
      bytes = Math.floor(bytes / 2)
    }
  }
  closeSync(fd)
}

/** The node's proxy is started anew, as by a launcher that lets it have only so many descriptors; returns its pid. */
async function limitDescriptors(node: string, count: number): Promise<number> {
  const parent = mesh.processes().find(({ innerPid }) => innerPid === 1)?.pid ?? -1
  execFileSync('prlimit', ['--pid', String(parent), `--nofile=${count}:${count}`])
  const since = mesh.lines.mark
  process.kill(await mesh.pidOf(node), 'SIGKILL')
  await mesh.lines.find(new RegExp(` ${node} +node proxy runs`, 'u'), { since })
  await answered()
  const { pid } = await adminClient(folder.state.node(node).adminSocket).get<{ pid: number }>('/v1/process')
  return pid
}
