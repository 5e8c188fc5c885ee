import { spiffeId } from '@tulle/identity'
import type { KnownParties } from '@tulle/l7'
import { workloadIdentity } from '@tulle/mesh'
import type { MeshEndpoint } from '../mesh-endpoints.ts'
import type { WaypointState } from '../waypoint-state.ts'

/** What the mesh says of the two ends of a request. */
export function meshParties(state: WaypointState): KnownParties {
  return {
    source: ({ facts }) => {
      const entry = state.mesh.byAddress('', facts.sourceIp)
      return { 'tulle.source.workload': entry?.kind === 'workload' ? entry.workload.name : undefined }
    },
    destination: (endpoint) => {
      // Clusters of the mesh are made of nothing else.
      const { workload } = endpoint as MeshEndpoint
      return {
        'tulle.destination.workload': workload.name,
        'tulle.destination.namespace': workload.namespace,
        'tulle.destination.principal': spiffeId(workloadIdentity(workload)),
      }
    },
  }
}
