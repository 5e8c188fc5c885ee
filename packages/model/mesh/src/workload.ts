import type { Identity, TrustDomain } from '@tulle/identity'
import type { GatewayAddress } from './gateway-address.ts'
import type { IpAddress } from './ip-address.ts'
import type { PortMapping } from './port.ts'

export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subzone: string
}

/** One addressable instance (a pod, a process, a machine) with one identity. */
export interface Workload {
  /** The key: stays the same over the workload's life, unique in the mesh. */
  readonly uid: string
  readonly name: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly trustDomain: TrustDomain
  readonly addresses: readonly IpAddress[]
  /** '' is the local network. */
  readonly network: string
  /** How to reach it: HBONE to port 15008, or plain TCP. */
  readonly tunnel: 'hbone' | 'none'
  /** The node whose proxy serves it. */
  readonly node: string
  /** Which services it is an endpoint of: service key to the ports it serves them on. */
  readonly services: ReadonlyMap<string, readonly PortMapping[]>
  /** Keys (`namespace/name`) of the workload-scoped policies that hold here. */
  readonly policies: readonly string[]
  readonly health: 'healthy' | 'unhealthy'
  /** Load-balancing weight. */
  readonly capacity: number
  readonly kubeCluster: string
  /** Names for telemetry. */
  readonly canonicalName: string
  readonly canonicalRevision: string
  readonly workloadName: string
  readonly workloadType: 'deployment' | 'cronjob' | 'pod' | 'job'
  readonly hostname: string
  readonly nativeTunnel: boolean
  readonly hostNetwork: boolean
  readonly locality?: Locality
  readonly waypoint?: GatewayAddress
  readonly networkGateway?: GatewayAddress
  readonly applicationTunnel?: { readonly protocol: 'none' | 'proxy'; readonly port: number }
}

export function workloadIdentity(workload: Workload): Identity {
  return {
    trustDomain: workload.trustDomain,
    namespace: workload.namespace,
    serviceAccount: workload.serviceAccount,
  }
}
