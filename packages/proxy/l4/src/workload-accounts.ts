import type { Clock } from '@tulle/core'
import { MetricsRegistry } from '@tulle/runtime'
import type { Child, Family, MetricsSlice } from '@tulle/runtime'
import type { L4Limits } from './limits.ts'
import { noUse, WorkloadAccount } from './workload-account.ts'
import type { WorkerShares, WorkloadUse } from './workload-account.ts'

/**
 * What each thing costs a worker in comparison, in microseconds: `npm run bench -- l4` on two virtual cores of 2.5 GHz. Only
 * their proportions matter, as what is shared out is measured.
 */
const costUs = { handshake: 900, connection: 150, refusal: 80, chunk: 15, mebibyte: 400 }

export interface WorkloadAccountsDeps {
  readonly limits: L4Limits
  readonly clock: Clock
  readonly shares: WorkerShares
  /** User and system time of this thread so far. */
  cpuMicroseconds(): number
}

/** Who is enrolled. */
interface Named {
  readonly uid: string
  readonly namespace: string
  readonly name: string
}

interface Entry {
  readonly account: WorkloadAccount
  readonly labels: readonly [namespace: string, workload: string]
  /** What the metrics know of. */
  told: WorkloadUse
  toldRefused: ReadonlyMap<string, number>
  toldLeftOut: number
}

/** The accounts of all workloads of a worker, and what metrics tell of them: a few series for each that is enrolled. */
export class WorkloadAccounts {
  readonly #deps: WorkloadAccountsDeps
  readonly #entries: Map<string, Entry> = new Map()
  readonly #registry: MetricsRegistry = new MetricsRegistry()
  readonly #open: Family
  readonly #handshakes: Family
  readonly #waiting: Family
  readonly #refused: Family
  readonly #leftOut: Family
  readonly #windowBytes: Family
  readonly #heldBytes: Family
  readonly #cpu: Family
  #cpuUs: number

  constructor(deps: WorkloadAccountsDeps) {
    this.#deps = deps
    this.#cpuUs = deps.cpuMicroseconds()
    const labels = ['namespace', 'workload']
    const registry = this.#registry
    this.#open = registry.gauge('tulle_workload_connections', 'Connections open or being made.', labels)
    this.#handshakes = registry.counter(
      'tulle_workload_handshakes',
      'TLS handshakes begun on its HBONE port.',
      labels,
    )
    this.#waiting = registry.gauge(
      'tulle_workload_handshakes_waiting',
      'TLS handshakes on its HBONE port that wait for their turn.',
      labels,
    )
    this.#refused = registry.counter(
      'tulle_workload_refused',
      'Connections and handshakes refused, by reason.',
      [...labels, 'reason'],
    )
    this.#leftOut = registry.counter(
      'tulle_workload_refusals_unlogged',
      'Refusals that were left out of the logs because there were too many.',
      labels,
    )
    this.#windowBytes = registry.gauge(
      'tulle_workload_window_bytes',
      'Bytes that its sessions promise to take beyond their first windows.',
      labels,
    )
    this.#heldBytes = registry.gauge(
      'tulle_workload_held_bytes',
      'Payload received that waits for slow applications.',
      labels,
    )
    this.#cpu = registry.counter(
      'tulle_workload_cpu_seconds',
      'CPU time of the data path threads, shared out among workloads by their handshakes, connections, refusals, reads and bytes. The sum is measured; the shares are an estimate.',
      labels,
    )
  }

  /** The same account for a workload that is enrolled again. */
  enter({ uid, namespace, name }: Named): WorkloadAccount {
    const before = this.#entries.get(uid)
    if (before !== undefined) return before.account
    const { limits, clock, shares } = this.#deps
    const account = new WorkloadAccount(limits, clock, shares)
    const entry: Entry = {
      account,
      labels: [namespace, name],
      told: noUse,
      toldRefused: new Map(),
      toldLeftOut: 0,
    }
    this.#entries.set(uid, entry)
    return account
  }

  /** Absent for what was never enrolled, or left for good. */
  of(uid: string): WorkloadAccount | undefined {
    return this.#entries.get(uid)?.account
  }

  /** Forgets a workload that left, and its series. */
  release(uid: string): void {
    const entry = this.#entries.get(uid)
    if (entry === undefined) return
    this.#entries.delete(uid)
    entry.account.held.close()
    const shared = this.#entries.values().some(({ labels }) => labels.join('/') === entry.labels.join('/'))
    if (shared) return
    for (const family of [
      this.#open,
      this.#handshakes,
      this.#waiting,
      this.#leftOut,
      this.#windowBytes,
      this.#heldBytes,
      this.#cpu,
    ])
      family.release(family.bind(...entry.labels))
    for (const reason of entry.account.refused.keys())
      this.#refused.release(this.#refused.bind(...entry.labels, reason))
  }

  /** `connections` of a workload now, by its uid. */
  slices(connections: (uid: string) => number): Generator<MetricsSlice> {
    const costs = new Map<Entry, number>()
    const gauges = new Map<Child, number>()
    const add = (child: Child, value: number): unknown => gauges.set(child, (gauges.get(child) ?? 0) + value)
    for (const [uid, entry] of this.#entries) {
      costs.set(entry, this.#tell(entry))
      add(this.#open.bind(...entry.labels), connections(uid))
      add(this.#waiting.bind(...entry.labels), entry.account.handshakesWaiting())
      entry.account.held.recount()
      add(this.#heldBytes.bind(...entry.labels), entry.account.held.bytes)
      add(this.#windowBytes.bind(...entry.labels), entry.account.windowBudget.takenBytes)
    }
    // Workloads on different nodes of one test may share a name.
    for (const [child, value] of gauges) child.set(value)
    this.#shareCpu(costs)
    return this.#registry.slices()
  }

  /** Brings its counters up to now; returns what was used since, at what it costs in comparison. */
  #tell(entry: Entry): number {
    const { account, labels, told } = entry
    const now = account.use
    const since = (key: keyof WorkloadUse): number => now[key] - told[key]
    this.#handshakes.bind(...labels).inc(since('handshakes'))
    this.#leftOut.bind(...labels).inc(account.leftOutInAll - entry.toldLeftOut)
    for (const [reason, count] of account.refused) {
      this.#refused.bind(...labels, reason).inc(count - (entry.toldRefused.get(reason) ?? 0))
    }
    const cost =
      since('handshakes') * costUs.handshake +
      since('connections') * costUs.connection +
      since('refusals') * costUs.refusal +
      since('chunks') * costUs.chunk +
      (since('bytes') / 1_048_576) * costUs.mebibyte
    entry.told = now
    entry.toldRefused = new Map(account.refused)
    entry.toldLeftOut = account.leftOutInAll
    return cost
  }

  #shareCpu(costs: ReadonlyMap<Entry, number>): void {
    const total = costs.values().reduce((sum, cost) => sum + cost, 0)
    // Where nothing was done for anybody, the thread's own time waits for the next look.
    if (total === 0) return
    const nowUs = this.#deps.cpuMicroseconds()
    const usedSeconds = Math.max(0, nowUs - this.#cpuUs) / 1e6
    this.#cpuUs = nowUs
    for (const [{ labels }, cost] of costs) this.#cpu.bind(...labels).inc((usedSeconds * cost) / total)
  }
}
