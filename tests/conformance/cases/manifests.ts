import type { Manifest } from '../lib/case.ts'

/** Documents of cases, with the parts that are the same in all of them left out. */

export const namespace = 'mesh'

interface ServiceParts {
  readonly namespace?: string
  readonly selector?: Readonly<Record<string, string>>
  readonly ports?: readonly object[]
  readonly labels?: Readonly<Record<string, string>>
  readonly clusterIP?: string
}

export function service(name: string, parts: ServiceParts): Manifest {
  const { selector, ports = [{ name: 'http', port: 80, targetPort: 8080 }], labels, clusterIP } = parts
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: parts.namespace ?? namespace,
      ...(labels === undefined ? {} : { labels }),
    },
    spec: {
      ...(selector === undefined ? {} : { selector }),
      ...(clusterIP === undefined ? {} : { clusterIP }),
      ports,
    },
  }
}

export function gateway(name: string): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace, labels: { 'tulle.dev/waypoint-for': 'all' } },
    spec: {
      gatewayClassName: 'tulle-waypoint',
      listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }],
    },
  }
}

export type RouteKind = 'HTTPRoute' | 'GRPCRoute' | 'TCPRoute' | 'TLSRoute' | 'UDPRoute'

interface RouteParts {
  readonly kind?: RouteKind
  readonly name?: string
  readonly namespace?: string
  /** Of the route's own namespace unless it says another; default `app-svc` in `mesh`. */
  readonly parents?: readonly object[]
  readonly created?: string
  readonly generation?: number
  readonly hostnames?: readonly string[]
  readonly rules: readonly object[]
}

export function route(parts: RouteParts): Manifest {
  const { kind = 'HTTPRoute', name = 'route', created, generation, parents, hostnames, rules } = parts
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: {
      name,
      namespace: parts.namespace ?? namespace,
      ...(created === undefined ? {} : { creationTimestamp: created }),
      ...(generation === undefined ? {} : { generation }),
    },
    spec: {
      parentRefs: parents ?? [parent('app-svc')],
      ...(hostnames === undefined ? {} : { hostnames }),
      rules,
    },
  }
}

export function parent(name: string, more: object = {}): object {
  return { group: '', kind: 'Service', name, namespace, ...more }
}

/** Backends; port 80 unless `more` says otherwise. */
export function to(name: string, more: object = {}): object {
  return { name, port: 80, ...more }
}

export function rule(matches: readonly object[], backend: string, more: object = {}): object {
  return { ...(matches.length === 0 ? {} : { matches }), backendRefs: [to(backend)], ...more }
}

export const exact = (value: string): object => ({ path: { type: 'Exact', value } })
export const prefix = (value: string): object => ({ path: { type: 'PathPrefix', value } })
export const regex = (value: string): object => ({ path: { type: 'RegularExpression', value } })
export const header = (name: string, value: string, type: string = 'Exact'): object => ({
  headers: [{ type, name, value }],
})
export const query = (name: string, value: string, type: string = 'Exact'): object => ({
  queryParams: [{ type, name, value }],
})

/** `filter('RequestHeaderModifier', {set: …})`: the field that says more is named like the type. */
export function filter(type: string, value: object): object {
  const field = type.replace(/^(?:[A-Z]+(?![a-z])|[A-Z])/u, (first) => first.toLowerCase())
  return { type, [field]: value }
}

export const named = (name: string, value: string): object => ({ name, value })

/** SMI. */
export function split(
  backends: Readonly<Record<string, number>>,
  more: {
    readonly name?: string
    readonly service?: string
    readonly created?: string
    readonly matches?: readonly string[]
  } = {},
): Manifest {
  const { name = 'split', service: root = 'app-svc', created, matches } = more
  return {
    apiVersion: 'split.smi-spec.io/v1alpha4',
    kind: 'TrafficSplit',
    metadata: { name, namespace, ...(created === undefined ? {} : { creationTimestamp: created }) },
    spec: {
      service: root,
      backends: Object.entries(backends).map(([backend, weight]) => ({ service: backend, weight })),
      ...(matches === undefined
        ? {}
        : { matches: matches.map((group) => ({ kind: 'HTTPRouteGroup', name: group })) }),
    },
  }
}

export function routeGroup(name: string, matches: readonly object[]): Manifest {
  return {
    apiVersion: 'specs.smi-spec.io/v1alpha4',
    kind: 'HTTPRouteGroup',
    metadata: { name, namespace },
    spec: { matches },
  }
}

export function portRoute(
  name: string,
  ports: readonly number[] | undefined,
  kind: 'TCPRoute' | 'UDPRoute' = 'TCPRoute',
): Manifest {
  return {
    apiVersion: 'specs.smi-spec.io/v1alpha4',
    kind,
    metadata: { name, namespace },
    spec: ports === undefined ? {} : { matches: { ports } },
  }
}

interface TargetParts {
  readonly name?: string
  readonly namespace?: string
  /** Accounts: `name` of `mesh`, or `namespace/name`; `/name` leaves the namespace out. */
  readonly destination?: string
  readonly sources?: readonly string[]
  readonly rules: readonly object[]
}

export function target(parts: TargetParts): Manifest {
  const { name = 'target', destination = 'service-b', sources = ['service-a'], rules } = parts
  return {
    apiVersion: 'access.smi-spec.io/v1alpha3',
    kind: 'TrafficTarget',
    metadata: { name, namespace: parts.namespace ?? namespace },
    spec: { destination: subject(destination), sources: sources.map(subject), rules },
  }
}

export const httpRules = (name: string, matches?: readonly string[]): object => ({
  kind: 'HTTPRouteGroup',
  name,
  ...(matches === undefined ? {} : { matches }),
})
export const tcpRules = (name: string): object => ({ kind: 'TCPRoute', name })

function subject(text: string): object {
  const [first = '', second] = text.split('/')
  const account = second ?? first
  const within = second === undefined ? namespace : first
  return { kind: 'ServiceAccount', name: account, ...(within === '' ? {} : { namespace: within }) }
}
