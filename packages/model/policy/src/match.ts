import { rangeContains } from '@tulle/mesh'
import type { IpAddress, IpRange } from '@tulle/mesh'
import type {
  AuthorizationPolicy,
  Clause,
  ConnectionFacts,
  Match,
  StringMatch,
} from './authorization-policy.ts'

// Hot: runs for every connection and every policy, so loops instead of closures, and nothing is allocated.

/** The peer as principals name it: the SPIFFE id without `spiffe://`; undefined for plaintext. */
export function principalOf(facts: ConnectionFacts): string | undefined {
  const { identity } = facts
  if (identity === undefined) return undefined
  return `${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`
}

/** The first rule of the policy that holds for the connection, counted from 0; -1 when none does. */
export function matchingRule(
  policy: AuthorizationPolicy,
  facts: ConnectionFacts,
  principal: string | undefined,
): number {
  for (let i = 0; i < policy.rules.length; i++) {
    const rule = policy.rules[i]
    if (rule !== undefined && clausesHold(rule.clauses, facts, principal)) return i
  }
  return -1
}

export function clausesHold(
  clauses: readonly Clause[],
  facts: ConnectionFacts,
  principal: string | undefined,
): boolean {
  for (const clause of clauses) if (!clauseHolds(clause, facts, principal)) return false
  return true
}

export function clauseHolds(clause: Clause, facts: ConnectionFacts, principal: string | undefined): boolean {
  if (clause.matches.length === 0) return true
  for (const match of clause.matches) if (matchHolds(match, facts, principal)) return true
  return false
}

/** A match that asks for nothing holds for nothing, though a clause or a rule that asks for nothing holds always. */
export function matchHolds(match: Match, facts: ConnectionFacts, principal: string | undefined): boolean {
  return !isEmptyMatch(match) && firstMismatch(match, facts, principal) === undefined
}

export function isEmptyMatch(match: Match): boolean {
  return (
    match.namespaces.length === 0 &&
    match.notNamespaces.length === 0 &&
    match.principals.length === 0 &&
    match.notPrincipals.length === 0 &&
    match.sourceIps.length === 0 &&
    match.notSourceIps.length === 0 &&
    match.destinationIps.length === 0 &&
    match.notDestinationIps.length === 0 &&
    isEmptyOfPortsAndAccounts(match)
  )
}

function isEmptyOfPortsAndAccounts(match: Match): boolean {
  return (
    match.destinationPorts.length === 0 &&
    match.notDestinationPorts.length === 0 &&
    match.serviceAccounts.length === 0 &&
    match.notServiceAccounts.length === 0
  )
}

/** The first list that the connection fails, cheapest first; undefined when it passes all. */
export function firstMismatch(
  match: Match,
  facts: ConnectionFacts,
  principal: string | undefined,
): keyof Match | undefined {
  if (!isWanted(match.destinationPorts, facts.destinationPort)) return 'destinationPorts'
  if (match.notDestinationPorts.includes(facts.destinationPort)) return 'notDestinationPorts'
  return (
    namespaceMismatch(match, facts) ??
    principalMismatch(match, principal) ??
    accountMismatch(match, facts) ??
    addressMismatch(match, facts)
  )
}

function isWanted(ports: readonly number[], port: number): boolean {
  return ports.length === 0 || ports.includes(port)
}

/** A caller without identity has the namespace ''. */
function namespaceMismatch(match: Match, facts: ConnectionFacts): keyof Match | undefined {
  const namespace = facts.identity === undefined ? '' : facts.identity.namespace
  if (match.namespaces.length > 0 && !anyStringHolds(match.namespaces, namespace)) return 'namespaces'
  if (anyStringHolds(match.notNamespaces, namespace)) return 'notNamespaces'
  return undefined
}

/** A caller without identity has no principal: nothing holds of it, not even the empty prefix. */
function principalMismatch(match: Match, principal: string | undefined): keyof Match | undefined {
  if (principal === undefined) return match.principals.length > 0 ? 'principals' : undefined
  if (match.principals.length > 0 && !anyStringHolds(match.principals, principal)) return 'principals'
  if (anyStringHolds(match.notPrincipals, principal)) return 'notPrincipals'
  return undefined
}

function accountMismatch(match: Match, facts: ConnectionFacts): keyof Match | undefined {
  if (match.serviceAccounts.length > 0 && !anyAccountHolds(match.serviceAccounts, facts)) {
    return 'serviceAccounts'
  }
  return anyAccountHolds(match.notServiceAccounts, facts) ? 'notServiceAccounts' : undefined
}

function addressMismatch(match: Match, facts: ConnectionFacts): keyof Match | undefined {
  if (match.sourceIps.length > 0 && !anyRangeHolds(match.sourceIps, facts.sourceIp)) return 'sourceIps'
  if (anyRangeHolds(match.notSourceIps, facts.sourceIp)) return 'notSourceIps'
  if (match.destinationIps.length > 0 && !anyRangeHolds(match.destinationIps, facts.destinationIp)) {
    return 'destinationIps'
  }
  return anyRangeHolds(match.notDestinationIps, facts.destinationIp) ? 'notDestinationIps' : undefined
}

function anyStringHolds(matches: readonly StringMatch[], text: string): boolean {
  for (const match of matches) if (stringHolds(match, text)) return true
  return false
}

function stringHolds(match: StringMatch, text: string): boolean {
  switch (match.kind) {
    case 'exact':
      return text === match.value
    case 'prefix':
      return text.startsWith(match.value)
    case 'suffix':
      return text.endsWith(match.value)
    case 'presence':
      return text !== ''
  }
}

function anyAccountHolds(accounts: Match['serviceAccounts'], facts: ConnectionFacts): boolean {
  const { identity } = facts
  if (identity === undefined) return false
  for (const account of accounts) {
    if (account.serviceAccount === identity.serviceAccount && account.namespace === identity.namespace) {
      return true
    }
  }
  return false
}

function anyRangeHolds(ranges: readonly IpRange[], address: IpAddress): boolean {
  for (const range of ranges) if (rangeContains(range, address)) return true
  return false
}
