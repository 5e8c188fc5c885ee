import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '@tulle/core'
import type { CertificateView } from '@tulle/node'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import type { Agent } from '../support/agent-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { until } from '../support/waiting.ts'

/** Last good state serves without a control plane for as long as the certificates hold, and not a call longer. */

const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'strict', access: 'enforce-selected' }),
    'access.yaml': targetManifest('server', ['friend']),
    ...labManifests([{ name: 'server', node: 'node-2' }, { name: 'friend' }, { name: 'guest' }]),
  },
  args: ['--certificate-lifetime', '20s'],
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

const answered = async (): Promise<boolean> => (await friend.call('server')).ok

/** When the first of both ends' certificates is over. */
async function endOfCertificates(): Promise<number> {
  const ends = [
    ['node-1', 'friend'],
    ['node-2', 'server'],
  ] as const
  const times = ends.map(async ([node, account]) => {
    const { adminSocket } = folder.state.node(node)
    const list = await adminClient(adminSocket).get<readonly CertificateView[]>('/v1/certificates')
    return list.find(({ identity }) => identity.endsWith(`/sa/${account}`))?.notAfterMs ?? 0
  })
  return Math.min(...(await Promise.all(times)))
}

test('case 39: certificates end while the control plane is away: calls go on until then, are closed after, and come back with it', async () => {
  assert.equal((await friend.do('open', { id: 'kept', host: 'server', port: 8080 })).ok, true)
  const control = await mesh.pidOf('control')
  process.kill(control, 'SIGSTOP')
  try {
    assert.equal(await answered(), true)
    assert.equal((await guest.call('server')).ok, false)
    await until(
      async () => ((await answered()) ? undefined : true),
      () => 'calls are still carried',
    )
    const endMs = await endOfCertificates()
    assert.ok(systemClock.nowMs() > endMs - 1000, 'nothing was closed before its certificate ended')
    // A stream that was open has its grace: it is told to end, and not cut at once.
    assert.equal((await friend.do('echo', { id: 'kept', text: 'in its grace' })).ok, true)
    // A process that starts now finds certificates that are over, and opens nothing with them.
    const since = mesh.lines.mark
    process.kill(await mesh.pidOf('node-1'), 'SIGKILL')
    await mesh.lines.find(/ node-1 +node proxy runs/u, { since })
    assert.equal(await answered(), false)
  } finally {
    process.kill(control, 'SIGCONT')
  }
  await until(
    async () => ((await answered()) ? true : undefined),
    () => 'friend is not answered',
  )
  assert.equal((await guest.call('server')).ok, false)
})
