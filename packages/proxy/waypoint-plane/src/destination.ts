import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { Authority } from '@tulle/hbone'
import { serviceKey } from '@tulle/mesh'
import type { IpAddress, Service, Workload } from '@tulle/mesh'
import type { WaypointState } from './waypoint-state.ts'

/** What a caller dialled. */
export interface Dialed {
  /** Key of the service, or uid of the workload. */
  readonly key: string
  readonly port: number
  readonly ip: IpAddress | undefined
  readonly service: Service | undefined
  readonly workload: Workload | undefined
}

/**
 * Where a CONNECT leads. Only what is bound to this waypoint: it is no open relay, and whoever can reach it reaches nothing
 * else through it. An error says why not.
 */
export function destinationOf(state: WaypointState, authority: Authority, namespace: string): Result<Dialed> {
  const { port } = authority
  const entry =
    authority.kind === 'address'
      ? state.mesh.byAddress('', authority.address)
      : namedService(state, authority.hostname, namespace)
  const ip = authority.kind === 'address' ? authority.address : undefined
  if (entry === undefined) return err('nobody in the mesh has this address')
  if (entry.kind === 'workload') {
    const { workload } = entry
    if (!state.takes(workload.uid, workload))
      return err(`workload ${workload.uid} is not bound to this waypoint`)
    return ok({ key: workload.uid, port, ip, service: undefined, workload })
  }
  const { service } = entry
  const key = serviceKey(service)
  if (!state.takes(key, service)) return err(`service ${key} is not bound to this waypoint`)
  if (!service.ports.some(({ servicePort }) => servicePort === port))
    return err(`service ${key} has no port ${port}`)
  return ok({ key, port, ip: ip ?? service.addresses[0]?.address, service, workload: undefined })
}

function namedService(
  state: WaypointState,
  hostname: string,
  namespace: string,
): { readonly kind: 'service'; readonly service: Service } | undefined {
  const service = state.mesh.byHostname(hostname, namespace)
  return service === undefined ? undefined : { kind: 'service', service }
}
