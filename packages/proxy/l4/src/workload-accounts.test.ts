import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { MergedMetrics } from '@tulle/runtime'
import { ByteBudget, HeldBytes } from '@tulle/tunnel'
import { defaultLimits, limitsOfWorker } from './limits.ts'
import { WorkloadAccounts } from './workload-accounts.ts'

const noisy = { uid: 'a', namespace: 'shop', name: 'noisy' }
const quiet = { uid: 'b', namespace: 'shop', name: 'quiet' }

function start() {
  const clock = new TestClock()
  const cpu = { microseconds: 0 }
  const windowBudget = new ByteBudget(100)
  const accounts = new WorkloadAccounts({
    clock,
    limits: { ...defaultLimits, maxRefusalLines: 3, refusalLinesPerSecond: 1, maxWindowBytesPerWorkload: 60 },
    shares: { windowBudget, held: new HeldBytes(clock, 100) },
    cpuMicroseconds: () => cpu.microseconds,
  })
  const values = (name: string): Readonly<Record<string, number>> => {
    const merged = new MergedMetrics()
    for (const slice of accounts.slices(() => 7)) merged.add(slice)
    const series = merged.families.find((family) => family.name === name)?.series ?? []
    return Object.fromEntries(series.map((one) => [one.labels.slice(1).join(' '), one.values[0] ?? 0]))
  }
  return { clock, cpu, accounts, values }
}

test('case 26: a flood of refusals costs a bounded number of lines, and the rest is counted', async () => {
  const { clock, accounts, values } = start()
  const account = accounts.enter(noisy)
  const lines = Array.from({ length: 1000 }, () => account.refuse('too-many-handshakes'))
  assert.equal(lines.filter((leftOut) => leftOut !== undefined).length, 3)
  await clock.advance(1000)
  assert.equal(account.refuse('too-many-handshakes'), 997)
  assert.equal(account.refuse('too-many-handshakes'), undefined)
  assert.deepEqual(values('tulle_workload_refused'), { 'noisy too-many-handshakes': 1002 })
  assert.deepEqual(values('tulle_workload_refusals_unlogged'), { noisy: 998 })
})

test("case 26: one workload's refusals take no lines from another's", () => {
  const { accounts } = start()
  const account = accounts.enter(noisy)
  for (let count = 0; count < 100; count++) account.refuse('DENY')
  assert.equal(accounts.enter(quiet).refuse('DENY'), 0)
})

test('handshakes that wait are told of as they are now', () => {
  const { accounts, values } = start()
  let waiting = 3
  accounts.enter(noisy).handshakesWaiting = () => waiting
  accounts.enter(quiet)
  assert.deepEqual(values('tulle_workload_handshakes_waiting'), { noisy: 3, quiet: 0 })
  waiting = 0
  assert.deepEqual(values('tulle_workload_handshakes_waiting'), { noisy: 0, quiet: 0 })
})

test('CPU time is shared out in full, by what each workload did', () => {
  const { cpu, accounts, values } = start()
  const [one, other] = [accounts.enter(noisy), accounts.enter(quiet)]
  one.handshakes += 3
  other.handshakes += 1
  cpu.microseconds = 4_000_000
  assert.deepEqual(values('tulle_workload_cpu_seconds'), { noisy: 3, quiet: 1 })
  // Nothing was done for anybody: it counts with what comes next.
  cpu.microseconds = 5_000_000
  assert.deepEqual(values('tulle_workload_cpu_seconds'), { noisy: 3, quiet: 1 })
  other.bytes += 1_048_576
  cpu.microseconds = 6_000_000
  assert.deepEqual(values('tulle_workload_cpu_seconds'), { noisy: 3, quiet: 3 })
})

test('counters tell each thing once, gauges what is now', () => {
  const { accounts, values } = start()
  const account = accounts.enter(noisy)
  account.handshakes += 2
  account.windowBudget.take(50)
  assert.deepEqual(values('tulle_workload_handshakes'), { noisy: 2 })
  assert.deepEqual(values('tulle_workload_handshakes'), { noisy: 2 })
  assert.deepEqual(values('tulle_workload_window_bytes'), { noisy: 50 })
  assert.deepEqual(values('tulle_workload_connections'), { noisy: 7 })
  account.windowBudget.give(50)
  assert.deepEqual(values('tulle_workload_window_bytes'), { noisy: 0 })
})

test('a workload that left takes its series with it; one of the same name keeps them', () => {
  const { accounts, values } = start()
  accounts.enter(noisy).refuse('DENY')
  accounts.enter({ ...noisy, uid: 'again' })
  assert.deepEqual(values('tulle_workload_connections'), { noisy: 14 })
  accounts.release('a')
  assert.deepEqual(values('tulle_workload_connections'), { noisy: 7 })
  accounts.release('again')
  for (const name of ['connections', 'handshakes', 'cpu_seconds', 'window_bytes']) {
    assert.deepEqual(values(`tulle_workload_${name}`), {}, name)
  }
})

test('limitsOfWorker divides what is of the process, and leaves descriptors for the neighbours of each workload', () => {
  const { maxConnectionsPerWorkload, maxWindowBytes, maxWindowBytesPerWorkload } = limitsOfWorker(
    {},
    2,
    20_000,
  )
  assert.equal(maxConnectionsPerWorkload, 2500)
  assert.equal(maxWindowBytes, defaultLimits.maxWindowBytes / 2)
  assert.equal(maxWindowBytesPerWorkload, defaultLimits.maxWindowBytesPerWorkload / 2)
  assert.equal(limitsOfWorker({}, 2, 1_048_576).maxConnectionsPerWorkload, 16_384)
  assert.equal(limitsOfWorker({ maxConnectionsPerWorkload: 9000 }, 2, 1024).maxConnectionsPerWorkload, 9000)
})
