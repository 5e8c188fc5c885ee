import { fileURLToPath } from 'node:url'

/** The mesh of the bench: who calls whom, on which nodes. */

/** Requests of `caller` to `server` pass two node proxies, those to `routed` a waypoint between them as well. */
export const workloads: readonly PathWorkload[] = [
  { name: 'caller', node: 'node-1', inMesh: true },
  { name: 'server', node: 'node-2', inMesh: true },
  { name: 'routed', node: 'node-2', inMesh: true },
  { name: 'outsider', node: 'node-1', inMesh: false },
  { name: 'plain', node: 'node-2', inMesh: false },
]

export interface PathWorkload {
  readonly name: string
  readonly node: string
  /** False: not captured, for the way without a mesh. */
  readonly inMesh: boolean
}

export const namespace = 'bench'
export const servicePort = 80
export const workloadPort = 8080

type Manifest = Readonly<Record<string, unknown>>

const program = fileURLToPath(new URL('../soak/steady-server.ts', import.meta.url))
const subject = (name: string): Manifest => ({ kind: 'ServiceAccount', name, namespace })

export function pathManifests(): Readonly<Record<string, string>> {
  return {
    'mesh.yaml': documents([
      {
        apiVersion: 'tulle.dev/v1alpha1',
        kind: 'Mesh',
        metadata: { name: namespace },
        spec: { mtls: 'permissive', access: 'enforce-selected' },
      },
    ]),
    'rules.yaml': documents([...serverRules, ...routedRules]),
    ...Object.fromEntries(workloads.map((one) => [`${one.name}.yaml`, documents(workloadManifests(one))])),
  }
}

/** Connections of the caller, judged by the node proxy. */
const serverRules: readonly Manifest[] = [
  {
    apiVersion: 'specs.smi-spec.io/v1alpha4',
    kind: 'TCPRoute',
    metadata: { name: 'server-ports', namespace },
    spec: { matches: { ports: [workloadPort] } },
  },
  target('server', { kind: 'TCPRoute', name: 'server-ports' }),
]

/** Requests of the caller, judged and routed by the waypoint that the mesh makes for them. */
const routedRules: readonly Manifest[] = [
  {
    apiVersion: 'specs.smi-spec.io/v1alpha4',
    kind: 'HTTPRouteGroup',
    metadata: { name: 'routed-reads', namespace },
    spec: { matches: [{ name: 'read', methods: ['GET'], pathRegex: '/.*' }] },
  },
  target('routed', { kind: 'HTTPRouteGroup', name: 'routed-reads', matches: ['read'] }),
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'routed', namespace },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: 'routed', port: servicePort }],
      rules: [{ backendRefs: [{ name: 'routed', port: servicePort }] }],
    },
  },
]

function target(name: string, rule: Manifest): Manifest {
  return {
    apiVersion: 'access.smi-spec.io/v1alpha3',
    kind: 'TrafficTarget',
    metadata: { name: `to-${name}`, namespace },
    spec: { destination: subject(name), rules: [rule], sources: [subject('caller')] },
  }
}

function workloadManifests({ name, node, inMesh }: PathWorkload): readonly Manifest[] {
  const labels = { app: name, ...(inMesh ? {} : { 'tulle.dev/dataplane-mode': 'none' }) }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: {
        selector: { app: name },
        ports: [{ name: 'http', port: servicePort, targetPort: workloadPort }],
      },
    },
    {
      apiVersion: 'tulle.dev/v1alpha1',
      kind: 'Workload',
      metadata: { name, namespace, labels },
      spec: {
        serviceAccount: name,
        node,
        ports: [{ port: workloadPort }],
        run: { command: ['node', program] },
      },
    },
  ]
}

function documents(manifests: readonly Manifest[]): string {
  return manifests.map((one) => JSON.stringify(one, undefined, 1)).join('\n---\n')
}
