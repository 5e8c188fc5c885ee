import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import type { ApplicablePolicies, AuthorizationPolicy } from '@tulle/policy'
import { ByteBudget, HeldBytes } from '@tulle/tunnel'
import { ConnectionTable } from './connection-table.ts'
import type { ConnectionSubject, Refusal } from './connection-subject.ts'
import type { Attempt } from './connection-table.ts'
import { defaultLimits } from './limits.ts'
import { partyOf } from './party.ts'
import { Telemetry } from './telemetry.ts'
import { WorkloadAccounts } from './workload-accounts.ts'
import { allowPolicy, ip } from './test-mesh.ts'

const uid = 'books'
const facts = {
  identity: undefined,
  sourceIp: ip('10.0.0.1'),
  destinationIp: ip('10.0.0.2'),
  destinationPort: 80,
}
const subject: ConnectionSubject = {
  uid,
  direction: 'inbound',
  protocol: 'tcp',
  source: { ip: '10.0.0.1', port: 1 },
  destination: { ip: '10.0.0.2', port: 80 },
  hbone: undefined,
  sourceParty: partyOf(undefined, undefined),
  destinationParty: partyOf(undefined, undefined),
  service: undefined,
  tlsGroup: undefined,
  traceId: undefined,
  verdict: undefined,
  facts,
  startedMs: 0,
}

const allowsIt = allowPolicy('yes', { destinationPorts: [80] })
const allowsOthers = allowPolicy('no', { destinationPorts: [81] })
const deniesIt: AuthorizationPolicy = { ...allowsIt, name: 'deny', action: 'deny' }

function applicable(
  known: readonly AuthorizationPolicy[],
  unknown: readonly string[] = [],
): ApplicablePolicies {
  return { known, unknown }
}

interface Opened {
  readonly table: ConnectionTable
  readonly ends: string[]
  begin(of?: Partial<ConnectionSubject>): Attempt
  open(): void
}

/** A table whose connections note how they are ended, by themselves or by force. */
function start(): Opened {
  const clock = new TestClock()
  const accounts = new WorkloadAccounts({
    clock,
    limits: defaultLimits,
    shares: { windowBudget: new ByteBudget(0), held: new HeldBytes(clock, 0) },
    cpuMicroseconds: () => 0,
  })
  const deps = { clock, telemetry: new Telemetry(), accessLog: undefined, accounts }
  const table = new ConnectionTable(deps)
  const ends: string[] = []
  const begin = (of: Partial<ConnectionSubject> = {}): Attempt => {
    const cut = (refusal: Refusal): void => {
      ends.push(`cut: ${refusal.error}`)
      table.giveUp(attempt, refusal)
    }
    const attempt = table.begin({ ...subject, ...of }, cut)
    return attempt
  }
  const open = (): void => {
    const pipe = {
      requestBytes: 0,
      responseBytes: 0,
      chunks: 0,
      abort: (reason: string) => {
        ends.push(`abort: ${reason}`)
        onDone(reason)
      },
    }
    const onDone = table.open(begin(), pipe)
  }
  return { table, ends, begin, open }
}

test('ConnectionTable.recheck cuts a connection that is still being made when policy turns against it', () => {
  const { table, ends, begin } = start()
  begin()
  assert.equal(table.recheck(uid, applicable([allowsIt])), 0)
  assert.equal(table.recheck(uid, applicable([allowsOthers])), 1)
  assert.deepEqual(ends, ['cut: no longer allowed: no-allow-rule shop/no'])
  assert.equal(table.countOf(uid), 0)
})

test('ConnectionTable.recheck: a missing policy cuts what is being made, and leaves what runs', () => {
  const { table, ends, begin, open } = start()
  open()
  begin()
  assert.equal(table.recheck(uid, applicable([], ['shop/gone'])), 1)
  assert.deepEqual(ends, ['cut: no longer allowed: unknown-policy shop/gone'])
  // The policy that allowed it may be the missing one.
  assert.equal(table.recheck(uid, applicable([allowsOthers], ['shop/gone'])), 0)
  assert.equal(table.recheck(uid, applicable([deniesIt], ['shop/gone'])), 1)
  assert.equal(ends.at(-1), 'abort: no longer allowed: deny-rule shop/deny rule 0')
})

test('ConnectionTable.recheck leaves other workloads and outbound connections alone', () => {
  const { table, begin } = start()
  begin({ uid: 'other' })
  begin({ facts: undefined, direction: 'outbound' })
  assert.equal(table.recheck(uid, applicable([allowsOthers])), 0)
  assert.equal(table.countOf('other'), 1)
})

test('ConnectionTable.closeAll and closeRevoked end what is being made too', () => {
  const { table, ends, begin, open } = start()
  const principal = 'spiffe://cluster.local/ns/shop/sa/thief'
  begin({ sourceParty: { ...subject.sourceParty, principal } })
  begin()
  open()
  table.closeRevoked(uid, new Set([principal]))
  assert.deepEqual(ends, ['cut: revoked'])
  table.closeAll(uid, 'workload removed')
  assert.deepEqual(ends.slice(1), ['cut: workload removed', 'abort: workload removed'])
  assert.equal(table.countOf(uid), 0)
})

test('ConnectionTable.empty waits for what is being made', async () => {
  const { table, begin } = start()
  const attempt = begin()
  let empty = false
  const waiting = table.empty().then(() => (empty = true))
  await Promise.resolve()
  assert.equal(empty, false)
  table.giveUp(attempt, { flags: 'CONNECT', verdict: 'failed', error: 'gone' })
  await waiting
})

test('ConnectionTable.giveUp counts an attempt once, however many ends it has', () => {
  const { table, begin } = start()
  const attempt = begin()
  begin()
  for (let i = 0; i < 3; i++) table.giveUp(attempt, { flags: 'CONNECT', verdict: 'failed', error: 'gone' })
  assert.equal(table.countOf(uid), 1)
})
