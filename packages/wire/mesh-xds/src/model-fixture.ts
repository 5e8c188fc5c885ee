import { must } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import { parseIpAddress, parseIpRange, parsePort } from '@tulle/mesh'
import type { IpAddress, IpRange, PortMapping, Service, Workload } from '@tulle/mesh'
import { emptyMatch } from '@tulle/policy'
import type { AuthorizationPolicy, Match } from '@tulle/policy'

export function ip(text: string): IpAddress {
  return must(parseIpAddress(text))
}

export function range(text: string): IpRange {
  return must(parseIpRange(text))
}

export function ports(servicePort: number, targetPort: number): PortMapping {
  return { servicePort: must(parsePort(servicePort)), targetPort: must(parsePort(targetPort)) }
}

/** A workload of which every field that has a default has it. */
export const plainWorkload: Workload = {
  uid: 'u',
  name: 'n',
  namespace: 's',
  serviceAccount: 'default',
  trustDomain: must(parseTrustDomain('cluster.local')),
  addresses: [],
  network: '',
  tunnel: 'none',
  node: '',
  services: new Map(),
  policies: [],
  health: 'healthy',
  capacity: 1,
  kubeCluster: 'Kubernetes',
  canonicalName: '',
  canonicalRevision: '',
  workloadName: '',
  workloadType: 'deployment',
  hostname: '',
  nativeTunnel: false,
  hostNetwork: false,
}

export const plainService: Service = {
  name: 'n',
  namespace: 's',
  hostname: 'h',
  addresses: [],
  ports: [],
  subjectAltNames: [],
  ipFamilies: 'automatic',
  canonical: false,
  visibility: 'public',
  ingressUseWaypoint: false,
  weightedWaypoints: [],
}

export function policyOf(match: Partial<Match>): AuthorizationPolicy {
  return {
    name: 'p',
    namespace: 's',
    scope: 'namespace',
    action: 'allow',
    dryRun: false,
    rules: [{ clauses: [{ matches: [{ ...emptyMatch, ...match }] }] }],
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/gu, ''), 'hex'))
}
