import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '@tulle/core'
import type { Agent } from '../support/agent-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { until } from '../support/waiting.ts'

/** A node proxy is killed while its workloads talk: what comes meanwhile waits for the next one, which judges it. */

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

const callEveryMs = 5
const keptOpen = 50
const place = { host: 'server', port: 8080 }

interface Called {
  readonly beganMs: number
  readonly ok: boolean
  readonly error: string
}

/** One new connection after the other, none of which waits for those before it, until `enough`; then all of them. */
async function callOften(agent: Agent, host: string, enough: Promise<unknown>): Promise<readonly Called[]> {
  let over = false
  void enough.then(() => (over = true))
  const calls: Promise<Called>[] = []
  while (!over) {
    const beganMs = systemClock.nowMs()
    const call = agent.do('call', { host, port: place.port })
    calls.push(call.then(({ ok, error }) => ({ beganMs, ok, error })))
    await systemClock.sleep(callEveryMs)
  }
  return Promise.all(calls)
}

/** Kills it; resolves when it is gone, with the time. */
async function killNow(node: string): Promise<number> {
  const pid = await mesh.pidOf(node)
  process.kill(pid, 'SIGKILL')
  await until(
    () => (isGone(pid) ? true : undefined),
    () => `${node} is still there`,
  )
  return systemClock.nowMs()
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

async function openKept(): Promise<void> {
  for (let i = 0; i < keptOpen; i++)
    assert.equal((await friend.do('open', { id: `kept ${i}`, ...place })).ok, true)
}

async function closeKept(): Promise<void> {
  for (let i = 0; i < keptOpen; i++) await friend.do('close', { id: `kept ${i}` })
}

describe('a node proxy that is killed with connections open', () => {
  for (const [node, side, host] of [
    ['node-2', 'of the server', 'server'],
    ['node-1', 'of the callers', 'server'],
    ['node-2', 'of the server, called by its address', 'address'],
  ] as const) {
    test(`case 39: the proxy ${side}: those in flight fail, and not one that begins afterwards`, async (t) => {
      const target = host === 'address' ? await mesh.addressOf('lab/server') : host
      await openKept()
      const since = mesh.lines.mark
      const enough = Promise.withResolvers<void>()
      // A failure on the way leaves nobody calling for ever.
      t.after(() => enough.resolve())
      const calling = callOften(friend, target, enough.promise)
      const refused = callOften(guest, target, enough.promise)
      await systemClock.sleep(20 * callEveryMs)
      const goneMs = await killNow(node)
      const closed = await friend.do('closed', { id: 'kept 0' })
      assert.equal(closed.closed, true, 'its keys are gone, and its connections with them')
      await mesh.lines.find(new RegExp(` ${node} +node proxy runs`, 'u'), { since })
      assert.equal((await friend.call(target)).ok, true)
      enough.resolve()
      const calls = await calling
      const during = calls.filter(({ beganMs }) => beganMs > goneMs)
      const inFlight = calls.filter(({ beganMs, ok }) => beganMs <= goneMs && !ok).length
      t.diagnostic(`${calls.length} calls, ${inFlight} failed in flight, ${during.length} began afterwards`)
      assert.ok(during.length >= 20, `${during.length} calls began while it was away`)
      assert.deepEqual(
        during.filter(({ ok }) => !ok),
        [],
      )
      assert.deepEqual(
        (await refused).filter(({ ok }) => ok),
        [],
        'who may not is refused as ever',
      )
      await closeKept()
    })
  }
})

describe('a node proxy that comes back without the control plane', () => {
  test('case 39: with its state, what waits is served; without it, it waits, and nothing passes', async (t) => {
    const control = await mesh.pidOf('control')
    const address = await mesh.addressOf('lab/server')
    process.kill(control, 'SIGSTOP')
    t.after(() => process.kill(control, 'SIGCONT'))
    await killNow('node-2')
    assert.equal((await friend.call('server')).ok, true, 'served from the last good state')

    // A tmpfs in the mesh's own mount namespace.
    const secrets = join(`/proc/${control}/root`, folder.state.node('node-2').secrets)
    rmSync(join(secrets, 'last-good-state'))
    const since = mesh.lines.mark
    await killNow('node-2')
    await mesh.lines.find(/ node-2 +node proxy runs/u, { since })
    const settled: string[] = []
    const waiting = [friend.call('server'), friend.call(address)].map(async (call, i) => {
      const outcome = await call
      settled.push(`${i} ${outcome.ok ? 'answered' : outcome.error}`)
      return outcome
    })
    const refused = guest.call('server')
    await systemClock.sleep(1000)
    assert.deepEqual(settled, [], 'no byte passes, and nobody is sent away')
    process.kill(control, 'SIGCONT')
    for (const call of waiting) {
      const outcome = await call
      assert.equal(outcome.ok, true, outcome.error)
    }
    assert.equal((await refused).ok, false)
  })
})
