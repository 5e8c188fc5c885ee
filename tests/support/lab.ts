import { fileURLToPath } from 'node:url'

/** Manifests of a small mesh whose workloads are agents: namespace `lab`, one service for each that has a name. */

const agentFile = fileURLToPath(new URL('agent.ts', import.meta.url))

export interface AgentSpec {
  readonly name: string
  /** Defaults to its name. */
  readonly account?: string
  readonly node?: string
  /** False for a caller in plaintext. */
  readonly inMesh?: boolean
  readonly udpPorts?: readonly number[]
}

/** `agents` is the folder of their sockets: relative to the manifests, where they run. */
export function agentManifest(spec: AgentSpec): string {
  const { name, account = name, node = 'node-1', inMesh = true, udpPorts = [] } = spec
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace: 'lab' } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'lab' },
      spec: {
        selector: { app: name },
        ports: [
          { name: 'echo', port: 8080 },
          { name: 'digest', port: 8081 },
        ],
      },
    },
    {
      apiVersion: 'tulle.dev/v1alpha1',
      kind: 'Workload',
      metadata: {
        name,
        namespace: 'lab',
        labels: { app: name, ...(inMesh ? {} : { 'tulle.dev/dataplane-mode': 'none' }) },
      },
      spec: {
        serviceAccount: account,
        node,
        ports: [{ port: 8080 }, { port: 8081 }],
        run: {
          command: ['node', agentFile],
          env: { AGENT_SOCKET: `../agents/${name}.sock`, UDP_PORTS: udpPorts.join(',') },
        },
      },
    },
  ]
    .map((document) => JSON.stringify(document, undefined, 2))
    .join('\n---\n')
}

export function labManifests(agents: readonly AgentSpec[]): Record<string, string> {
  return Object.fromEntries(agents.map((agent) => [`${agent.name}.yaml`, agentManifest(agent)]))
}

/** Lets accounts of `lab` reach the account `destination` on all TCP ports. */
export function targetManifest(destination: string, sources: readonly string[]): string {
  const subject = (name: string): object => ({ kind: 'ServiceAccount', name, namespace: 'lab' })
  return [
    {
      apiVersion: 'specs.smi-spec.io/v1alpha4',
      kind: 'TCPRoute',
      metadata: { name: `${destination}-ports`, namespace: 'lab' },
      spec: {},
    },
    {
      apiVersion: 'access.smi-spec.io/v1alpha3',
      kind: 'TrafficTarget',
      metadata: { name: `to-${destination}`, namespace: 'lab' },
      spec: {
        destination: subject(destination),
        rules: [{ kind: 'TCPRoute', name: `${destination}-ports` }],
        sources: sources.map(subject),
      },
    },
  ]
    .map((document) => JSON.stringify(document, undefined, 2))
    .join('\n---\n')
}

export interface Modes {
  readonly mtls: 'permissive' | 'strict'
  readonly access: 'audit' | 'enforce-selected' | 'enforce'
}

export function meshManifest({
  mtls,
  access,
  trustDomain,
}: Modes & { readonly trustDomain?: string }): string {
  const spec = { mtls, access, ...(trustDomain === undefined ? {} : { trustDomain }) }
  return JSON.stringify(
    { apiVersion: 'tulle.dev/v1alpha1', kind: 'Mesh', metadata: { name: 'lab' }, spec },
    undefined,
    2,
  )
}
