import type { Collection, Graph, Singleton } from '@tulle/collections'
import { emptyMatch, policyKey } from '@tulle/policy'
import type { AuthorizationPolicy } from '@tulle/policy'
import type { MeshSettings } from '@tulle/workloads'

/** `enforce`: whoever no target names is closed. An allow policy without rules matches nothing. */
export const denyByDefault: AuthorizationPolicy = {
  name: 'tulle.deny-by-default',
  namespace: '',
  scope: 'global',
  action: 'allow',
  dryRun: false,
  rules: [],
}

/** `strict`: whoever shows no identity is refused. */
export const strictMtls: AuthorizationPolicy = {
  name: 'tulle.strict-mtls',
  namespace: '',
  scope: 'global',
  action: 'deny',
  dryRun: false,
  rules: [{ clauses: [{ matches: [{ ...emptyMatch, notPrincipals: [{ kind: 'presence' }] }] }] }],
}

export function modePolicies(settings: MeshSettings): readonly AuthorizationPolicy[] {
  return [
    ...(settings.access === 'enforce' ? [denyByDefault] : []),
    ...(settings.mtls === 'strict' ? [strictMtls] : []),
  ]
}

/** The policies that the modes of the mesh stand for, keyed by `policyKey`. */
export function deriveModePolicies(
  graph: Graph,
  settings: Singleton<MeshSettings>,
): Collection<AuthorizationPolicy> {
  const candidates = graph.source<AuthorizationPolicy>('mode-policy-candidates')
  graph.transaction(() => {
    for (const policy of [denyByDefault, strictMtls]) candidates.set(policyKey(policy), policy)
  })
  return graph.derive('mode-policies', candidates, (policy, look) =>
    modePolicies(look.the(settings)).find(({ name }) => name === policy.name),
  )
}
