import { readsRequests } from '@tulle/access'
import type { Collection, Graph, Index, Look } from '@tulle/collections'
import { serviceKey, waypointKey } from '@tulle/mesh'
import type { Service, Workload } from '@tulle/mesh'
import { accountKey } from '@tulle/smi'
import type { TargetTranslation } from '@tulle/smi'
import type { ServiceTraffic } from '@tulle/traffic'
import { namespaceObjectKey } from '@tulle/workloads'
import { gatewayWaypoint } from './gateway-waypoints.ts'
import type { WaypointInputs } from './inputs.ts'
import { waypointChoice } from './use-waypoint.ts'
import type { Labels, WaypointChoice } from './use-waypoint.ts'

/** The waypoint that is made for a namespace where something needs one and names none. */
export const automaticName = 'tulle-waypoint'

/** Which waypoint callers of something have to go through. */
export interface Binding {
  readonly namespace: string
  readonly name: string
  readonly origin: 'named' | 'automatic'
  /** Why, for people. */
  readonly reason: string
}

export interface Bindings {
  /** By `serviceKey`. */
  readonly services: Collection<Binding>
  /** By uid: of workloads that are called by their own address. */
  readonly workloads: Collection<Binding>
}

/** Who is bound to what, whether that is there and ready or not. */
export function deriveBindings(graph: Graph, inputs: WaypointInputs): Bindings {
  const readingTargets = graph.index('reading-targets', inputs.targets, ({ access, destination }) =>
    access !== undefined && destination !== undefined && readsRequests(access)
      ? [accountKey(destination)]
      : [],
  )
  /** Workloads whose rules somebody has to read requests for, with the target that says so. */
  const readers: Collection<string> = graph.derive('read-workloads', inputs.workloads, (workload, look) => {
    const [target] = look.by(readingTargets, accountKey(workload))
    return target === undefined ? undefined : targetReason(target)
  })
  const endpoints: Index<Workload> = graph.index('workloads-by-service', inputs.workloads, ({ services }) =>
    services.keys(),
  )
  return {
    services: graph.derive('service-bindings', inputs.services, (service, look) =>
      bindService(service, { look, inputs, readers, endpoints }),
    ),
    workloads: graph.derive('workload-bindings', inputs.workloads, (workload, look) =>
      bindWorkload(workload, { look, inputs, readers, endpoints }),
    ),
  }
}

interface Context {
  readonly look: Look
  readonly inputs: WaypointInputs
  readonly readers: Collection<string>
  readonly endpoints: Index<Workload>
}

function bindService(service: Service, context: Context): Binding | undefined {
  const { look, inputs, readers, endpoints } = context
  const { namespace, name } = service
  const object = look.one(inputs.api.services, `/Service/${namespace}/${name}`)
  const choice = choiceOf(object?.metadata.labels ?? {}, namespace, context)
  if (choice?.kind === 'none') return undefined
  const key = serviceKey(service)
  if (choice !== undefined) {
    return serves(choice, 'service', context)
      ? {
          namespace: choice.namespace,
          name: choice.name,
          origin: 'named',
          reason: `Service ${namespace}/${name} uses it`,
        }
      : undefined
  }
  const traffic = look.one(inputs.traffic, key)
  const why = traffic === undefined ? undefined : whatIsRead(traffic)
  if (why !== undefined) return automatic(namespace, `${why} of Service ${namespace}/${name} are read by it`)
  const reader = look.by(endpoints, key).find(({ uid }) => look.one(readers, uid) !== undefined)
  return reader === undefined ? undefined : automatic(namespace, look.one(readers, reader.uid) ?? '')
}

function bindWorkload(workload: Workload, context: Context): Binding | undefined {
  const { look, inputs, readers } = context
  const { namespace, name, uid } = workload
  const object = look.one(inputs.api.workloads, `tulle.dev/Workload/${namespace}/${name}`)
  const choice = choiceOf(object?.metadata.labels ?? {}, namespace, context)
  if (choice?.kind === 'none') return undefined
  const read = look.one(readers, uid)
  if (choice !== undefined) {
    // Whose requests have to be read is bound to the waypoint that it names, whatever else that is for.
    const bound = read !== undefined || serves(choice, 'workload', context)
    const reason = read ?? `Workload ${namespace}/${name} uses it`
    return bound ? { namespace: choice.namespace, name: choice.name, origin: 'named', reason } : undefined
  }
  return read === undefined ? undefined : automatic(namespace, read)
}

function automatic(namespace: string, reason: string): Binding {
  return { namespace, name: automaticName, origin: 'automatic', reason }
}

function choiceOf(own: Labels, namespace: string, { look, inputs }: Context): WaypointChoice | undefined {
  const object = look.one(inputs.api.namespaces, namespaceObjectKey(namespace))
  return waypointChoice(own, object?.metadata.labels ?? {}, namespace)
}

/** Whether a waypoint that is named takes what is called by its own kind of address. */
function serves(
  choice: { readonly namespace: string; readonly name: string },
  kind: 'service' | 'workload',
  { look, inputs }: Context,
): boolean {
  const gateway = look.one(inputs.api.gateways, gatewayObjectKey(choice))
  const waypoint = gateway === undefined ? undefined : gatewayWaypoint(gateway)
  return waypoint !== undefined && (waypoint.serves === kind || waypoint.serves === 'all')
}

export function gatewayObjectKey(waypoint: { readonly namespace: string; readonly name: string }): string {
  return `gateway.networking.k8s.io/Gateway/${waypointKey(waypoint)}`
}

/** Undefined: nobody has said anything about the traffic. */
function whatIsRead({ ports, resilience, upstreamTls }: ServiceTraffic): 'routes' | 'policies' | undefined {
  if (ports.some(({ producer, consumers }) => producer !== undefined || consumers.size > 0)) return 'routes'
  const attached =
    resilience !== undefined ||
    upstreamTls !== undefined ||
    ports.some((port) => port.resilience !== undefined)
  return attached ? 'policies' : undefined
}

function targetReason({ key }: TargetTranslation): string {
  const [namespace = '', name = ''] = key.split('/').slice(-2)
  return `HTTP rules of TrafficTarget ${namespace}/${name} are read by it`
}
