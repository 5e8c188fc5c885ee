import type { PemFiles } from './certificates.ts'
import { farIp, nearIp } from './two-namespaces.ts'

/** Two workloads and a policy; or the caller alone, to whom the other address is outside of the mesh. */
export function benchConfig(options: {
  readonly client: PemFiles
  readonly backendPort: number
  readonly knowsServer: boolean
  /** Of the policy that is looked at for each connection; the last one lets it in. */
  readonly rules: number
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
  const rule = (exact: string): object => [
    [{ principals: [{ exact }], destinationPorts: [options.backendPort] }],
  ]
  const others = Array.from({ length: options.rules - 1 }, (_, index) => rule(`${principal}-${index}`))
  const server = workload('server', farIp, ['bench/clients'])
  const config = {
    workloads: [workload('client', nearIp, []), ...(options.knowsServer ? [server] : [])],
    policies: [
      {
        name: 'clients',
        namespace: 'bench',
        scope: 'WorkloadSelector',
        action: 'Allow',
        rules: [...others, rule(principal)],
      },
    ],
  }
  return JSON.stringify(config, undefined, 2)
}
