import type { TrafficTargetObject } from '@tulle/api'
import { parseIpRange } from '@tulle/mesh'
import type { IpRange, Workload } from '@tulle/mesh'
import { emptyMatch } from '@tulle/policy'
import type { AuthorizationPolicy, Match, Rule } from '@tulle/policy'
import type { L4Rule } from './l4-rules.ts'
import { targetPorts } from './target-ports.ts'

/** A workload that runs as the destination's account. */
export interface Destination {
  readonly workload: Workload
  readonly ownPorts: readonly number[]
}

export interface PolicyParts {
  readonly principals: readonly string[]
  readonly rules: readonly L4Rule[]
  readonly destinations: readonly Destination[]
  readonly dryRun: boolean
}

/**
 * The policy of a target: it allows, so that it closes whatever it is attached to for everybody else. Each rule
 * is one rule of the target, in its order.
 */
export function buildPolicy(target: TrafficTargetObject, parts: PolicyParts): AuthorizationPolicy {
  return {
    name: policyName(target),
    namespace: target.metadata.namespace,
    scope: 'workload',
    action: 'allow',
    dryRun: parts.dryRun,
    // A match without principals would hold for everybody, so that no sources means no rules.
    rules: parts.principals.length === 0 ? [] : parts.rules.map((rule) => buildRule(rule, parts)),
  }
}

/** With its prefix, so that a policy of another origin never has the same name. */
export function policyName(target: TrafficTargetObject): string {
  return `smi.${target.metadata.name}`
}

function buildRule(rule: L4Rule, parts: PolicyParts): Rule {
  return { clauses: [{ matches: buildMatches(rule, parts) }] }
}

function buildMatches(rule: L4Rule, { principals, destinations }: PolicyParts): readonly Match[] {
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
