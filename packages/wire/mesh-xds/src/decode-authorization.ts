import { fromBinary } from '@bufbuild/protobuf'
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parsePort } from '@tulle/mesh'
import type { IpRange } from '@tulle/mesh'
import { policyKey } from '@tulle/policy'
import type {
  AuthorizationPolicy,
  Clause,
  Match,
  Rule,
  ServiceAccountMatch,
  StringMatch,
} from '@tulle/policy'
import { AuthorizationSchema } from '@tulle/proto'
import type {
  AuthorizationAddressMessage,
  AuthorizationMessage,
  ClauseMessage,
  MatchMessage,
  RuleMessage,
  ServiceAccountMatchMessage,
  StringMatchMessage,
} from '@tulle/proto'
import { findForeignPart } from './closed-message.ts'
import { decodeEnum, decodeList, decodeRange } from './decode-parts.ts'
import { policyActionNames, policyScopeNames } from './enum-names.ts'

/**
 * A policy from the bytes of an `istio.security.Authorization`. Whatever is not understood in full is refused, at any
 * depth: a policy half understood would let through what it was written to stop.
 */
export function decodeAuthorization(bytes: Uint8Array): Result<AuthorizationPolicy> {
  let message: AuthorizationMessage
  try {
    const foreign = findForeignPart(AuthorizationSchema, bytes)
    if (foreign !== undefined) return err(foreign)
    message = fromBinary(AuthorizationSchema, bytes)
  } catch (error) {
    return err(`not an Authorization: ${errorText(error)}`)
  }
  return decodePolicy(message)
}

/**
 * Whom a policy that cannot be taken was meant for, as far as its bytes say: undefined where they don't, or are of
 * another policy than `key`. Only for closing in doubt; never to apply any of it.
 */
export function scopeOfRefused(key: string, bytes: Uint8Array): AuthorizationPolicy['scope'] | undefined {
  try {
    const message = fromBinary(AuthorizationSchema, bytes)
    return policyKey(message) === key ? policyScopeNames.nameOf.get(message.scope) : undefined
  } catch {
    return undefined
  }
}

function decodePolicy(message: AuthorizationMessage): Result<AuthorizationPolicy> {
  if (message.name === '') return err('name is empty')
  if (message.extensions.length > 0) return err('extensions are not supported')
  const scope = decodeEnum(policyScopeNames, message.scope, 'scope')
  if (!scope.ok) return scope
  const action = decodeEnum(policyActionNames, message.action, 'action')
  if (!action.ok) return action
  if (message.namespace === '' && scope.value !== 'global') return err('namespace is empty')
  const rules = decodeList(message.rules, 'rules', decodeRule)
  if (!rules.ok) return rules
  return ok({
    name: message.name,
    namespace: message.namespace,
    scope: scope.value,
    action: action.value,
    dryRun: message.dryRun,
    rules: rules.value,
  })
}

function decodeRule(message: RuleMessage): Result<Rule> {
  const clauses = decodeList(message.clauses, 'clauses', decodeClause)
  return clauses.ok ? ok({ clauses: clauses.value }) : clauses
}

function decodeClause(message: ClauseMessage): Result<Clause> {
  const matches = decodeList(message.matches, 'matches', decodeMatch)
  return matches.ok ? ok({ matches: matches.value }) : matches
}

function decodeMatch(message: MatchMessage): Result<Match> {
  if (message.extensions.length > 0) return err('extensions are not supported')
  const strings = decodeStringLists(message)
  if (!strings.ok) return strings
  const ranges = decodeRangeLists(message)
  if (!ranges.ok) return ranges
  const destinationPorts = decodeList(message.destinationPorts, 'destination_ports', parsePort)
  if (!destinationPorts.ok) return destinationPorts
  const notDestinationPorts = decodeList(message.notDestinationPorts, 'not_destination_ports', parsePort)
  if (!notDestinationPorts.ok) return notDestinationPorts
  const serviceAccounts = decodeList(message.serviceAccounts, 'service_accounts', decodeAccount)
  if (!serviceAccounts.ok) return serviceAccounts
  const notServiceAccounts = decodeList(message.notServiceAccounts, 'not_service_accounts', decodeAccount)
  if (!notServiceAccounts.ok) return notServiceAccounts
  return ok({
    ...strings.value,
    ...ranges.value,
    destinationPorts: destinationPorts.value,
    notDestinationPorts: notDestinationPorts.value,
    serviceAccounts: serviceAccounts.value,
    notServiceAccounts: notServiceAccounts.value,
  })
}

type StringLists = Pick<Match, 'namespaces' | 'notNamespaces' | 'principals' | 'notPrincipals'>

function decodeStringLists(message: MatchMessage): Result<StringLists> {
  const namespaces = decodeList(message.namespaces, 'namespaces', decodeString)
  if (!namespaces.ok) return namespaces
  const notNamespaces = decodeList(message.notNamespaces, 'not_namespaces', decodeString)
  if (!notNamespaces.ok) return notNamespaces
  const principals = decodeList(message.principals, 'principals', decodeString)
  if (!principals.ok) return principals
  const notPrincipals = decodeList(message.notPrincipals, 'not_principals', decodeString)
  if (!notPrincipals.ok) return notPrincipals
  return ok({
    namespaces: namespaces.value,
    notNamespaces: notNamespaces.value,
    principals: principals.value,
    notPrincipals: notPrincipals.value,
  })
}

type RangeLists = Pick<Match, 'sourceIps' | 'notSourceIps' | 'destinationIps' | 'notDestinationIps'>

function decodeRangeLists(message: MatchMessage): Result<RangeLists> {
  const sourceIps = decodeList(message.sourceIps, 'source_ips', decodeAddressRange)
  if (!sourceIps.ok) return sourceIps
  const notSourceIps = decodeList(message.notSourceIps, 'not_source_ips', decodeAddressRange)
  if (!notSourceIps.ok) return notSourceIps
  const destinationIps = decodeList(message.destinationIps, 'destination_ips', decodeAddressRange)
  if (!destinationIps.ok) return destinationIps
  const notDestinationIps = decodeList(message.notDestinationIps, 'not_destination_ips', decodeAddressRange)
  if (!notDestinationIps.ok) return notDestinationIps
  return ok({
    sourceIps: sourceIps.value,
    notSourceIps: notSourceIps.value,
    destinationIps: destinationIps.value,
    notDestinationIps: notDestinationIps.value,
  })
}

function decodeString(message: StringMatchMessage): Result<StringMatch> {
  const { matchType } = message
  switch (matchType.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
      return ok({ kind: matchType.case, value: matchType.value })
    case 'presence':
      return ok({ kind: 'presence' })
    case undefined:
      return err('a string match without exact, prefix, suffix or presence')
  }
}

function decodeAddressRange(message: AuthorizationAddressMessage): Result<IpRange> {
  return decodeRange(message.address, message.length)
}

/** An empty name matches nobody; within a negative list that would widen the policy, so it is refused everywhere. */
function decodeAccount(message: ServiceAccountMatchMessage): Result<ServiceAccountMatch> {
  const { namespace, serviceAccount } = message
  if (namespace === '' || serviceAccount === '') return err('a service account without namespace or name')
  return ok({ namespace, serviceAccount })
}
