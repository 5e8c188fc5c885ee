import { spreadOf } from '../support/statistics.ts'
import type { ClientCounts, DisturbanceResult, Misjudged } from './ledger.ts'
import { mebibytes } from './memory-samples.ts'
import type { RoleMemory } from './memory-samples.ts'

export interface SoakFacts {
  readonly durationMs: number
  readonly plannedMs: number
  /** What the steady clients got through as fast as they could, and what they did from then on: half of it. */
  readonly saturationPerSecond: number
  readonly perSecond: number
  readonly changes: number
  /** From the save to the last node's receipt. */
  readonly appliedMs: AppliedMs
  /** Of the steady clients, each of some seconds, counted from when a request was due. */
  readonly latencies: readonly { readonly p50Us: number; readonly p99Us: number }[]
  readonly clients: readonly ClientCounts[]
  readonly disturbances: readonly DisturbanceResult[]
  readonly misjudged: readonly Misjudged[]
  readonly certificates: { readonly identities: number; readonly issued: number }
  readonly memory: readonly RoleMemory[]
  /** What went wrong beside calls. */
  readonly troubles: readonly string[]
}

export interface SoakResult extends SoakFacts {
  /** What was broken; nothing when it held. */
  readonly failures: readonly string[]
  /** Figures that were to be better. */
  readonly missed: readonly string[]
}

export interface AppliedMs {
  readonly median: number
  readonly p99: number
  readonly worst: number
}

/** A shorter run never gets past its warm-up. */
export const memoryJudgedFromMs: number = 10 * 60_000
/** The last third's median over the first third's. */
export const memoryGrowth = 1.1
/** Memory that comes and goes with garbage collection. */
const memorySlackBytes: number = 3 * 1024 ** 2
/** From a kill to the answer that its last client waits for. */
export const recoveredWithinMs = 3000

/** What must hold, fixed before any run. */
export function failuresOf(facts: SoakFacts): readonly string[] {
  return [
    ...facts.clients.flatMap(clientFailures),
    ...facts.disturbances
      .filter(({ recoveredMs }) => recoveredMs === undefined)
      .map(({ kind, node }) => `${kind} of ${node}: it did not serve again`),
    ...(facts.plannedMs < memoryJudgedFromMs ? [] : facts.memory.flatMap(memoryFailures)),
    ...(facts.certificates.issued <= facts.certificates.identities ? ['no certificate was rotated'] : []),
    ...(facts.changes === 0 ? ['no change was applied'] : []),
    ...facts.troubles,
  ]
}

function clientFailures(one: ClientCounts): readonly string[] {
  const { client, judged, whileAway, failedThoughAllowed, passedThoughRefused, connectionsLost } = one
  return [
    // Its listening sockets are kept, so what begins then is to wait.
    ...(whileAway > 0 ? [`${client}: ${whileAway} calls failed that began while a proxy was away`] : []),
    ...(failedThoughAllowed > 0 ? [`${client}: ${failedThoughAllowed} calls failed though allowed`] : []),
    ...(passedThoughRefused > 0 ? [`${client}: ${passedThoughRefused} calls passed though refused`] : []),
    ...(connectionsLost > 0 ? [`${client}: ${connectionsLost} connections lost`] : []),
    ...(judged === 0 ? [`${client}: no call was judged`] : []),
  ]
}

/** Figures depend on the machine and on what else it does; what is broken does not. */
export function missedBy({ disturbances }: SoakFacts): readonly string[] {
  return disturbances
    .filter(({ kind, recoveredMs = 0 }) => kind === 'kill' && recoveredMs > recoveredWithinMs)
    .map(({ kind, node, recoveredMs }) => `${kind} of ${node}: served again after ${recoveredMs} ms`)
}

function memoryFailures({ role, thirdsBytes: [first, , last] }: RoleMemory): readonly string[] {
  if (last <= first * memoryGrowth + memorySlackBytes) return []
  return [`${role}: memory grew from ${mebibytes(first)} to ${mebibytes(last)}`]
}

export function spreadOfApplied(values: readonly number[]): AppliedMs {
  if (values.length === 0) return { median: 0, p99: 0, worst: 0 }
  const sorted = values.toSorted((a, b) => a - b)
  const { median, max } = spreadOf(sorted)
  return {
    median,
    p99: sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? max,
    worst: max,
  }
}
