import { spiffeId } from '@tulle/identity'
import type { Identity } from '@tulle/identity'
import type { Workload } from '@tulle/mesh'
import type { Baggage } from '@tulle/hbone'

/** One end of a connection, as metrics and logs name it. */
export interface Party {
  readonly uid: string
  readonly workload: string
  readonly namespace: string
  readonly principal: string
  readonly canonicalService: string
  readonly canonicalRevision: string
  readonly kubeCluster: string
  readonly region: string
  readonly zone: string
}

export const unknown = 'unknown'

const nobody: Party = {
  uid: '',
  workload: unknown,
  namespace: unknown,
  principal: unknown,
  canonicalService: unknown,
  canonicalRevision: unknown,
  kubeCluster: unknown,
  region: unknown,
  zone: unknown,
}

/** `identity` is the verified one; undefined where none was shown. */
export function partyOf(workload: Workload | undefined, identity: Identity | undefined): Party {
  const principal = identity === undefined ? unknown : spiffeId(identity)
  if (workload === undefined) return { ...nobody, namespace: identity?.namespace ?? unknown, principal }
  return {
    uid: workload.uid,
    workload: workload.workloadName || workload.name || unknown,
    namespace: workload.namespace,
    principal,
    canonicalService: workload.canonicalName || unknown,
    canonicalRevision: workload.canonicalRevision || unknown,
    kubeCluster: workload.kubeCluster || unknown,
    region: workload.locality?.region || unknown,
    zone: workload.locality?.zone || unknown,
  }
}

/** What a peer says of itself: good for labels, never for decisions. Its namespace is the verified one. */
export function partyFromBaggage(baggage: Baggage, identity: Identity): Party {
  return {
    uid: '',
    workload: baggage.workloadName || unknown,
    namespace: identity.namespace,
    principal: spiffeId(identity),
    canonicalService: baggage.serviceName || unknown,
    canonicalRevision: baggage.serviceVersion || unknown,
    kubeCluster: baggage.kubeCluster || unknown,
    region: baggage.region || unknown,
    zone: baggage.zone || unknown,
  }
}
