import type { UpstreamSpec } from '@tulle/l7'
import { expectedIdentities, targetPort } from '@tulle/l4'
import type { Service, Workload } from '@tulle/mesh'
import type { WaypointState } from './waypoint-state.ts'

/** An endpoint in the mesh. */
export interface MeshEndpoint extends UpstreamSpec {
  readonly workload: Workload
  /** Absent: the workload was called by its own address. */
  readonly service: Service | undefined
}

/** What the endpoints of one port of a service, or of a workload by itself, were made of: as long as it is the same, so are they. */
export interface EndpointSource {
  readonly workloads: readonly Workload[]
  readonly service: Service | undefined
}

/** `destination` is the key of a service, or the uid of a workload. Undefined: there is none. */
export function endpointSource(state: WaypointState, destination: string): EndpointSource | undefined {
  const service = state.mesh.service(destination)
  if (service !== undefined) return { service, workloads: state.mesh.endpointsOf(destination) }
  const workload = state.mesh.workload(destination)
  return workload === undefined ? undefined : { service: undefined, workloads: [workload] }
}

/** How requests are spoken where the service's port does not say. */
export type DefaultProtocol = UpstreamSpec['protocol']

/** Endpoints without an address, or without that port, are none. */
export function meshEndpoints(
  { service, workloads }: EndpointSource,
  port: number,
  undeclared: DefaultProtocol,
): readonly MeshEndpoint[] {
  const protocol = protocolOf(service, port, undeclared)
  return workloads.flatMap((workload) => {
    const [ip] = workload.addresses
    const to = service === undefined ? port : targetPort(service, workload, port)
    if (ip === undefined || to === undefined) return []
    const ready = workload.health === 'healthy' || service?.loadBalancing?.health === 'allow-all'
    return [
      {
        key: `${ip}:${to}`,
        ip,
        port: to,
        ready,
        weight: workload.capacity,
        protocol,
        way: [workload.tunnel, ...expectedIdentities(workload, service)].join(' '),
        workload,
        service,
        ...(workload.locality === undefined ? {} : { locality: workload.locality }),
      },
    ]
  })
}

function protocolOf(
  service: Service | undefined,
  port: number,
  undeclared: DefaultProtocol,
): DefaultProtocol {
  switch (service?.ports.find(({ servicePort }) => servicePort === port)?.appProtocol) {
    case 'http2':
    case 'grpc':
      return 'http2'
    case 'http11':
      return 'http1'
    case 'tcp':
    case 'tls':
    case 'unknown':
    case undefined:
      return undeclared
  }
}
