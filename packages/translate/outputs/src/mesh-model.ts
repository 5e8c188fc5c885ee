import type { ApiCollections, Condition } from '@tulle/api'
import type { Collection, Graph, Singleton } from '@tulle/collections'
import { deriveGatewayApi } from '@tulle/gateway-api'
import type { RouteTranslation } from '@tulle/gateway-api'
import { serviceKey } from '@tulle/mesh'
import type { RevocationList, TrustDomain } from '@tulle/identity'
import type { Service, Workload } from '@tulle/mesh'
import { addressResource, authorizationResource } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import type { AuthorizationPolicy } from '@tulle/policy'
import { derivePolicies, deriveSplits } from '@tulle/smi'
import type { SplitTranslation, TargetTranslation } from '@tulle/smi'
import type { ServiceTraffic } from '@tulle/traffic'
import {
  conditionSet,
  deriveAddressClaims,
  deriveMeshConditions,
  deriveMeshSettings,
  deriveServiceConditions,
  deriveServices,
  deriveServiceTranslations,
  deriveWorkloadPorts,
  deriveWorkloads,
  deriveWorkloadTranslations,
  indexServicesBySelector,
} from '@tulle/workloads'
import type { Allocations, MeshSettings } from '@tulle/workloads'
import { deriveRevocations } from './revocations.ts'
import { deriveServiceTraffic, deriveTakenPorts } from './service-traffic.ts'

/** All that the control plane knows and serves, kept up to date. */
export interface MeshModel {
  readonly api: ApiCollections
  readonly settings: Singleton<MeshSettings>
  /** With the keys of their policies; keyed by uid. */
  readonly workloads: Collection<Workload>
  /** The ports that each workload is known to listen on, by uid. */
  readonly workloadPorts: Collection<readonly number[]>
  /** Keyed by `serviceKey`. */
  readonly services: Collection<Service>
  /** Keyed by `policyKey`. */
  readonly policies: Collection<AuthorizationPolicy>
  /** TrafficTargets as they were understood, keyed by `objectKey`. */
  readonly targets: Collection<TargetTranslation>
  /** Routes of the Gateway API as they were understood, keyed by `objectKey`. */
  readonly routes: Collection<RouteTranslation>
  /** TrafficSplits as they were understood, keyed by `objectKey`. */
  readonly splits: Collection<SplitTranslation>
  /** What happens on the way to the services of which users wrote, keyed by `serviceKey`. */
  readonly traffic: Collection<ServiceTraffic>
  /** Who is revoked, by what users wrote; keyed by the name of each list. */
  readonly revocations: Collection<RevocationList>
  /** Accepted, ResolvedRefs and Conflicted of every object, keyed by `objectKey`. */
  readonly conditions: Collection<readonly Condition[]>
  /** What node proxies are sent, keyed by resource name. */
  readonly resources: {
    readonly address: Collection<MeshResource>
    readonly authorization: Collection<MeshResource>
  }
}

/**
 * Derives everything from what users wrote and the addresses that were allotted. `running` holds the trust domain
 * that is in use, under `runningTrustDomain`; without it, that of the Mesh object always holds.
 */
export function translateMesh(
  graph: Graph,
  api: ApiCollections,
  allocations: Allocations,
  running?: Collection<TrustDomain>,
): MeshModel {
  const settings = deriveMeshSettings(graph, { api, running })
  const claims = deriveAddressClaims(graph, api, allocations)
  const serviceTranslations = deriveServiceTranslations(graph, api, { allocations, claims })
  const services = deriveServices(graph, serviceTranslations)
  const servicesBySelector = indexServicesBySelector(graph, serviceTranslations)
  const workloadInputs = { api, allocations, claims, settings, servicesBySelector }
  const workloadTranslations = deriveWorkloadTranslations(graph, workloadInputs)
  const bareWorkloads = deriveWorkloads(graph, workloadTranslations)
  const workloadPorts = deriveWorkloadPorts(graph, workloadTranslations)
  const policyModel = derivePolicies(graph, { api, settings, workloads: bareWorkloads, workloadPorts })
  const workloads: Collection<Workload> = graph.derive(
    'guarded-workloads',
    bareWorkloads,
    (workload, look) => ({
      ...workload,
      policies: look.one(policyModel.policyKeysByWorkload, workload.uid) ?? [],
    }),
  )
  const revocations = deriveRevocations(graph, api)
  const gateway = deriveGatewayApi(graph, api)
  const splits = deriveSplits(graph, api, deriveTakenPorts(graph, gateway.serviceRoutes))
  return {
    api,
    settings,
    workloads,
    workloadPorts,
    services,
    policies: policyModel.policies,
    targets: policyModel.targets,
    routes: gateway.routes,
    splits: splits.splits,
    traffic: deriveServiceTraffic(graph, api, { ...gateway, serviceSplits: splits.serviceSplits }),
    revocations: revocations.lists,
    conditions: graph.join('conditions', [
      deriveMeshConditions(graph, { api, running }),
      deriveServiceConditions(graph, api, serviceTranslations),
      graph.derive('workload-conditions', workloadTranslations, ({ conditions }) => conditions),
      policyModel.conditions,
      revocations.conditions,
      gateway.conditions,
      splits.conditions,
      graph.derive('namespace-conditions', api.namespaces, () => conditionSet()),
      graph.derive('service-account-conditions', api.serviceAccounts, () => conditionSet()),
    ]),
    resources: {
      address: deriveAddressResources(graph, workloads, services),
      authorization: graph.derive('authorization-resources', policyModel.policies, authorizationResource),
    },
  }
}

function deriveAddressResources(
  graph: Graph,
  workloads: Collection<Workload>,
  services: Collection<Service>,
): Collection<MeshResource> {
  // A uid has two slashes in a row and a service key has one, so that no name is in both.
  return graph.join('address-resources', [
    graph.derive('workload-resources', workloads, (workload) =>
      addressResource({ kind: 'workload', workload }),
    ),
    graph.deriveMany('service-resources', services, (service) => [
      [serviceKey(service), addressResource({ kind: 'service', service })],
    ]),
  ])
}
