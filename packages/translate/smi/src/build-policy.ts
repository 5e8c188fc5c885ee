import type { TrafficTargetObject } from '@tulle/api'
import { parseIpRange } from '@tulle/mesh'
import type { IpRange, Workload } from '@tulle/mesh'
import { emptyMatch } from '@tulle/policy'
import type { AccessPolicy } from '@tulle/access'
import type { AuthorizationPolicy, Match, Rule } from '@tulle/policy'
import type { ReadingRule } from './access-rules.ts'
import type { L4Rule } from './l4-rules.ts'
import { targetPorts } from './target-ports.ts'

/** A workload that runs as the destination's account. */
export interface Destination {
  readonly workload: Workload
  readonly ownPorts: readonly number[]
}

/** Who may, and where to. */
export interface PolicySubjects {
  readonly principals: readonly string[]
  readonly destinations: readonly Destination[]
}

export interface PolicyParts<PartRule extends L4Rule = L4Rule> extends PolicySubjects {
  readonly rules: readonly PartRule[]
  readonly dryRun: boolean
}

/**
 * The policy of a target: it allows, so that it closes whatever it is attached to for everybody else. Each rule
 * is one rule of the target, in its order.
 */
export function buildPolicy(target: TrafficTargetObject, parts: PolicyParts): AuthorizationPolicy {
  return { ...policyHead(target, parts), rules: buildRules(parts, (rule) => connectionRule(rule, parts)) }
}

/** The same policy as a waypoint enforces it, under the same key. */
export function buildAccess(target: TrafficTargetObject, parts: PolicyParts<ReadingRule>): AccessPolicy {
  const rules = buildRules(parts, (rule) => ({
    connection: connectionRule(rule, parts),
    ...(rule.requests === undefined ? {} : { requests: rule.requests }),
  }))
  return { ...policyHead(target, parts), rules }
}

function policyHead(
  target: TrafficTargetObject,
  { dryRun }: Pick<PolicyParts, 'dryRun'>,
): Omit<AuthorizationPolicy, 'rules'> {
  const { namespace } = target.metadata
  return { name: policyName(target), namespace, scope: 'workload', action: 'allow', dryRun }
}

/** A match without principals would hold for everybody, so that no sources means no rules. */
function buildRules<PartRule extends L4Rule, Built>(
  { principals, rules }: PolicyParts<PartRule>,
  build: (rule: PartRule) => Built,
): readonly Built[] {
  return principals.length === 0 ? [] : rules.map(build)
}

/** With its prefix, so that a policy of another origin never has the same name. */
export function policyName(target: TrafficTargetObject): string {
  return `smi.${target.metadata.name}`
}

function connectionRule(rule: L4Rule, parts: PolicySubjects): Rule {
  return { clauses: [{ matches: buildMatches(rule, parts) }] }
}

function buildMatches(rule: L4Rule, { principals, destinations }: PolicySubjects): readonly Match[] {
  const match: Match = { ...emptyMatch, principals: principals.map((value) => ({ kind: 'exact', value })) }
  if (rule.ports === 'all') return [match]
  const groups = groupByPorts(rule.ports, destinations)
  const [only] = groups
  if (groups.length === 1 && only !== undefined) return [{ ...match, destinationPorts: only.ports }]
  if (only === undefined) return [{ ...match, destinationPorts: rule.ports }]
  // Workloads of one account that read the numbers differently: each address has its own ports.
  return groups.map(({ ports, ips }) => ({ ...match, destinationPorts: ports, destinationIps: ips }))
}

interface PortGroup {
  readonly ports: readonly number[]
  readonly ips: readonly IpRange[]
}

function groupByPorts(
  numbers: readonly number[],
  destinations: readonly Destination[],
): readonly PortGroup[] {
  const groups = new Map<string, { ports: readonly number[]; ips: IpRange[] }>()
  for (const { workload, ownPorts } of destinations) {
    const { ports } = targetPorts(numbers, workload, ownPorts)
    const group = groups.get(ports.join()) ?? { ports, ips: [] }
    groups.set(ports.join(), group)
    group.ips.push(...addressRanges(workload))
  }
  return [...groups.values()]
}

function addressRanges(workload: Workload): readonly IpRange[] {
  return workload.addresses.flatMap((address) => {
    const range = parseIpRange(address)
    return range.ok ? [range.value] : []
  })
}
