import { must } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import type { Identity } from '@tulle/identity'
import { parseIpAddress, parseIpRange } from '@tulle/mesh'
import type { IpRange } from '@tulle/mesh'
import { emptyMatch } from './authorization-policy.ts'
import type { AuthorizationPolicy, ConnectionFacts, Match } from './authorization-policy.ts'

export const web: Identity = {
  trustDomain: must(parseTrustDomain('td')),
  namespace: 'shop',
  serviceAccount: 'web',
}

export const overHbone: ConnectionFacts = {
  identity: web,
  sourceIp: must(parseIpAddress('10.0.0.1')),
  destinationIp: must(parseIpAddress('10.0.1.1')),
  destinationPort: 8080,
}

export const plaintext: ConnectionFacts = { ...overHbone, identity: undefined }

export function range(text: string): IpRange {
  return must(parseIpRange(text))
}

/** A policy with one rule of one clause of one match. */
export function policyOf(
  match: Partial<Match>,
  change: Partial<AuthorizationPolicy> = {},
): AuthorizationPolicy {
  return {
    name: 'p',
    namespace: 'shop',
    scope: 'workload',
    action: 'allow',
    dryRun: false,
    rules: [{ clauses: [{ matches: [{ ...emptyMatch, ...match }] }] }],
    ...change,
  }
}
