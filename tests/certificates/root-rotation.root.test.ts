import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseRoot } from '@tulle/ca'
import type { AuthorityRoot } from '@tulle/ca'
import type { RotationView } from '@tulle/control'
import { must, systemClock } from '@tulle/core'
import { certificatePem, createLeaf, generateKeyPair, keyPem } from '@tulle/x509'
import type { Agent } from '../support/agent-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'

/** One root takes the place of another while everybody talks to everybody, as fast as they can. */

const friendId = 'spiffe://cluster.local/ns/lab/sa/friend'
const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'strict', access: 'enforce-selected' }),
    'access.yaml': targetManifest('server', ['friend', 'neighbour']),
    ...labManifests([
      { name: 'server', node: 'node-2' },
      { name: 'friend' },
      { name: 'neighbour', node: 'node-2' },
      { name: 'outsider', node: 'node-1', inMesh: false },
    ]),
  },
  // Renewals are spread over a small part of a certificate's life: 12 s of these.
  args: ['--certificate-lifetime', '10m'],
})
let mesh: Mesh
let callers: readonly Agent[] = []

before(async () => {
  mesh = await folder.start()
  await mesh.agent('server')
  await mesh.agent('outsider')
  callers = [await mesh.agent('friend'), await mesh.agent('neighbour')]
  await mesh.settle()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

function rootOf(name: string): AuthorityRoot {
  const file = (suffix: string): string =>
    readFileSync(join(folder.state.root, 'ca', `${name}.${suffix}`), 'utf8')
  return must(parseRoot(name, file('crt'), file('key')))
}

/** A certificate for friend that this root signs: good in every other way. */
function leafOf({ root, key }: AuthorityRoot): { readonly cert: string; readonly key: string } {
  assert.ok(key !== undefined)
  const pair = generateKeyPair()
  const nowMs = systemClock.nowMs()
  const leaf = createLeaf({
    issuer: { certificate: root, key },
    publicKey: pair.publicKey,
    uriSans: [friendId],
    notBeforeMs: nowMs - 60_000,
    notAfterMs: nowMs + 600_000,
  })
  return { cert: certificatePem(leaf), key: keyPem(pair.privateKey) }
}

/** What the server's proxy does with a certificate: says something on HTTP/2, or hangs up. */
async function present(credentials: { readonly cert: string; readonly key: string }): Promise<string> {
  const host = await mesh.addressOf('lab/server')
  const options = { host, port: 15_008, ALPNProtocols: ['h2'], rejectUnauthorized: false, ...credentials }
  const script = `
    const socket = require('node:tls').connect(${JSON.stringify(options)})
    const say = (what) => { console.log(what); process.exit(0) }
    socket.once('data', () => say('served'))
    socket.once('error', (error) => say('refused: ' + error.code))
    socket.once('close', () => say('refused'))`
  const { stdout, stderr } = await folder.tulle('exec', 'lab/outsider', '--', 'node', '-e', script)
  return stdout.trim() || stderr
}

test('a root is replaced under full load: nothing fails, and what the old one signed is refused afterwards', async () => {
  const before = rootOf('root')
  const old = leafOf(before)
  assert.equal(await present(old), 'served')
  for (const agent of callers) {
    await agent.do('startTraffic', { host: 'server', port: 8080, everyMs: 1, kept: 16 })
  }
  const { exitCode, stdout, stderr } = await folder.tulle('rotate-root')
  assert.equal(exitCode, 0, stderr)
  assert.deepEqual(
    stdout.match(/^(1\/3|2\/3|3\/3|done)/gmu),
    ['1/3', '2/3', '3/3', 'done'],
    'the steps, each after everybody had the one before',
  )
  // Also afterwards: whoever still had something of the old root would fail now.
  assert.equal(await present(leafOf(rootOf('root-2'))), 'served')
  assert.match(await present(old), /^refused/u)
  const reports = await Promise.all(callers.map((agent) => agent.do('stopTraffic', {})))
  for (const { records } of reports) {
    const failed = records.filter(({ ok }) => !ok)
    assert.ok(records.filter(({ kind }) => kind === 'new').length > 500, `${records.length} calls were made`)
    assert.deepEqual(failed.slice(0, 5), [], `${failed.length} of ${records.length} failed`)
    assert.equal(
      new Set(records.filter(({ kind }) => kind === 'kept').map(({ openedMs }) => openedMs)).size <= 16,
      true,
    )
  }
  const { rotation, roots } = await mesh.control.get<RotationView>('/v1/rotation')
  assert.equal(rotation, undefined)
  assert.deepEqual(
    roots.map(({ name, signs }) => [name, signs]),
    [['root-2', true]],
  )
})
