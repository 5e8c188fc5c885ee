import { fileURLToPath } from 'node:url'
import { labManifests, meshManifest, targetManifest } from '../../tests/support/lab.ts'

/** Who is in the mesh of the soak, on which nodes, and who may call whom. */

export type Policy = 'allowed' | 'refused' | 'changing'

export interface Client {
  readonly name: string
  readonly node: string
  readonly policy: Policy
  /** The proxies that its calls pass. */
  readonly passes: readonly string[]
  /** `talker`: some new calls and some kept conversations. `steady`: a constant rate, the bulk of the traffic. */
  readonly kind: 'talker' | 'steady'
}

const serverNode = 'node-2'

function client(kind: Client['kind'], name: string, node: string, policy: Policy): Client {
  return { kind, name, node, policy, passes: [...new Set([node, serverNode])] }
}

/** `flip` changes sides with every change of policy. Nobody disturbs node-3, so its memory is that of a whole run. */
export const clients: readonly Client[] = [
  client('talker', 'friend', 'node-1', 'allowed'),
  client('talker', 'neighbour', 'node-2', 'allowed'),
  client('talker', 'distant', 'node-3', 'allowed'),
  client('talker', 'stranger', 'node-1', 'refused'),
  client('talker', 'outsider', 'node-3', 'refused'),
  client('talker', 'flip', 'node-1', 'changing'),
  client('steady', 'steady-1', 'node-1', 'allowed'),
  client('steady', 'steady-3', 'node-3', 'allowed'),
]

export const talkers: readonly Client[] = clients.filter(({ kind }) => kind === 'talker')
export const steadies: readonly Client[] = clients.filter(({ kind }) => kind === 'steady')
export const meshNodes: readonly string[] = ['node-1', 'node-2', 'node-3']
export const disturbedNodes: readonly string[] = ['node-1', 'node-2']

/** What `flip` may do, and everybody else as always. */
export function accessManifest(flipIsAllowed: boolean): string {
  const allowed = (kind: Client['kind']): string[] =>
    clients.filter((one) => one.kind === kind && one.policy === 'allowed').map(({ name }) => name)
  const flip = flipIsAllowed ? ['flip'] : []
  return [
    targetManifest('server', [...allowed('talker'), ...flip]),
    targetManifest('backend', [...allowed('steady'), ...flip]),
  ].join('\n---\n')
}

export function soakManifests(): Readonly<Record<string, string>> {
  return {
    'mesh.yaml': meshManifest({ mtls: 'permissive', access: 'enforce-selected' }),
    'access.yaml': accessManifest(false),
    ...labManifests([{ name: 'server', node: serverNode }, ...talkers]),
    'backend.yaml': programManifest('backend', serverNode, 'steady-server.ts'),
    ...Object.fromEntries(
      steadies.map(({ name, node }) => [`${name}.yaml`, programManifest(name, node, 'steady-client.ts')]),
    ),
  }
}

function programManifest(name: string, node: string, script: string): string {
  const metadata = { name, namespace: 'lab' }
  const file = fileURLToPath(new URL(script, import.meta.url))
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 8080 }] },
    },
    {
      apiVersion: 'tulle.dev/v1alpha1',
      kind: 'Workload',
      metadata: { ...metadata, labels: { app: name } },
      spec: {
        serviceAccount: name,
        node,
        ports: [{ port: 8080 }],
        run: { command: ['node', file], env: { STEADY_SOCKET: `../agents/${name}.sock` } },
      },
    },
  ]
    .map((document) => JSON.stringify(document, undefined, 2))
    .join('\n---\n')
}
