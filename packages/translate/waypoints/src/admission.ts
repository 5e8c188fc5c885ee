import type { AccessPolicy } from '@tulle/access'
import { spiffeId } from '@tulle/identity'
import type { Waypoint } from '@tulle/mesh'
import { emptyMatch } from '@tulle/policy'
import type { AuthorizationPolicy } from '@tulle/policy'
import type { MeshSettings } from '@tulle/workloads'

/**
 * Lets a waypoint through to what is bound to it: there it stands for callers that it has judged by all the rules. Where the
 * mesh only audits it must not be the one policy that closes.
 */
export function admissionPolicy(
  { namespace, name }: Pick<Waypoint, 'namespace' | 'name'>,
  { trustDomain, access }: Pick<MeshSettings, 'trustDomain' | 'access'>,
): AuthorizationPolicy {
  const principal = spiffeId({ trustDomain, namespace, serviceAccount: name }).slice('spiffe://'.length)
  return {
    name: admissionName(name),
    namespace,
    scope: 'workload',
    action: 'allow',
    dryRun: access === 'audit',
    rules: [
      { clauses: [{ matches: [{ ...emptyMatch, principals: [{ kind: 'exact', value: principal }] }] }] },
    ],
  }
}

/** With its prefix, so that a policy of another origin never has the same name. */
export function admissionName(waypoint: string): string {
  return `tulle.waypoint.${waypoint}`
}

/** A policy that reads no requests, as whoever does read them enforces it. */
export function asAccess({ rules, ...head }: AuthorizationPolicy): AccessPolicy {
  return { ...head, rules: rules.map((connection) => ({ connection })) }
}
