import type { MeshSpec, TrafficTargetObject } from '@tulle/api'
import { noWaypointNote } from '@tulle/workloads'
import type { Note } from '@tulle/workloads'
import type { Destination } from './build-policy.ts'
import type { ResolvedRule } from './resolve-rules.ts'
import type { Sources, SubjectProblem } from './subjects.ts'
import { targetPorts } from './target-ports.ts'

/** What there is to know of a target, when its conditions are written. */
export interface TargetFacts {
  readonly target: TrafficTargetObject
  readonly access: MeshSpec['access']
  readonly sources: Sources
  readonly rules: readonly ResolvedRule[]
  readonly destinations: readonly Destination[]
  /** Names that no reference leads to: accounts that neither have an object nor a workload. */
  readonly unknown: readonly SubjectProblem[]
}

/** Why a target takes effect otherwise than its author may think; undefined where it does as it says. */
export function acceptedNote(facts: TargetFacts): Note | undefined {
  const notes = [
    emptyNote(facts),
    reachNote(facts),
    modeNote(facts),
    portNote(facts),
    udpNote(facts),
    defaultAccountNote(facts),
  ].filter((note) => note !== undefined)
  const [first] = notes
  return first === undefined
    ? undefined
    : { ...first, message: notes.map(({ message }) => message).join('; ') }
}

/** What does not resolve: it counts as present and covers nothing (§9.2). */
export function resolvedRefsNote(facts: TargetFacts): Note | undefined {
  const rules = facts.rules.flatMap(({ problem }) => problem ?? [])
  const refs = [
    ...rules.map((problem) => ({ ...problem, reason: 'RouteNotFound' })),
    ...facts.sources.problems.map((problem) => ({ ...problem, reason: 'UnsupportedSubject' })),
    ...facts.unknown.map((problem) => ({ ...problem, reason: 'ServiceAccountNotFound' })),
  ]
  const [first] = refs
  if (first === undefined) return undefined
  const message = refs.map((ref) => ref.message).join('; ')
  return { status: 'False', reason: first.reason, message, position: first.position }
}

function emptyNote({ target }: TargetFacts): Note | undefined {
  if (target.spec.rules.length === 0)
    return at(target, 'spec.rules', 'NoRules', 'it has no rules, so that it opens nothing')
  if (target.spec.sources.length > 0) return undefined
  return at(target, 'spec.sources', 'NoSources', 'it has no sources, so that it opens nothing')
}

/** Who carries out rules that read requests. */
export function programmedNote({ target, rules }: TargetFacts): Note | undefined {
  const http = rules.find((rule) => rule.protocol === 'http')
  if (http === undefined) return undefined
  const position = target.positions.get(`spec.rules[${http.index}]`)
  return { ...noWaypointNote('the target stays closed to its callers'), position }
}

function reachNote({ target, destinations }: TargetFacts): Note | undefined {
  const { kind, namespace, name } = target.spec.destination
  if (kind !== 'ServiceAccount') return undefined
  if (destinations.length === 0) {
    const message = `no workload runs as ${namespace}/${name}, so that it protects nothing yet`
    return at(target, 'spec.destination.name', 'NoWorkload', message)
  }
  const open = destinations
    .filter(({ workload }) => workload.tunnel === 'none')
    .map(({ workload }) => workload.name)
  if (open.length === 0) return undefined
  const message = `not enforced at ${open.join(', ')}: no node proxy receives there`
  return at(target, 'spec.destination', 'NotEnforced', message)
}

function modeNote({ access }: TargetFacts): Note | undefined {
  if (access !== 'audit') return undefined
  return {
    reason: 'AuditOnly',
    message: 'the mesh audits: what it refuses is logged and passes all the same',
  }
}

function portNote({ target, rules, destinations }: TargetFacts): Note | undefined {
  const readings = new Map<number, Set<number>>()
  for (const rule of rules) {
    if (rule.protocol !== 'tcp' || rule.ports === 'all') continue
    for (const { workload, ownPorts } of destinations) {
      for (const reading of targetPorts(rule.ports, workload, ownPorts).readings) {
        const known = readings.get(reading.servicePort) ?? new Set()
        readings.set(reading.servicePort, known.union(new Set(reading.targetPorts)))
      }
    }
  }
  if (readings.size === 0) return undefined
  const said = [...readings].map(([port, led]) => `${port} is the service's, read as ${[...led].join(', ')}`)
  return at(target, 'spec.rules', 'ServicePortRead', `ports of routes are the workload's: ${said.join('; ')}`)
}

function udpNote({ target, rules }: TargetFacts): Note | undefined {
  const udp = rules.find((rule) => rule.protocol === 'udp')
  if (udp === undefined) return undefined
  const message = `UDPRoute ${udp.name} has no effect yet: the mesh carries TCP only`
  return at(target, `spec.rules[${udp.index}]`, 'UdpNotCarried', message)
}

/** Accounts are shared: whoever names none runs as this one. */
function defaultAccountNote({ target }: TargetFacts): Note | undefined {
  const { kind, namespace, name } = target.spec.destination
  if (kind !== 'ServiceAccount' || name !== 'default') return undefined
  const message = `it covers every workload of ${namespace} that names no account of its own`
  return at(target, 'spec.destination.name', 'DefaultAccount', message)
}

function at(target: TrafficTargetObject, path: string, reason: string, message: string): Note {
  return { reason, message, position: target.positions.get(path) }
}
