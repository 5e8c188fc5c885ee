import type { AnyObject, ApiCollections } from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import { serviceKey } from '@tulle/mesh'
import { explainConnection, revocationListName } from '@tulle/outputs'
import type { MeshModel } from '@tulle/outputs'
import { policyKey } from '@tulle/policy'
import type { ControlState } from '@tulle/status'
import { workloadUid } from '@tulle/workloads'

/** What the control API tells of, out of the translated model. */
export function controlState(
  model: MeshModel,
  rest: Pick<
    ControlState,
    'version' | 'startedAtMs' | 'graph' | 'readyWaypoints' | 'objects' | 'problems' | 'receipts' | 'sync'
  >,
): ControlState {
  return {
    ...rest,
    settings: model.settings,
    conditions: model.conditions,
    workloads: model.workloads,
    services: model.services,
    policies: model.policies,
    waypoints: model.waypoints,
    resourceNames: (object) => resourceNames(model, object),
    explain: (request) => explainConnection(model, request),
  }
}

/** Every object that users wrote, whatever its kind; keyed by `objectKey`. */
export function joinObjects(graph: Graph, api: ApiCollections): Collection<AnyObject> {
  return graph.join<AnyObject>('objects', Object.values(api))
}

function resourceNames(model: MeshModel, object: AnyObject): readonly string[] {
  const { namespace, name } = object.metadata
  switch (object.kind) {
    case 'Workload':
      return [workloadUid(namespace, name)]
    case 'Service':
      return [serviceKey({ namespace, hostname: `${name}.${namespace}.svc.cluster.local` })]
    case 'TrafficTarget': {
      const policy = model.targets.get(objectKey(object))?.policy
      return policy === undefined ? [] : [policyKey(policy)]
    }
    case 'Revocation':
      return [revocationListName(object)]
    case 'Namespace':
    case 'ServiceAccount':
    case 'Mesh':
    case 'HTTPRouteGroup':
    case 'TCPRoute':
    case 'UDPRoute':
    case 'TrafficSplit':
    case 'HTTPRoute':
    case 'GRPCRoute':
    case 'TLSRoute':
    case 'Gateway':
    case 'ReferenceGrant':
    case 'BackendTLSPolicy':
    case 'XBackendTrafficPolicy':
      return []
  }
}
