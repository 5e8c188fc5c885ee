import type {
  ApiObject,
  HttpRouteGroupObject,
  MeshObject,
  NamespaceObject,
  Origin,
  RevocationObject,
  ServiceAccountObject,
  ServiceObject,
  ServicePortSpec,
  SubjectSpec,
  TargetRuleSpec,
  TcpRouteObject,
  TrafficTargetObject,
  UdpRouteObject,
  WorkloadObject,
} from '@tulle/api'

/** What objects of tests have in common, where a test does not say otherwise. */
export interface Meta {
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly creationTimestamp?: string
  readonly origin?: Origin
  readonly positions?: ReadonlyMap<string, Origin>
}

const somewhere: Origin = { file: 'mesh.yaml', line: 1, column: 1 }

function object<Group extends string, Kind extends string, Spec>(
  group: Group,
  kind: Kind,
  { name, spec, meta }: { readonly name: string; readonly spec: Spec; readonly meta: Meta },
): ApiObject<Kind, Spec, Group> {
  const {
    namespace = 'shop',
    labels = {},
    creationTimestamp,
    origin = somewhere,
    positions = new Map(),
  } = meta
  return {
    group,
    version: 'v1',
    kind,
    metadata: {
      name,
      namespace,
      labels,
      annotations: {},
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec,
    origin,
    positions,
  }
}

export function namespaceObject(name: string, meta: Meta = {}): NamespaceObject {
  return object('', 'Namespace', { name, spec: {}, meta: { ...meta, namespace: '' } })
}

export function serviceAccount(name: string, meta: Meta = {}): ServiceAccountObject {
  return object('', 'ServiceAccount', { name, spec: {}, meta })
}

export function service(
  name: string,
  spec: Partial<ServiceObject['spec']> = {},
  meta: Meta = {},
): ServiceObject {
  const ports: readonly ServicePortSpec[] = [{ protocol: 'TCP', port: 80, targetPort: 8080 }]
  return object('', 'Service', { name, spec: { selector: { app: name }, ports, ...spec }, meta })
}

export function mesh(
  spec: Partial<MeshObject['spec']> = {},
  meta: Meta & { readonly name?: string } = {},
): MeshObject {
  const full = { mtls: 'permissive', access: 'enforce-selected', ...spec } as const
  return object('tulle.dev', 'Mesh', { name: meta.name ?? 'mesh', spec: full, meta })
}

export function revocation(
  name: string,
  spec: Partial<RevocationObject['spec']> = {},
  meta: Meta = {},
): RevocationObject {
  const full = { identities: [], serials: [], ...spec }
  return object('tulle.dev', 'Revocation', { name, spec: full, meta: { ...meta, namespace: '' } })
}

export function workload(
  name: string,
  spec: Partial<WorkloadObject['spec']> = {},
  meta: Meta = {},
): WorkloadObject {
  const full = { serviceAccount: name, ports: [], hbone: true, capacity: 1, ...spec }
  return object('tulle.dev', 'Workload', { name, spec: full, meta: { labels: { app: name }, ...meta } })
}

export interface TargetParts {
  readonly destination: SubjectSpec
  readonly sources: readonly SubjectSpec[]
  readonly rules: readonly TargetRuleSpec[]
}

export function trafficTarget(name: string, spec: TargetParts, meta: Meta = {}): TrafficTargetObject {
  return object('access.smi-spec.io', 'TrafficTarget', { name, spec, meta })
}

export function account(name: string, namespace: string = 'shop'): SubjectSpec {
  return { kind: 'ServiceAccount', name, namespace }
}

export function tcpRoute(name: string, ports: readonly number[], meta: Meta = {}): TcpRouteObject {
  return object('specs.smi-spec.io', 'TCPRoute', { name, spec: { ports }, meta })
}

export function udpRoute(name: string, ports: readonly number[], meta: Meta = {}): UdpRouteObject {
  return object('specs.smi-spec.io', 'UDPRoute', { name, spec: { ports }, meta })
}

export function httpRouteGroup(
  name: string,
  matches: readonly string[],
  meta: Meta = {},
): HttpRouteGroupObject {
  const spec = { matches: matches.map((match) => ({ name: match, headers: [] })) }
  return object('specs.smi-spec.io', 'HTTPRouteGroup', { name, spec, meta })
}
