import type { AnyObject, ApiCollections } from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import { explainConnection, revocationListName } from '@tulle/outputs'
import type { MeshModel } from '@tulle/outputs'
import { policyKey } from '@tulle/policy'
import type { ControlState } from '@tulle/status'
import { clusterServiceKey, workloadUid } from '@tulle/workloads'

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

/** Kinds of objects that are something by themselves; the others shape what these become. */
function resourceNames(model: MeshModel, object: AnyObject): readonly string[] {
  const { namespace, name } = object.metadata
  if (object.kind === 'Workload') return [workloadUid(namespace, name)]
  if (object.kind === 'Service') return [clusterServiceKey(namespace, name)]
  if (object.kind === 'Revocation') return [revocationListName(object)]
  if (object.kind !== 'TrafficTarget') return []
  const policy = model.targets.get(objectKey(object))?.policy
  return policy === undefined ? [] : [policyKey(policy)]
}
