import type { IpAddress } from './ip-address.ts'
import type { Locality } from './workload.ts'

/** A proxy that reads requests, for the services and workloads that are bound to it. */
export interface Waypoint {
  readonly namespace: string
  /** Also the service account that it runs as, which nothing else does. */
  readonly name: string
  /** Absent until one is allotted. */
  readonly address?: IpAddress
  /** What may be bound to it by label: services are called by their address, workloads by theirs. */
  readonly serves: 'service' | 'workload' | 'all' | 'none'
  /** `automatic`: something needs one and names none. */
  readonly origin: 'gateway' | 'automatic'
  /**
   * Nobody is sent to it any more: it finishes what runs through it. `ending`: whoever sent to it knows, and its process is to
   * end when it has finished.
   */
  readonly leaving?: 'finishing' | 'ending'
  /** Of connections to what is bound to `of`, a waypoint of its namespace, so many percent come here. */
  readonly canary?: { readonly of: string; readonly percent: number }
  /** Where it runs, if that is said. */
  readonly locality?: Locality
  /** Why it is there, for people; in order. */
  readonly reasons: readonly string[]
}

/** `namespace/name`. */
export function waypointKey(waypoint: { readonly namespace: string; readonly name: string }): string {
  return `${waypoint.namespace}/${waypoint.name}`
}

/** The name that a waypoint has where nodes have theirs; none of them can have it, as DNS knows no underscore. */
export function waypointNode(waypoint: { readonly namespace: string; readonly name: string }): string {
  return `waypoint_${waypoint.namespace}_${waypoint.name}`
}

/** By which a waypoint is found among workloads. */
export function waypointUid(waypoint: { readonly namespace: string; readonly name: string }): string {
  return `tulle//Waypoint/${waypointKey(waypoint)}`
}
