import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { RevocationView, RevokeView } from '@tulle/control'
import type { CertificateView } from '@tulle/node'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import type { Agent } from '../support/agent-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { until } from '../support/waiting.ts'

/** Who is revoked, by command and in the folder, all the way to open connections and back. */

const thief = 'spiffe://cluster.local/ns/lab/sa/thief'
const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'strict', access: 'enforce-selected' }),
    'access.yaml': targetManifest('server', ['thief', 'honest']),
    ...labManifests([
      { name: 'server', node: 'node-2' },
      { name: 'thief' },
      // The same identity at another place: with a certificate of its own.
      { name: 'double', account: 'thief', node: 'node-3' },
      { name: 'honest' },
    ]),
  },
})
let mesh: Mesh
let thiefAgent: Agent
let double: Agent
let honest: Agent

before(async () => {
  mesh = await folder.start()
  await mesh.agent('server')
  thiefAgent = await mesh.agent('thief')
  double = await mesh.agent('double')
  honest = await mesh.agent('honest')
  await mesh.settle()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

async function tulle<T>(
  ...args: readonly string[]
): Promise<{ readonly exitCode: number; readonly view: T }> {
  const { exitCode, stdout, stderr } = await folder.tulle(...args, '-o', 'json')
  assert.notEqual(stdout, '', stderr)
  return { exitCode, view: JSON.parse(stdout) as T }
}

const reaches = async (agent: Agent): Promise<boolean> => (await agent.call('server')).ok

/** Opens a connection that is kept, under this name. */
async function keep(agent: Agent, id: string): Promise<void> {
  assert.equal((await agent.do('open', { id, host: 'server', port: 8080 })).ok, true)
}

async function isCut(agent: Agent, id: string): Promise<boolean> {
  return (await agent.do('closed', { id })).closed
}

async function stillTalks(agent: Agent, id: string): Promise<boolean> {
  return (await agent.do('echo', { id, text: 'still here' })).ok
}

function reachesAgain(agent: Agent): Promise<true> {
  return until(
    async () => ((await reaches(agent)) ? true : undefined),
    () => 'it is not answered again',
  )
}

const certificatesOf = (node: string): Promise<readonly CertificateView[]> =>
  adminClient(folder.state.node(node).adminSocket).get<readonly CertificateView[]>('/v1/certificates')

describe('case 31: tulle revoke with an identity', () => {
  test('ends its connections everywhere, refuses new ones and certificates, and leaves the others alone', async () => {
    await keep(thiefAgent, 'a')
    await keep(double, 'b')
    await keep(honest, 'c')
    const { exitCode, view } = await tulle<RevokeView>('revoke', thief)
    assert.deepEqual([exitCode, view.nodes, view.missing, view.unknown], [0, 3, [], []])
    assert.deepEqual([await isCut(thiefAgent, 'a'), await isCut(double, 'b')], [true, true])
    assert.deepEqual([await reaches(thiefAgent), await reaches(double)], [false, false])
    assert.equal(await stillTalks(honest, 'c'), true)
    assert.equal(await reaches(honest), true)
    const listed = await tulle<readonly RevocationView[]>('get', 'revocations')
    assert.deepEqual(listed.view, [{ kind: 'identity', value: thief, by: 'tulle revoke' }])
  })

  test('holds at a proxy that is started again while the control plane stands still', async (t) => {
    const pid = await mesh.pidOf('control')
    process.kill(pid, 'SIGSTOP')
    t.after(() => process.kill(pid, 'SIGCONT'))
    const since = mesh.lines.mark
    await adminClient(folder.state.node('node-2').adminSocket).post('/quitquitquit')
    await mesh.lines.find(/ node-2 +serving the last good state/u, { since })
    await reachesAgain(honest)
    assert.equal(await reaches(thiefAgent), false)
  })

  test('is taken back, and all is as before', async () => {
    await mesh.settle()
    const { exitCode, view } = await tulle<RevokeView>('reinstate', thief)
    assert.deepEqual([exitCode, view.missing, view.written], [0, [], []])
    await reachesAgain(thiefAgent)
    await reachesAgain(double)
  })
})

describe('case 31: tulle revoke with a serial', () => {
  test('ends the sessions of that certificate; its workload gets another one, and goes on', async () => {
    const before = (await certificatesOf('node-1')).find(({ identity }) => identity === thief)
    await keep(thiefAgent, 'd')
    await keep(double, 'e')
    const { exitCode } = await tulle<RevokeView>('revoke', before?.serial ?? 'none')
    assert.equal(exitCode, 0)
    assert.equal(await isCut(thiefAgent, 'd'), true)
    assert.equal(await stillTalks(double, 'e'), true, 'another certificate of the same identity')
    await reachesAgain(thiefAgent)
    const after = (await certificatesOf('node-1')).find(({ identity }) => identity === thief)
    assert.notEqual(after?.serial, before?.serial)
    assert.equal(after?.status, 'available')
  })
})

describe('case 31: a Revocation in the folder', () => {
  test('ends its connections within one change, and its removal lets them in again', async () => {
    await keep(thiefAgent, 'f')
    const spec = { identities: [thief, 'no identity'] }
    const manifest = {
      apiVersion: 'tulle.dev/v1alpha1',
      kind: 'Revocation',
      metadata: { name: 'theft' },
      spec,
    }
    folder.write('theft.yaml', JSON.stringify(manifest))
    await mesh.settle()
    assert.equal(await isCut(thiefAgent, 'f'), true)
    assert.equal(await reaches(thiefAgent), false)
    assert.equal(await reaches(honest), true)
    const { exitCode, view } = await tulle<RevokeView>('reinstate', thief)
    assert.equal(exitCode, 1, 'a command does not take back what is written')
    assert.equal(view.written[0]?.by, 'Revocation theft')
    folder.write('theft.yaml', '')
    await mesh.settle()
    await reachesAgain(thiefAgent)
  })
})

test('case 31: the access log says why connections ended', () => {
  const log = readFileSync(`${folder.state.logs}/node-2.access.log`, 'utf8')
  assert.match(log, /"src\.identity":"spiffe:\/\/cluster\.local\/ns\/lab\/sa\/thief".*"error":"revoked"/u)
})
