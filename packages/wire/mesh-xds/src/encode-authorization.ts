import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { ipToBytes } from '@tulle/mesh'
import type { IpRange } from '@tulle/mesh'
import type { AuthorizationPolicy, Match, ServiceAccountMatch, StringMatch } from '@tulle/policy'
import { AuthorizationSchema } from '@tulle/proto'
import { policyActionNames, policyScopeNames } from './enum-names.ts'

/** The bytes of an `istio.security.Authorization`: equal policies give equal bytes. */
export function encodeAuthorization(policy: AuthorizationPolicy): Uint8Array {
  const message = create(AuthorizationSchema, {
    name: policy.name,
    namespace: policy.namespace,
    scope: policyScopeNames.numberOf[policy.scope],
    action: policyActionNames.numberOf[policy.action],
    dryRun: policy.dryRun,
    rules: policy.rules.map((rule) => ({
      clauses: rule.clauses.map((clause) => ({ matches: clause.matches.map(matchMessage) })),
    })),
  })
  return toBinary(AuthorizationSchema, message)
}

type AuthorizationInit = Exclude<MessageInitShape<typeof AuthorizationSchema>, { readonly $typeName: string }>
type RuleInit = NonNullable<AuthorizationInit['rules']>[number]
type ClauseInit = NonNullable<RuleInit['clauses']>[number]
type MatchInit = NonNullable<ClauseInit['matches']>[number]
type StringMatchInit = NonNullable<MatchInit['principals']>[number]

function matchMessage(match: Match): MatchInit {
  return {
    namespaces: match.namespaces.map(stringMatchMessage),
    notNamespaces: match.notNamespaces.map(stringMatchMessage),
    principals: match.principals.map(stringMatchMessage),
    notPrincipals: match.notPrincipals.map(stringMatchMessage),
    sourceIps: match.sourceIps.map(rangeMessage),
    notSourceIps: match.notSourceIps.map(rangeMessage),
    destinationIps: match.destinationIps.map(rangeMessage),
    notDestinationIps: match.notDestinationIps.map(rangeMessage),
    destinationPorts: [...match.destinationPorts],
    notDestinationPorts: [...match.notDestinationPorts],
    serviceAccounts: match.serviceAccounts.map(accountMessage),
    notServiceAccounts: match.notServiceAccounts.map(accountMessage),
  }
}

function stringMatchMessage(match: StringMatch): StringMatchInit {
  if (match.kind === 'presence') return { matchType: { case: 'presence', value: {} } }
  return { matchType: { case: match.kind, value: match.value } }
}

function rangeMessage(range: IpRange): { address: Uint8Array<ArrayBuffer>; length: number } {
  return { address: Uint8Array.from(ipToBytes(range.address)), length: range.prefixBits }
}

function accountMessage(match: ServiceAccountMatch): { namespace: string; serviceAccount: string } {
  return { namespace: match.namespace, serviceAccount: match.serviceAccount }
}
