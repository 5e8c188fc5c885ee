import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Modes } from '../support/lab.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { until } from '../support/waiting.ts'

/**
 * The table of modes, cell by cell, on the real path: what the policy engine decides is tested beside it, here it is
 * what a workload sees. One mesh, its Mesh object edited in place.
 */

type Column = 'no target names it' | 'named and matches' | 'named, does not match' | 'plaintext caller'
type Expected = 'pass' | 'pass, logged' | 'refuse' | 'refuse where a target names it'

const cells: Readonly<Record<Modes['access'], Readonly<Record<Column, Expected>>>> = {
  audit: {
    'no target names it': 'pass',
    'named and matches': 'pass',
    'named, does not match': 'pass, logged',
    'plaintext caller': 'pass, logged',
  },
  'enforce-selected': {
    'no target names it': 'pass',
    'named and matches': 'pass',
    'named, does not match': 'refuse',
    'plaintext caller': 'refuse where a target names it',
  },
  enforce: {
    'no target names it': 'refuse',
    'named and matches': 'pass',
    'named, does not match': 'refuse',
    'plaintext caller': 'refuse',
  },
}
const callers: Readonly<Record<Column, string>> = {
  'no target names it': 'guest',
  'named and matches': 'friend',
  'named, does not match': 'guest',
  'plaintext caller': 'plain',
}

const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'permissive', access: 'enforce-selected' }),
    'access.yaml': targetManifest('named', ['friend']),
    ...labManifests([
      { name: 'named', node: 'node-2' },
      { name: 'unnamed', node: 'node-2' },
      { name: 'friend' },
      { name: 'guest' },
      { name: 'plain', inMesh: false },
    ]),
  },
})
let mesh: Mesh

before(async () => {
  mesh = await folder.start()
  await Promise.all(['named', 'unnamed', 'friend', 'guest', 'plain'].map((name) => mesh.agent(name)))
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

async function passes(caller: string, to: string): Promise<boolean> {
  const agent = await mesh.agent(caller)
  const outcome = await agent.call(caller === 'plain' ? await mesh.addressOf(`lab/${to}`) : to)
  // Refused is closed, at once: a call that hangs would be neither.
  assert.notEqual(outcome.error, 'no answer', `${caller} calls ${to}`)
  return outcome.ok
}

const accessLog = join(folder.state.logs, 'node-2.access.log')

/** The log's line about a call that audit mode let through. */
function loggedSince(from: number, identity: string | undefined): Promise<string> {
  return until(
    () =>
      readFileSync(accessLog, 'utf8')
        .slice(from)
        .split('\n')
        .find((line) => {
          if (line === '') return false
          const entry = JSON.parse(line) as Record<string, unknown>
          return entry['would_refuse'] !== undefined && entry['src.identity'] === identity
        }),
    () => readFileSync(accessLog, 'utf8').slice(from),
  )
}

async function checkCell(column: Column, expected: Expected): Promise<void> {
  const caller = callers[column]
  const from = readFileSync(accessLog, 'utf8').length
  const target = column === 'no target names it' ? 'unnamed' : 'named'
  assert.equal(await passes(caller, target), expected.startsWith('pass'), `${caller} calls ${target}`)
  if (expected === 'pass, logged') {
    const line = await loggedSince(
      from,
      column === 'plaintext caller' ? undefined : 'spiffe://cluster.local/ns/lab/sa/guest',
    )
    assert.match(line, /"would_refuse":"lab\/smi\.to-named"/u)
  }
  if (column === 'plaintext caller')
    assert.equal(await passes(caller, 'unnamed'), expected !== 'refuse', `${caller} calls unnamed`)
}

for (const access of ['audit', 'enforce-selected', 'enforce'] as const) {
  for (const mtls of ['permissive', 'strict'] as const) {
    describe(`access ${access}, mTLS ${mtls}`, () => {
      before(async () => {
        folder.write('mesh.yaml', meshManifest({ mtls, access }))
        await mesh.settle()
      })
      for (const [column, expected] of Object.entries(cells[access]) as [Column, Expected][]) {
        // Strict refuses whoever shows no identity, whatever the access mode.
        const cell = mtls === 'strict' && column === 'plaintext caller' ? 'refuse' : expected
        test(`${access} (${mtls}): ${column}: ${cell}`, () => checkCell(column, cell))
      }
    })
  }
}
