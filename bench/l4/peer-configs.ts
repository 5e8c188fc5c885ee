import type { PemFiles } from '../support/certificates.ts'
import { farIp, nearIp } from '../support/two-namespaces.ts'

/**
 * A TLS 1.3 connection for each TCP connection, both sides verified, one thread. Without resumption, as here: a
 * resumed session is not verified again.
 */
export function haproxyConfig(options: {
  readonly client: PemFiles
  readonly server: PemFiles
  readonly port: number
  readonly tunnelPort: number
  readonly backendPort: number
}): { readonly outbound: string; readonly inbound: string } {
  const { client, server, port, tunnelPort, backendPort } = options
  const common = `global
  nbthread 1
  maxconn 4000
  ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
  ssl-default-server-options ssl-min-ver TLSv1.3 no-tls-tickets
defaults
  mode tcp
  option clitcpka
  timeout connect 5s
  timeout client 60s
  timeout server 60s
`
  return {
    outbound: `${common}listen outbound
  bind ${nearIp}:${port}
  server peer ${farIp}:${tunnelPort} ssl crt ${client.combined} ca-file ${client.roots} verify required no-ssl-reuse
`,
    inbound: `${common}listen inbound
  bind ${farIp}:${tunnelPort} ssl crt ${server.combined} ca-file ${server.roots} verify required
  server application ${farIp}:${backendPort}
`,
  }
}

/** Two workloads, and a policy that has to be looked at for each connection. */
export function ourConfig(options: {
  readonly client: PemFiles
  readonly nearIp: string
  readonly farIp: string
  readonly backendPort: number
}): string {
  const workload = (name: string, ip: string, policies: readonly string[]): object => ({
    uid: `bench//Workload/bench/${name}`,
    name,
    namespace: 'bench',
    serviceAccount: name,
    workloadIps: [ip],
    protocol: 'HBONE',
    workloadName: name,
    canonicalName: name,
    authorizationPolicies: policies,
  })
  const principal = options.client.identity.replace('spiffe://', '')
  const config = {
    workloads: [workload('client', options.nearIp, []), workload('server', options.farIp, ['bench/clients'])],
    policies: [
      {
        name: 'clients',
        namespace: 'bench',
        scope: 'WorkloadSelector',
        action: 'Allow',
        rules: [[[{ principals: [{ exact: principal }], destinationPorts: [options.backendPort] }]]],
      },
    ],
  }
  return JSON.stringify(config, undefined, 2)
}
