import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@tulle/core'
import { machineFacts } from '../support/machine.ts'
import { renderTable } from '../support/markdown.ts'
import { median } from '../support/statistics.ts'
import { mebibytes } from './memory-samples.ts'
import { memoryGrowth, memoryJudgedFromMs, recoveredWithinMs } from './verdict.ts'
import type { SoakFacts, SoakResult } from './verdict.ts'

/** One line with the counts so far. */
export function progressLine(facts: SoakFacts): string {
  const sum = totals(facts)
  const memory = facts.memory.map(({ role, mostBytes }) => `${role} ${mebibytes(mostBytes)}`).join(', ')
  return [
    `${sum.calls} calls`,
    `${sum.failedThoughAllowed} failed though allowed`,
    `${sum.atKill} in flight at a kill`,
    `${sum.whileAway} while away`,
    `${sum.passedThoughRefused} passed though refused`,
    `${sum.connectionsLost} connections lost`,
    `${facts.changes} changes (${facts.appliedMs.median.toFixed(0)}/${facts.appliedMs.p99.toFixed(0)} ms)`,
    `${facts.certificates.issued} certificates`,
    `most memory ${memory}`,
  ].join(' · ')
}

export function renderSoak(result: SoakResult): string {
  const { changes, appliedMs, certificates, durationMs, perSecond, saturationPerSecond } = result
  const sum = totals(result)
  const latency = (key: 'p50Us' | 'p99Us'): string =>
    (median(result.latencies.map((one) => one[key])) / 1000).toFixed(2)
  return [
    `${Math.round(durationMs / 1000)} s at ${perSecond} requests/s, half of ${Math.round(saturationPerSecond)}; ${sum.calls} calls; p50 ${latency('p50Us')} ms, p99 ${latency('p99Us')} ms from when each was due (medians of 5 s)`,
    clientTable(result),
    disturbanceTable(result),
    memoryTable(result),
    `Failed though allowed: ${sum.atKill} in flight at a kill, ${sum.atDrainDeadline} at a drain deadline, ${sum.whileAway} begun while a proxy was away, ${sum.failedThoughAllowed} otherwise (must be none of the last two); passed though refused: ${sum.passedThoughRefused} (must be none)`,
    `${changes} changes of policy, applied on all nodes after ${appliedMs.median.toFixed(0)} ms (p50), ${appliedMs.p99.toFixed(0)} ms (p99), ${appliedMs.worst.toFixed(0)} ms (worst)`,
    `${certificates.issued} certificates for ${certificates.identities} identities on their nodes`,
    ...result.misjudged.slice(0, 10).map((wrong) => JSON.stringify(wrong)),
    result.failures.length === 0 ? 'It held.' : `It did not hold: ${result.failures.join('; ')}.`,
    ...(result.missed.length === 0 ? [] : [`Missed: ${result.missed.join('; ')}.`]),
  ].join('\n\n')
}

function clientTable({ clients }: SoakResult): string {
  const head = [
    'client',
    'policy',
    'calls',
    'judged',
    'passed',
    'refused or failed',
    'in flight at a kill',
    'while away',
    'at a drain deadline',
    'connections lost',
    'failed though allowed',
    'passed though refused',
  ]
  return renderTable(
    head,
    clients.map((one) =>
      [
        one.client,
        one.policy,
        one.calls,
        one.judged,
        one.passed,
        one.refused,
        one.atKill,
        one.whileAway,
        one.atDrainDeadline,
        one.connectionsLost,
        one.failedThoughAllowed,
        one.passedThoughRefused,
      ].map(String),
    ),
  )
}

function disturbanceTable({ disturbances }: SoakResult): string {
  if (disturbances.length === 0) return 'Nothing was killed or upgraded.'
  const kills = disturbances.filter(({ kind }) => kind === 'kill')
  const recovered = kills.map(({ recoveredMs }) => recoveredMs ?? Infinity)
  const table = renderTable(
    [
      'what',
      'node',
      'taken over after',
      'served again after',
      'in flight',
      'while away',
      'at the drain deadline',
    ],
    disturbances.map((one) => [
      one.kind,
      one.node,
      one.kind === 'upgrade' ? `${one.doneMs - one.beganMs} ms` : '–',
      one.kind === 'upgrade' ? '–' : one.recoveredMs === undefined ? 'never' : `${one.recoveredMs} ms`,
      `${one.atKill}`,
      `${one.whileAway}`,
      `${one.atDrainDeadline}`,
    ]),
  )
  return `${table}\n\nEvery client served again after a kill: median ${median(recovered)} ms, worst ${Math.max(...recovered)} ms (must be below ${recoveredWithinMs} ms)`
}

function memoryTable({ memory, plannedMs }: SoakResult): string {
  const table = renderTable(
    ['process', 'first third', 'second', 'last', 'most', 'last / first', 'RSS'],
    memory.map(({ role, thirdsBytes: [first, second, last], mostBytes, residentBytes }) => [
      role,
      bytesText(first),
      bytesText(second),
      bytesText(last),
      mebibytes(mostBytes),
      Number.isNaN(first) ? '–' : (last / first).toFixed(2),
      mebibytes(residentBytes),
    ]),
  )
  const judged =
    plannedMs < memoryJudgedFromMs
      ? 'too short to judge'
      : `flat is a last third of at most ${memoryGrowth} × the first, plus 3 MiB`
  return `${table}\n\nPrivate memory (RssAnon), medians of the thirds after warm-up, of processes that followed one another at ages that all reached; ${judged}`
}

/** A process that was never old enough in that third has no figure. */
function bytesText(bytes: number): string {
  return Number.isNaN(bytes) ? '–' : mebibytes(bytes)
}

type Total =
  | 'calls'
  | 'atKill'
  | 'whileAway'
  | 'atDrainDeadline'
  | 'connectionsLost'
  | 'failedThoughAllowed'
  | 'passedThoughRefused'

function totals({ clients }: SoakFacts): Readonly<Record<Total, number>> {
  const sum = (key: Total): number => clients.reduce((total, one) => total + one[key], 0)
  return {
    calls: sum('calls'),
    atKill: sum('atKill'),
    whileAway: sum('whileAway'),
    atDrainDeadline: sum('atDrainDeadline'),
    connectionsLost: sum('connectionsLost'),
    failedThoughAllowed: sum('failedThoughAllowed'),
    passedThoughRefused: sum('passedThoughRefused'),
  }
}

/** The path of both files, without their endings. */
export function saveSoak(result: SoakResult): string {
  const folder = join(import.meta.dirname, '../results')
  const machine = machineFacts()
  const date = new Date(systemClock.nowMs()).toISOString().slice(0, 10)
  const base = join(folder, `soak-${date}-${machine.commit}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${base}.json`, `${JSON.stringify({ date, machine, ...result }, undefined, 2)}\n`)
  const { cpu, cores, kernel, node, commit } = machine
  const where = `Soak at ${commit}: ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}`
  writeFileSync(`${base}.md`, `# ${date}\n\n${where}\n\n${renderSoak(result)}\n`)
  return base
}
