import { fileURLToPath } from 'node:url'
import { parent, route, rule, service } from './cases/manifests.ts'
import type { Manifest } from './lib/case.ts'
import { tlsMaterial } from './tls-identities.ts'
import { expiredTlsPort, httpPorts, tcpPorts, tlsPort } from './workload/ports.ts'
import { tlsVariable } from './workload/tls-material.ts'

/**
 * What every case finds: in `mesh` app-a, who calls, and app-b and app-c, who answer (accounts service-a to service-c, as in the SMI
 * suite); in `consumer` app-d, whose account is called service-a too. Each has a Service of its name, and `app-svc` is b and c.
 */
export const workloads: readonly BaseWorkload[] = [
  { namespace: 'mesh', name: 'app-a', account: 'service-a', node: 'node-1' },
  { namespace: 'mesh', name: 'app-b', account: 'service-b', node: 'node-2', labels: { group: 'svc' } },
  { namespace: 'mesh', name: 'app-c', account: 'service-c', node: 'node-1', labels: { group: 'svc' } },
  { namespace: 'consumer', name: 'app-d', account: 'service-a', node: 'node-2' },
]

export interface BaseWorkload {
  readonly namespace: string
  readonly name: string
  readonly account: string
  readonly node: string
  readonly labels?: Readonly<Record<string, string>>
}

export const program: string = fileURLToPath(new URL('workload/main.ts', import.meta.url))

/** Where cases have a Service of the suite. */
export const servicePorts: readonly object[] = [
  { name: 'http', port: 80, targetPort: 8080 },
  { name: 'http-alt', port: 8080 },
  { name: 'http-smi', port: 9091 },
  { name: 'grpc', port: 7070, targetPort: 8080 },
  { name: 'plain', port: 6060, targetPort: 8080 },
  { name: 'tcp', port: 9090 },
  { name: 'tcp-8300', port: 8300 },
  { name: 'tcp-8301', port: 8301 },
  { name: 'tcp-8302', port: 8302 },
  { name: 'tls', port: 8443, targetPort: 9090 },
  { name: 'https', port: tlsPort },
  { name: 'https-expired', port: expiredTlsPort },
]

export function baseObjects(): readonly Manifest[] {
  const accounts = new Set(workloads.map(({ namespace, account }) => `${namespace}/${account}`))
  return [
    ...[...accounts].map((key) => accountManifest(key)),
    ...workloads.map(({ namespace, name }) =>
      service(name, { namespace, selector: { app: name }, ports: servicePorts }),
    ),
    service('app-svc', { selector: { group: 'svc' }, ports: servicePorts }),
    // Kept for the whole run, so that no case waits for a waypoint to start.
    service('keeper', { selector: { app: 'app-b' } }),
    route({ name: 'keeper', parents: [parent('keeper')], rules: [rule([], 'keeper')] }),
  ]
}

/** A workload of the suite as Tulle has it. `environment` is what its driver needs besides. */
export function workloadManifest(
  { namespace, name, account, node, labels = {} }: BaseWorkload,
  environment: Readonly<Record<string, string>>,
): Manifest {
  return {
    apiVersion: 'tulle.dev/v1alpha1',
    kind: 'Workload',
    metadata: { name, namespace, labels: { app: name, ...labels } },
    spec: {
      serviceAccount: account,
      node,
      ports: [...new Set([...httpPorts, ...tcpPorts, tlsPort, expiredTlsPort])].map((port) => ({ port })),
      run: {
        command: ['node', program],
        env: {
          ...environment,
          CONFORMANCE_NAME: `${namespace}/${name}`,
          [tlsVariable]: JSON.stringify(tlsMaterial),
        },
      },
    },
  }
}

function accountManifest(key: string): Manifest {
  const [namespace = '', name = ''] = key.split('/')
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }
}
