import type { Origin, SubjectSpec, TrafficTargetObject } from '@tulle/api'
import { spiffeId } from '@tulle/identity'
import type { TrustDomain } from '@tulle/identity'

/** An account that a target speaks of. */
export interface Account {
  readonly namespace: string
  readonly serviceAccount: string
}

/** The accounts among the sources, and what is wrong with the others: those match nobody. */
export interface Sources {
  readonly accounts: readonly (Account & { readonly index: number })[]
  readonly problems: readonly SubjectProblem[]
}

export interface SubjectProblem {
  readonly message: string
  readonly position: Origin | undefined
}

/** `namespace/name`, by which workloads and targets are found. */
export function accountKey(account: Account): string {
  return `${account.namespace}/${account.serviceAccount}`
}

/** How a principal is written in a policy: the SPIFFE id without its scheme. */
export function principalOf(account: Account, trustDomain: TrustDomain): string {
  return spiffeId({ ...account, trustDomain }).slice('spiffe://'.length)
}

export function destinationOf(target: TrafficTargetObject): Account | undefined {
  return accountOf(target.spec.destination)
}

export function sourcesOf(target: TrafficTargetObject): Sources {
  const accounts: (Account & { index: number })[] = []
  const problems: SubjectProblem[] = []
  for (const [index, subject] of target.spec.sources.entries()) {
    const account = accountOf(subject)
    if (account === undefined) problems.push(unsupported(target, subject, `spec.sources[${index}]`))
    else accounts.push({ ...account, index })
  }
  return { accounts, problems }
}

/** @see SMI Traffic Access: subjects are service accounts, and IdentityBindings since v1alpha4 */
export function unsupported(target: TrafficTargetObject, subject: SubjectSpec, path: string): SubjectProblem {
  return {
    message: `${path}: subjects of kind ${subject.kind} match nobody here; ServiceAccount does`,
    position: target.positions.get(`${path}.kind`),
  }
}

function accountOf(subject: SubjectSpec): Account | undefined {
  if (subject.kind !== 'ServiceAccount') return undefined
  return { namespace: subject.namespace, serviceAccount: subject.name }
}
