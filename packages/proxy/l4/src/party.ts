import { parseSpiffeId, spiffeId } from '@tulle/identity'
import type { Identity, SpiffeId } from '@tulle/identity'
import type { Workload } from '@tulle/mesh'
import type { Baggage } from '@tulle/hbone'

/** One end of a connection, as metrics and logs name it. The same facts give the same object. */
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

/** Parties of one thing by the identity that was proven with it; whoever proved none is under `nobody`. */
type Known = WeakMap<object, WeakMap<object, Party>>

const ofWorkloads: Known = new WeakMap()
const ofBaggage: Known = new WeakMap()
const ofNothing: WeakMap<object, Party> = new WeakMap([[nobody, nobody]])

/** `identity` is the verified one; undefined where none was shown. */
export function partyOf(workload: Workload | undefined, identity: Identity | undefined): Party {
  if (workload === undefined) return known(ofNothing, identity, () => stranger(identity))
  return known(partiesOf(ofWorkloads, workload), identity, () => workloadParty(workload, identity))
}

/** What a peer says of itself: good for labels, never for decisions. Its namespace is the verified one. */
export function partyFromBaggage(baggage: Baggage, identity: Identity): Party {
  return known(partiesOf(ofBaggage, baggage), identity, () => ({
    uid: '',
    workload: baggage.workloadName || unknown,
    namespace: identity.namespace,
    principal: spiffeId(identity),
    canonicalService: baggage.serviceName || unknown,
    canonicalRevision: baggage.serviceVersion || unknown,
    kubeCluster: baggage.kubeCluster || unknown,
    region: baggage.region || unknown,
    zone: baggage.zone || unknown,
  }))
}

const identities: Map<SpiffeId, Identity> = new Map()
const maxIdentities = 4096

/** Read once: a few identities are behind all connections. Undefined for what is none. */
export function identityFromId(id: SpiffeId): Identity | undefined {
  const before = identities.get(id)
  if (before !== undefined) return before
  const parsed = parseSpiffeId(id)
  if (!parsed.ok) return undefined
  if (identities.size >= maxIdentities) identities.clear()
  identities.set(id, parsed.value)
  return parsed.value
}

function partiesOf(all: Known, of: object): WeakMap<object, Party> {
  let parties = all.get(of)
  if (parties === undefined) {
    parties = new WeakMap()
    all.set(of, parties)
  }
  return parties
}

function known(parties: WeakMap<object, Party>, identity: Identity | undefined, make: () => Party): Party {
  const key = identity ?? nobody
  let party = parties.get(key)
  if (party === undefined) {
    party = make()
    parties.set(key, party)
  }
  return party
}

function stranger(identity: Identity | undefined): Party {
  if (identity === undefined) return nobody
  return { ...nobody, namespace: identity.namespace, principal: spiffeId(identity) }
}

function workloadParty(workload: Workload, identity: Identity | undefined): Party {
  return {
    uid: workload.uid,
    workload: workload.workloadName || workload.name || unknown,
    namespace: workload.namespace,
    principal: identity === undefined ? unknown : spiffeId(identity),
    canonicalService: workload.canonicalName || unknown,
    canonicalRevision: workload.canonicalRevision || unknown,
    kubeCluster: workload.kubeCluster || unknown,
    region: workload.locality?.region || unknown,
    zone: workload.locality?.zone || unknown,
  }
}
