import type { AccessPolicy } from '@tulle/access'
import type { ApiCollections, Condition } from '@tulle/api'
import type { Collection, Graph, Singleton } from '@tulle/collections'
import { deriveGatewayApi } from '@tulle/gateway-api'
import type { RouteTranslation } from '@tulle/gateway-api'
import { serviceKey } from '@tulle/mesh'
import type { RevocationList } from '@tulle/identity'
import type { Service, Waypoint, Workload } from '@tulle/mesh'
import { addressResource, authorizationResource } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import type { AuthorizationPolicy } from '@tulle/policy'
import { derivePolicies, deriveSplits } from '@tulle/smi'
import type { SplitTranslation, TargetTranslation } from '@tulle/smi'
import type { ServiceTraffic } from '@tulle/traffic'
import { accessResource, serviceTrafficResource, tracingName, tracingResource } from '@tulle/traffic-xds'
import { deriveWaypointModel } from '@tulle/waypoints'
import type { Bindings, WaypointInputs } from '@tulle/waypoints'
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
import type { Allocations, MeshSettings, RunningTrustDomain } from '@tulle/workloads'
import { deriveCarriedOut } from './carried-out.ts'
import { deriveRevocations } from './revocations.ts'
import { deriveServiceTraffic, deriveTakenPorts } from './service-traffic.ts'

/** All that the control plane knows and serves, kept up to date. */
export interface MeshModel {
  readonly api: ApiCollections
  readonly settings: Singleton<MeshSettings>
  /** With the keys of their policies, waypoints among them; keyed by uid. */
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
  /** Keyed by `waypointKey`. */
  readonly waypoints: Collection<Waypoint>
  readonly waypointBindings: Bindings
  /** The waypoints that lead to a workload, by its uid: their keys. */
  readonly waypointLeads: Collection<readonly string[]>
  /** Every policy as waypoints enforce it, keyed by `policyKey`. */
  readonly access: Collection<AccessPolicy>
  /** Who is revoked, by what users wrote; keyed by the name of each list. */
  readonly revocations: Collection<RevocationList>
  /** Accepted, ResolvedRefs and Conflicted of every object, keyed by `objectKey`. */
  readonly conditions: Collection<readonly Condition[]>
  /** What proxies are sent, keyed by resource name. */
  readonly resources: {
    readonly address: Collection<MeshResource>
    readonly authorization: Collection<MeshResource>
    /** For waypoints. */
    readonly traffic: Collection<MeshResource>
    readonly access: Collection<MeshResource>
    readonly tracing: Collection<MeshResource>
  }
}

/** What the control plane knows besides what users wrote. */
export interface RunningMesh {
  /** The trust domain that is in use, under `runningKey`; without it, that of the Mesh object always holds. */
  readonly trustDomain?: Collection<RunningTrustDomain>
  /** Waypoints that serve and have applied what they were sent, by `waypointKey`; without it, none does. */
  readonly readyWaypoints?: Collection<true>
  /** Those of them that were told to end, by `waypointKey`. */
  readonly endingWaypoints?: Collection<true>
  /** Waypoints that led to a workload lately, by its uid: their keys. */
  readonly ledBefore?: Collection<readonly string[]>
}

/** Derives everything from what users wrote, the addresses that were allotted, and what runs. */
export function translateMesh(
  graph: Graph,
  api: ApiCollections,
  allocations: Allocations,
  mesh: RunningMesh = {},
): MeshModel {
  const { trustDomain: running } = mesh
  const phases = waypointPhases(graph, mesh)
  const settings = deriveMeshSettings(graph, { api, running })
  const claims = deriveAddressClaims(graph, api, allocations)
  const serviceTranslations = deriveServiceTranslations(graph, api, { allocations, claims })
  const bareServices = deriveServices(graph, serviceTranslations)
  const servicesBySelector = indexServicesBySelector(graph, serviceTranslations)
  const workloadInputs = { api, allocations, claims, settings, servicesBySelector }
  const workloadTranslations = deriveWorkloadTranslations(graph, workloadInputs)
  const bareWorkloads = deriveWorkloads(graph, workloadTranslations)
  const workloadPorts = deriveWorkloadPorts(graph, workloadTranslations)
  const policyModel = derivePolicies(graph, { api, settings, workloads: bareWorkloads, workloadPorts })
  const revocations = deriveRevocations(graph, api)
  const { gateway, splits, traffic } = deriveTraffic(graph, api)
  const waypointModel = deriveWaypointModel(graph, {
    api,
    settings,
    allocations,
    services: bareServices,
    workloads: bareWorkloads,
    traffic,
    targets: policyModel.targets,
    modePolicies: policyModel.modePolicies,
    policyKeysByWorkload: policyModel.policyKeysByWorkload,
    ...phases,
  })
  const { workloads, services, waypoints, access, bindings: waypointBindings } = waypointModel
  const policies = graph.join('policies', [policyModel.policies, waypointModel.admissions])
  return {
    api,
    settings,
    workloads,
    workloadPorts,
    services,
    policies,
    waypoints,
    waypointBindings,
    waypointLeads: waypointModel.leads,
    access,
    targets: policyModel.targets,
    routes: gateway.routes,
    splits: splits.splits,
    traffic,
    revocations: revocations.lists,
    conditions: deriveCarriedOut(graph, {
      api,
      ready: phases.ready,
      services,
      workloads,
      targets: policyModel.targets,
      routes: gateway.routes,
      splits: splits.splits,
      said: graph.join('conditions-said', [
        waypointModel.conditions,
        deriveMeshConditions(graph, { api, running }),
        deriveServiceConditions(graph, api, serviceTranslations),
        graph.derive('workload-conditions', workloadTranslations, ({ conditions }) => conditions),
        ...[policyModel, revocations, gateway, splits].map(({ conditions }) => conditions),
        ...plainConditions(graph, api),
      ]),
    }),
    resources: deriveResources(graph, { settings, workloads, services, policies, traffic, access }),
  }
}

function waypointPhases(
  graph: Graph,
  { readyWaypoints, endingWaypoints, ledBefore }: RunningMesh,
): Pick<WaypointInputs, 'ready' | 'ending' | 'ledBefore'> {
  return {
    ready: readyWaypoints ?? graph.source('ready-waypoints'),
    ending: endingWaypoints ?? graph.source('ending-waypoints'),
    ledBefore: ledBefore ?? graph.source('led-before'),
  }
}

/** What happens on the way to services, by the Gateway API and by SMI. */
function deriveTraffic(
  graph: Graph,
  api: ApiCollections,
): {
  readonly gateway: ReturnType<typeof deriveGatewayApi>
  readonly splits: ReturnType<typeof deriveSplits>
  readonly traffic: Collection<ServiceTraffic>
} {
  const gateway = deriveGatewayApi(graph, api)
  const splits = deriveSplits(graph, api, deriveTakenPorts(graph, gateway.serviceRoutes))
  const traffic = deriveServiceTraffic(graph, api, { ...gateway, serviceSplits: splits.serviceSplits })
  return { gateway, splits, traffic }
}

/** Of objects about which there is nothing to be said. */
function plainConditions(graph: Graph, api: ApiCollections): readonly Collection<readonly Condition[]>[] {
  return [
    graph.derive('namespace-conditions', api.namespaces, () => conditionSet()),
    graph.derive('service-account-conditions', api.serviceAccounts, () => conditionSet()),
    graph.derive('config-map-conditions', api.configMaps, () => conditionSet()),
  ]
}

function deriveResources(
  graph: Graph,
  model: Pick<MeshModel, 'settings' | 'workloads' | 'services' | 'policies' | 'traffic' | 'access'>,
): MeshModel['resources'] {
  return {
    address: deriveAddressResources(graph, model.workloads, model.services),
    authorization: graph.derive('authorization-resources', model.policies, authorizationResource),
    traffic: graph.derive('traffic-resources', model.traffic, serviceTrafficResource),
    access: graph.derive('access-resources', model.access, accessResource),
    tracing: deriveTracingResource(graph, model.settings),
  }
}

/** One, where the mesh has its requests traced. */
function deriveTracingResource(graph: Graph, settings: Singleton<MeshSettings>): Collection<MeshResource> {
  const names = graph.source<true>('tracing-names')
  graph.transaction(() => names.set(tracingName, true))
  return graph.derive('tracing-resources', names, (_, look) => {
    const { tracing } = look.the(settings)
    return tracing === undefined ? undefined : tracingResource(tracing)
  })
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
