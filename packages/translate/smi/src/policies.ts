import type { ApiCollections, Condition } from '@tulle/api'
import type { Collection, Graph, Singleton } from '@tulle/collections'
import { compareText } from '@tulle/core'
import type { Workload } from '@tulle/mesh'
import { policyKey } from '@tulle/policy'
import type { AuthorizationPolicy } from '@tulle/policy'
import type { MeshSettings } from '@tulle/workloads'
import { deriveModePolicies } from './mode-policies.ts'
import { deriveRouteConditions } from './route-conditions.ts'
import { accountKey } from './subjects.ts'
import { deriveTargets } from './traffic-target.ts'
import type { TargetTranslation } from './traffic-target.ts'

export interface PolicyInputs {
  readonly api: ApiCollections
  readonly settings: Singleton<MeshSettings>
  /** Keyed by uid. */
  readonly workloads: Collection<Workload>
  /** The ports that each workload is known to listen on, by uid. */
  readonly workloadPorts: Collection<readonly number[]>
}

export interface PolicyModel {
  /** Of the modes of the mesh, keyed by `policyKey`; among `policies` too. */
  readonly modePolicies: Collection<AuthorizationPolicy>
  /** Keyed by `policyKey`. */
  readonly policies: Collection<AuthorizationPolicy>
  /** The policies that hold at a workload by name, by uid, in order. */
  readonly policyKeysByWorkload: Collection<readonly string[]>
  /** Keyed by `objectKey`. */
  readonly targets: Collection<TargetTranslation>
  /** Of targets and routes, keyed by `objectKey`. */
  readonly conditions: Collection<readonly Condition[]>
}

export function derivePolicies(graph: Graph, inputs: PolicyInputs): PolicyModel {
  const workloadsByAccount = graph.index('workloads-by-account', inputs.workloads, (workload) => [
    accountKey(workload),
  ])
  const targets = deriveTargets(graph, { ...inputs, workloadsByAccount })
  const targetsByDestination = graph.index('targets-by-destination', targets, ({ destination }) =>
    destination === undefined ? [] : [accountKey(destination)],
  )
  const targetPolicies = graph.deriveMany('target-policies', targets, ({ policy }) =>
    policy === undefined ? [] : [[policyKey(policy), policy]],
  )
  const policyKeysByWorkload = graph.derive('policy-keys', inputs.workloads, (workload, look) =>
    look
      .by(targetsByDestination, accountKey(workload))
      .flatMap(({ policy }) => (policy === undefined ? [] : [policyKey(policy)]))
      .toSorted(compareText),
  )
  const modePolicies = deriveModePolicies(graph, inputs.settings)
  return {
    modePolicies,
    policies: graph.join('smi-policies', [targetPolicies, modePolicies]),
    policyKeysByWorkload,
    targets,
    conditions: graph.join('policy-conditions', [
      graph.derive('target-conditions', targets, ({ conditions }) => conditions),
      deriveRouteConditions(graph, inputs.api),
    ]),
  }
}
