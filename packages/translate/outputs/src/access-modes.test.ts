import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshSpec } from '@tulle/api'
import { authorizeWith, policiesFor } from '@tulle/policy'
import type { Verdict } from '@tulle/policy'
import { workloadIdentity } from '@tulle/mesh'
import { workloadUid } from '@tulle/workloads'
import { account, mesh, tcpRoute, trafficTarget, workload } from './testing/objects.ts'
import { worldOf } from './testing/world.ts'
import type { World } from './testing/world.ts'

type Outcome = 'pass' | 'refuse' | 'pass, logged as would-refuse'
type Situation =
  | 'no target names it'
  | 'a target matches'
  | 'a target does not match'
  | 'plaintext caller, target names it'
  | 'plaintext caller, no target names it'

/** The table of design §8, cell by cell. */
const table: Readonly<Record<MeshSpec['access'], Readonly<Record<Situation, Outcome>>>> = {
  audit: {
    'no target names it': 'pass',
    'a target matches': 'pass',
    'a target does not match': 'pass, logged as would-refuse',
    'plaintext caller, target names it': 'pass, logged as would-refuse',
    'plaintext caller, no target names it': 'pass',
  },
  'enforce-selected': {
    'no target names it': 'pass',
    'a target matches': 'pass',
    'a target does not match': 'refuse',
    'plaintext caller, target names it': 'refuse',
    'plaintext caller, no target names it': 'pass',
  },
  enforce: {
    'no target names it': 'refuse',
    'a target matches': 'pass',
    'a target does not match': 'refuse',
    'plaintext caller, target names it': 'refuse',
    'plaintext caller, no target names it': 'refuse',
  },
}

const run = { command: ['true'], env: {} }

function shop(spec: Partial<MeshSpec>): World {
  return worldOf(
    mesh(spec),
    workload('reader', { run }),
    workload('thief', { run }),
    workload('books', { run }),
    workload('unguarded', { run }),
    tcpRoute('books-port', [8080]),
    trafficTarget('books', {
      destination: account('books'),
      sources: [account('reader')],
      rules: [{ kind: 'TCPRoute', name: 'books-port' }],
    }),
  )
}

interface Call {
  /** undefined: plaintext. */
  readonly from: string | undefined
  readonly to: string
}

const calls: Readonly<Record<Situation, Call>> = {
  'no target names it': { from: 'reader', to: 'unguarded' },
  'a target matches': { from: 'reader', to: 'books' },
  'a target does not match': { from: 'thief', to: 'books' },
  'plaintext caller, target names it': { from: undefined, to: 'books' },
  'plaintext caller, no target names it': { from: undefined, to: 'unguarded' },
}

function verdictOf({ model }: World, { from, to }: Call): Verdict {
  const caller = model.workloads.get(workloadUid('shop', from ?? 'reader'))
  const callee = model.workloads.get(workloadUid('shop', to))
  assert.ok(caller?.addresses[0] !== undefined && callee?.addresses[0] !== undefined)
  const policies = Array.from(model.policies.entries(), ([, policy]) => policy)
  return authorizeWith(policiesFor(callee, policies), {
    identity: from === undefined ? undefined : workloadIdentity(caller),
    sourceIp: caller.addresses[0],
    destinationIp: callee.addresses[0],
    destinationPort: 8080,
  })
}

function outcomeOf(verdict: Verdict): Outcome {
  if (!verdict.allowed) return 'refuse'
  return verdict.wouldRefuse === undefined ? 'pass' : 'pass, logged as would-refuse'
}

for (const access of ['audit', 'enforce-selected', 'enforce'] as const) {
  for (const situation of Object.keys(calls) as Situation[]) {
    test(`§8 access ${access}, ${situation}: ${table[access][situation]}`, () => {
      const verdict = verdictOf(shop({ access }), calls[situation])
      assert.equal(outcomeOf(verdict), table[access][situation])
    })
  }

  test(`§8 mTLS strict with access ${access}: a plaintext caller is refused, whatever targets say`, () => {
    const world = shop({ access, mtls: 'strict' })
    for (const to of ['books', 'unguarded']) {
      const verdict = verdictOf(world, { from: undefined, to })
      assert.deepEqual(
        [verdict.allowed, verdict.reason, verdict.policy],
        [false, 'deny-rule', '/tulle.strict-mtls'],
      )
    }
    const known = verdictOf(world, calls['a target matches'])
    assert.equal(outcomeOf(known), 'pass')
  })
}

test('§8 a would-refuse names the policy of the target', () => {
  const verdict = verdictOf(shop({ access: 'audit' }), calls['a target does not match'])
  assert.deepEqual(verdict.wouldRefuse, { policy: 'shop/smi.books' })
})
