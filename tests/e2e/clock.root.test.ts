import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '@tulle/core'
import type { CertificateView } from '@tulle/node'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import type { Agent } from '../support/agent-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { until } from '../support/waiting.ts'

/** The time of day of every process of the mesh is what a file says; timers go on as they do (libfaketime). */

const hourMs = 3_600_000
const library = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path))

const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'strict', access: 'enforce-selected' }),
    'access.yaml': targetManifest('server', ['friend']),
    ...labManifests([{ name: 'server', node: 'node-2' }, { name: 'friend' }, { name: 'guest' }]),
  },
})
const clockFile = join(folder.root, 'clock')
let mesh: Mesh
let friend: Agent
let guest: Agent

function setClock(offset: '+0' | '+1h' | '-1h'): void {
  writeFileSync(clockFile, `${offset}\n`)
}

before(async () => {
  assert.ok(library !== undefined, 'expected libfaketime (Debian package faketime), found none')
  setClock('+0')
  Object.assign(process.env, {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: clockFile,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  })
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

const certificates = (node: string): Promise<readonly CertificateView[]> =>
  adminClient(folder.state.node(node).adminSocket).get<readonly CertificateView[]>('/v1/certificates')

/** Resolves when the data paths of both nodes see the jump: they stamp what they log. */
async function seen(offsetMs: number): Promise<void> {
  for (const node of ['node-1', 'node-2']) {
    await until(
      async () => {
        await friend.call('server')
        const text = readFileSync(join(folder.state.logs, `${node}.access.log`), 'utf8')
        // What stands behind the last line's end is still being written.
        const last = text.split('\n').at(-2) ?? '{}'
        const { time = '' } = JSON.parse(last) as { readonly time?: string } // the product's own line
        const aheadMs = Date.parse(time) - systemClock.nowMs()
        return Math.abs(aheadMs - offsetMs) < hourMs / 2 ? true : undefined
      },
      () => `the clock of ${node} has not jumped`,
    )
  }
}

async function servesAndRefuses(when: string): Promise<void> {
  const friends = await friend.call('server')
  assert.equal(friends.ok, true, `${when}: ${friends.error}`)
  assert.equal((await guest.call('server')).ok, false, `${when}: guest`)
}

/** A process that starts in the changed time makes every session anew, with the certificates that it finds. */
async function startAnew(node: string): Promise<void> {
  const since = mesh.lines.mark
  process.kill(await mesh.pidOf(node), 'SIGKILL')
  await mesh.lines.find(new RegExp(` ${node} +node proxy runs`, 'u'), { since })
  await until(
    async () => ((await friend.call('server')).ok ? true : undefined),
    () => 'friend is not answered',
  )
}

for (const [offset, offsetMs] of [
  ['+1h', hourMs],
  ['+0', 0],
  ['-1h', -hourMs],
] as const) {
  test(`case 39: the clock jumps to ${offset}: certificates hold, sessions go on, policy stays`, async () => {
    assert.equal((await friend.do('open', { id: 'kept', host: 'server', port: 8080 })).ok, true)
    const held = await certificates('node-1')
    setClock(offset)
    await seen(offsetMs)
    await servesAndRefuses('after the jump')
    assert.equal((await friend.do('echo', { id: 'kept', text: 'never noticed' })).ok, true)
    // Nothing was thrown away because of the jump: the same certificates are in force.
    assert.deepEqual(
      (await certificates('node-1')).map(({ serial, status }) => [serial, status]),
      held.map(({ serial, status }) => [serial, status]),
    )
    for (const node of ['node-1', 'node-2']) await startAnew(node)
    await servesAndRefuses('with new processes')
    await mesh.settle()
  })
}

test('case 39: what the control plane is told after the clock was set back applies as ever', async () => {
  folder.write('access.yaml', targetManifest('server', ['friend', 'guest']))
  await mesh.settle()
  assert.equal((await guest.call('server')).ok, true)
  const since = mesh.lines.mark
  process.kill(await mesh.pidOf('control'), 'SIGKILL')
  await mesh.lines.find(/ control +the control plane serves/u, { since })
  folder.write('access.yaml', targetManifest('server', ['friend']))
  await mesh.settle()
  assert.equal((await guest.call('server')).ok, false)
})
