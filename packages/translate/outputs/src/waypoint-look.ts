import { serviceKey, waypointKey } from '@tulle/mesh'
import type { Service, Workload } from '@tulle/mesh'
import type { WaypointLook } from './explanation.ts'
import type { Callee } from './find-party.ts'
import type { MeshModel } from './mesh-model.ts'

/** What was called by its own address: callers are sent through the waypoint of that. */
export function calledService({ service, port }: Callee): Service | undefined {
  return service?.ports.some(({ servicePort }) => servicePort === port) === true ? service : undefined
}

/** Undefined: nothing that is called is bound to one. */
export function lookForWaypoint(model: MeshModel, from: Workload, callee: Callee): WaypointLook | undefined {
  const service = calledService(callee)
  const workload = callee.endpoints[0]?.workload
  if (workload === undefined) return undefined
  const binding =
    service === undefined
      ? model.waypointBindings.workloads.get(workload.uid)
      : model.waypointBindings.services.get(serviceKey(service))
  if (binding === undefined) return undefined
  const name = waypointKey(binding)
  if (from.tunnel === 'none') {
    const why = `no node proxy sends for ${from.namespace}/${from.name}, which calls directly`
    return { name, used: false, why }
  }
  if ((service ?? workload).waypoint !== undefined) return { name, used: true, why: binding.reason }
  return { name, used: false, why: whyNotYet(model, name) }
}

function whyNotYet(model: MeshModel, name: string): string {
  const waypoint = model.waypoints.get(name)
  if (waypoint === undefined) return 'there is no such waypoint'
  return waypoint.address === undefined
    ? 'it has no address yet'
    : waypoint.leaving !== undefined
      ? 'it is leaving: another one comes in its place'
      : 'it is not ready: it has not applied what it was sent yet'
}
