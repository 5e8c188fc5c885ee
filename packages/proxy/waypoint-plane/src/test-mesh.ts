import { must, TestClock } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import { parseIpAddress } from '@tulle/mesh'
import type { GatewayAddress, IpAddress, Service, Workload } from '@tulle/mesh'
import { addressResource, addressType } from '@tulle/mesh-xds'
import { WaypointState } from './waypoint-state.ts'

export const ip = (text: string): IpAddress => must(parseIpAddress(text))

/** Of the waypoint itself. */
export const ownUid = 'tulle//Waypoint/shop/w'
export const ownAddress = '10.0.0.9'

export const throughUs: GatewayAddress = {
  destination: { kind: 'address', network: '', address: ip(ownAddress) },
  hboneMtlsPort: 15_008,
}

export function workload(name: string, address: string, change: Partial<Workload> = {}): Workload {
  return {
    uid: `tulle//Workload/shop/${name}`,
    name,
    namespace: 'shop',
    serviceAccount: name,
    trustDomain: must(parseTrustDomain('td')),
    addresses: [ip(address)],
    network: '',
    tunnel: 'hbone',
    node: 'n',
    services: new Map(),
    policies: [],
    health: 'healthy',
    capacity: 1,
    kubeCluster: 'Kubernetes',
    canonicalName: name,
    canonicalRevision: 'v1',
    workloadName: name,
    workloadType: 'pod',
    hostname: '',
    nativeTunnel: false,
    hostNetwork: false,
    ...change,
  }
}

export function service(name: string, address: string, change: Partial<Service> = {}): Service {
  return {
    name,
    namespace: 'shop',
    hostname: `${name}.shop.svc.cluster.local`,
    addresses: [{ network: '', address: ip(address) }],
    ports: [{ servicePort: 80, targetPort: 8080, appProtocol: 'http11' }],
    subjectAltNames: [],
    ipFamilies: 'automatic',
    canonical: false,
    visibility: 'public',
    ingressUseWaypoint: false,
    weightedWaypoints: [],
    ...change,
  }
}

/** What a waypoint knows when it was told of these, and of itself. */
export function stateOf(...entries: readonly (Workload | Service)[]): WaypointState {
  const clock = new TestClock()
  const state = new WaypointState({ uid: ownUid, clock, demand: () => undefined, log: () => undefined })
  const own = workload('w', ownAddress, { uid: ownUid })
  const upserts = [own, ...entries].map((one) =>
    addressResource('uid' in one ? { kind: 'workload', workload: one } : { kind: 'service', service: one }),
  )
  const rejected = state.apply({ typeUrl: addressType, upserts, removed: [] })
  if (rejected.length > 0) throw new Error(JSON.stringify(rejected))
  return state
}
