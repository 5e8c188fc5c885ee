import type { IpAddress, IpRange } from '@tulle/mesh'
import type { Identity } from '@tulle/identity'

/** A string to compare with; `presence` holds for any value but an absent one. */
export type StringMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'suffix'; readonly value: string }
  | { readonly kind: 'presence' }

export interface ServiceAccountMatch {
  readonly namespace: string
  readonly serviceAccount: string
}

/**
 * What a connection must be like. Kinds of field are joined with AND; within a positive list any entry will
 * do; of a negative list none may match. A match with all lists empty matches nothing.
 * @see research: ztunnel's rbac, which this equals entry for entry
 */
export interface Match {
  readonly namespaces: readonly StringMatch[]
  readonly notNamespaces: readonly StringMatch[]
  /** Compared with the SPIFFE id without its `spiffe://`. */
  readonly principals: readonly StringMatch[]
  readonly notPrincipals: readonly StringMatch[]
  readonly sourceIps: readonly IpRange[]
  readonly notSourceIps: readonly IpRange[]
  readonly destinationIps: readonly IpRange[]
  readonly notDestinationIps: readonly IpRange[]
  readonly destinationPorts: readonly number[]
  readonly notDestinationPorts: readonly number[]
  readonly serviceAccounts: readonly ServiceAccountMatch[]
  readonly notServiceAccounts: readonly ServiceAccountMatch[]
}

/** Joined with OR; no matches at all holds for every connection. */
export interface Clause {
  readonly matches: readonly Match[]
}

/** Joined with AND; no clauses at all holds for every connection. */
export interface Rule {
  readonly clauses: readonly Clause[]
}

/** Joined with OR; a policy without rules matches nothing, so an allow policy without rules refuses all. */
export interface AuthorizationPolicy {
  readonly name: string
  /** '' together with the global scope. */
  readonly namespace: string
  readonly scope: 'global' | 'namespace' | 'workload'
  readonly action: 'allow' | 'deny'
  /** Evaluated for the log only. */
  readonly dryRun: boolean
  readonly rules: readonly Rule[]
}

/** What is known of a connection when it is authorized, at the destination. */
export interface ConnectionFacts {
  /** The verified peer; absent for plaintext. */
  readonly identity: Identity | undefined
  readonly sourceIp: IpAddress
  readonly destinationIp: IpAddress
  /** The application's port, never 15008. */
  readonly destinationPort: number
}

/** Whether a connection may pass, and because of what. Keys are `namespace/name`; rules count from 0. */
export interface Verdict {
  readonly allowed: boolean
  readonly reason: 'no-policy' | 'allow-rule' | 'deny-rule' | 'no-allow-rule' | 'unknown-policy'
  readonly policy?: string
  readonly rule?: number
  /** What dry-run policies would have done, when that differs. */
  readonly wouldRefuse?: { readonly policy: string; readonly rule?: number }
}

export function policyKey(policy: { readonly namespace: string; readonly name: string }): string {
  return `${policy.namespace}/${policy.name}`
}

/** A match that constrains nothing yet; spread it and set the lists that matter. */
export const emptyMatch: Match = {
  namespaces: [],
  notNamespaces: [],
  principals: [],
  notPrincipals: [],
  sourceIps: [],
  notSourceIps: [],
  destinationIps: [],
  notDestinationIps: [],
  destinationPorts: [],
  notDestinationPorts: [],
  serviceAccounts: [],
  notServiceAccounts: [],
}
