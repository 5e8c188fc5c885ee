import type { WorkloadObject } from '@tulle/api'
import type { TrustDomain } from '@tulle/identity'
import type { IpAddress, PortMapping, Workload } from '@tulle/mesh'

/** What a workload is beyond its own object. */
export interface WorkloadFacts {
  readonly address: IpAddress
  readonly enrolled: boolean
  readonly trustDomain: TrustDomain
  readonly services: ReadonlyMap<string, readonly PortMapping[]>
}

/** The node of workloads that name none: one machine needs no names. */
const defaultNode = 'local'

/** The uid of a Workload object: stays the same as long as its name does. */
export function workloadUid(namespace: string, name: string): string {
  return `tulle//Workload/${namespace}/${name}`
}

export function buildWorkload(object: WorkloadObject, facts: WorkloadFacts): Workload {
  const { name, namespace, labels } = object.metadata
  const { spec } = object
  return {
    uid: workloadUid(namespace, name),
    name,
    namespace,
    serviceAccount: spec.serviceAccount,
    trustDomain: facts.trustDomain,
    addresses: [facts.address],
    network: '',
    tunnel: facts.enrolled ? 'hbone' : 'none',
    node: spec.node ?? defaultNode,
    services: facts.services,
    policies: [],
    health: 'healthy',
    capacity: spec.capacity,
    kubeCluster: 'Kubernetes',
    canonicalName: firstLabel(labels, canonicalNameLabels) ?? name,
    canonicalRevision: firstLabel(labels, revisionLabels) ?? 'latest',
    workloadName: name,
    workloadType: 'pod',
    hostname: '',
    nativeTunnel: false,
    hostNetwork: false,
    ...localityOf(spec.locality),
  }
}

/** In Istio's order, so that metrics join up with Istio's. */
const canonicalNameLabels = ['service.istio.io/canonical-name', 'app.kubernetes.io/name', 'app']
const revisionLabels = ['service.istio.io/canonical-revision', 'app.kubernetes.io/version', 'version']

function firstLabel(labels: Readonly<Record<string, string>>, names: readonly string[]): string | undefined {
  for (const name of names) if (Object.hasOwn(labels, name)) return labels[name]
  return undefined
}

function localityOf(locality: WorkloadObject['spec']['locality']): Pick<Workload, 'locality'> {
  if (locality === undefined) return {}
  const { region = '', zone = '', subzone = '' } = locality
  return { locality: { region, zone, subzone } }
}
