import type { IpRange } from '@tulle/mesh'
import type {
  AuthorizationPolicy,
  ConnectionFacts,
  Match,
  ServiceAccountMatch,
  StringMatch,
} from './authorization-policy.ts'
import { clauseHolds, firstMismatch, isEmptyMatch, matchingRule, principalOf } from './match.ts'

/** Why one match of a policy does not hold for a connection. Rules, clauses and matches count from 0. */
export interface Mismatch {
  readonly rule: number
  readonly clause: number
  readonly match: number
  /** The first list that the connection fails; `nothing` for a match that asks for nothing and so never holds. */
  readonly field: keyof Match | 'nothing'
  readonly expected: string
  readonly found: string
}

/**
 * For every rule, what of its first clause that does not hold stands against the connection: what explain shows.
 * Empty when the policy matches, and when it has no rules at all.
 */
export function describeMismatch(policy: AuthorizationPolicy, facts: ConnectionFacts): readonly Mismatch[] {
  const principal = principalOf(facts)
  if (matchingRule(policy, facts, principal) >= 0) return []
  return policy.rules.flatMap((rule, ruleIndex) => {
    const clauseIndex = rule.clauses.findIndex((clause) => !clauseHolds(clause, facts, principal))
    const matches = rule.clauses[clauseIndex]?.matches ?? []
    return matches.map((match, matchIndex) => ({
      rule: ruleIndex,
      clause: clauseIndex,
      match: matchIndex,
      ...describeMatch(match, facts, principal),
    }))
  })
}

type MatchDescription = Pick<Mismatch, 'field' | 'expected' | 'found'>

function describeMatch(
  match: Match,
  facts: ConnectionFacts,
  principal: string | undefined,
): MatchDescription {
  const field = isEmptyMatch(match) ? undefined : firstMismatch(match, facts, principal)
  if (field === undefined) return { field: 'nothing', expected: 'nothing', found: 'any connection' }
  const wanted = match[field].map(entryText).join(' or ')
  return {
    field,
    expected: field.startsWith('not') ? `not ${wanted}` : wanted,
    found: foundText(field, facts),
  }
}

function entryText(entry: StringMatch | IpRange | ServiceAccountMatch | number): string {
  if (typeof entry === 'number') return String(entry)
  if ('serviceAccount' in entry) return `${entry.namespace}/${entry.serviceAccount}`
  if ('address' in entry) return `${entry.address}/${entry.prefixBits}`
  switch (entry.kind) {
    case 'exact':
      return entry.value
    case 'prefix':
      return `${entry.value}*`
    case 'suffix':
      return `*${entry.value}`
    case 'presence':
      return 'any'
  }
}

function foundText(field: keyof Match, facts: ConnectionFacts): string {
  switch (field) {
    case 'destinationPorts':
    case 'notDestinationPorts':
      return String(facts.destinationPort)
    case 'sourceIps':
    case 'notSourceIps':
      return facts.sourceIp
    case 'destinationIps':
    case 'notDestinationIps':
      return facts.destinationIp
    case 'principals':
    case 'notPrincipals':
    case 'namespaces':
    case 'notNamespaces':
    case 'serviceAccounts':
    case 'notServiceAccounts':
      return peerText(field, facts) ?? 'no identity (plaintext)'
  }
}

function peerText(
  field: Exclude<keyof Match, `${string}Ips` | `${string}Ports`>,
  facts: ConnectionFacts,
): string | undefined {
  const { identity } = facts
  if (identity === undefined) return undefined
  if (field === 'namespaces' || field === 'notNamespaces') return identity.namespace
  if (field === 'principals' || field === 'notPrincipals') return principalOf(facts)
  return `${identity.namespace}/${identity.serviceAccount}`
}
