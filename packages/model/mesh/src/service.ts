import type { GatewayAddress, NetworkAddress } from './gateway-address.ts'

export type AppProtocol = 'unknown' | 'http11' | 'http2' | 'grpc' | 'tcp' | 'tls'

export interface ServicePort {
  readonly servicePort: number
  /** 0 = named: each endpoint's own mapping says. */
  readonly targetPort: number
  readonly appProtocol: AppProtocol
}

export type BalanceScope = 'region' | 'zone' | 'subzone' | 'node' | 'cluster' | 'network'

export interface LoadBalancing {
  readonly preference: readonly BalanceScope[]
  /** strict: all scopes must match; failover: they rank; passthrough: the original destination stays. */
  readonly mode: 'unspecified' | 'strict' | 'failover' | 'passthrough'
  readonly health: 'only-healthy' | 'allow-all'
}

/** A stable name, with virtual addresses, for a set of workloads. */
export interface Service {
  readonly name: string
  readonly namespace: string
  /** `books.bookstore.svc.cluster.local`; with the namespace it is the key. */
  readonly hostname: string
  readonly addresses: readonly (NetworkAddress & { readonly prefixBits?: number })[]
  readonly ports: readonly ServicePort[]
  readonly subjectAltNames: readonly string[]
  readonly ipFamilies: 'automatic' | 'ipv4-only' | 'ipv6-only' | 'dual'
  readonly canonical: boolean
  readonly visibility: 'public' | 'namespace'
  readonly ingressUseWaypoint: boolean
  readonly loadBalancing?: LoadBalancing
  readonly waypoint?: GatewayAddress
  readonly weightedWaypoints: readonly { readonly destination: GatewayAddress; readonly weight: number }[]
}

/** `namespace/hostname`: the key of a service, here and as a WDS resource name. */
export function serviceKey(service: { readonly namespace: string; readonly hostname: string }): string {
  return `${service.namespace}/${service.hostname}`
}
