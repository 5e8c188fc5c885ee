import type { ApiCollections, Condition, WorkloadObject } from '@tulle/api'
import type { Collection, Graph, Index, Look, Singleton } from '@tulle/collections'
import { compareText } from '@tulle/core'
import { serviceKey } from '@tulle/mesh'
import type { IpAddress, PortMapping, Workload } from '@tulle/mesh'
import { addressConflict } from './address-claims.ts'
import type { AddressClaims } from './address-claims.ts'
import type { Allocations } from './allocations.ts'
import { buildWorkload } from './build-workload.ts'
import { conditionSet } from './condition-set.ts'
import type { Note } from './condition-set.ts'
import { endpointPorts } from './endpoint-ports.ts'
import { isEnrolled } from './enrolment.ts'
import { labelTopics, selects, selectorTopic } from './label-selection.ts'
import type { MeshSettings } from './mesh-settings.ts'
import { workloadAddress } from './object-address.ts'
import { namespaceObjectKey, serviceAccountObjectKey } from './object-names.ts'
import type { ServiceTranslation } from './services.ts'

/** A Workload object, read; there is a `workload` unless the conditions say why not. */
export interface WorkloadTranslation {
  readonly workload?: Workload
  /** The ports that it is known to listen on, in order: declared, or led to by a service. */
  readonly ports: readonly number[]
  readonly conditions: readonly Condition[]
}

export interface WorkloadInputs {
  readonly api: ApiCollections
  readonly allocations: Allocations
  readonly claims: AddressClaims
  readonly settings: Singleton<MeshSettings>
  /** Services that take effect, by the `selectorTopic` of theirs. */
  readonly servicesBySelector: Index<ServiceTranslation>
}

export function indexServicesBySelector(
  graph: Graph,
  translations: Collection<ServiceTranslation>,
): Index<ServiceTranslation> {
  return graph.index('services-by-selector', translations, ({ service, namespace, selector }) => {
    const topic = selectorTopic(namespace, selector)
    return service === undefined || topic === undefined ? [] : [topic]
  })
}

/** Workloads as read, keyed by `objectKey`. */
export function deriveWorkloadTranslations(
  graph: Graph,
  inputs: WorkloadInputs,
): Collection<WorkloadTranslation> {
  return graph.derive('workload-translations', inputs.api.workloads, (object, look) =>
    translateWorkload(object, look, inputs),
  )
}

/** The workloads that take effect, keyed by uid; no policy is attached to them yet. */
export function deriveWorkloads(
  graph: Graph,
  translations: Collection<WorkloadTranslation>,
): Collection<Workload> {
  return graph.deriveMany('workloads', translations, ({ workload }) =>
    workload === undefined ? [] : [[workload.uid, workload]],
  )
}

/** The ports that each workload is known to listen on, by uid. */
export function deriveWorkloadPorts(
  graph: Graph,
  translations: Collection<WorkloadTranslation>,
): Collection<readonly number[]> {
  return graph.deriveMany('workload-ports', translations, ({ workload, ports }) =>
    workload === undefined ? [] : [[workload.uid, ports]],
  )
}

export function translateWorkload(
  object: WorkloadObject,
  look: Look,
  inputs: WorkloadInputs,
): WorkloadTranslation {
  const found = workloadAddress(object, look, inputs.allocations)
  switch (found.kind) {
    case 'invalid': {
      const { message, position } = found
      return refused({ reason: 'InvalidAddress', message, position })
    }
    case 'headless':
    case 'waiting':
      return { ports: [], conditions: conditionSet({ accepted: waiting }) }
    case 'address': {
      const conflict = addressConflict(object, found.address, { look, claims: inputs.claims })
      return conflict === undefined
        ? accepted(object, found.address, { look, inputs })
        : refused(conflict, conflict)
    }
  }
}

const waiting: Note = {
  status: 'Unknown',
  reason: 'WaitingForAddress',
  message: 'no address is allotted yet',
}

interface Context {
  readonly look: Look
  readonly inputs: WorkloadInputs
}

function accepted(
  object: WorkloadObject,
  address: IpAddress,
  { look, inputs }: Context,
): WorkloadTranslation {
  const namespace = look.one(inputs.api.namespaces, namespaceObjectKey(object.metadata.namespace))
  const enrolled = isEnrolled(object, namespace)
  const workload = buildWorkload(object, {
    address,
    enrolled,
    trustDomain: look.the(inputs.settings).trustDomain,
    services: servicesOf(object, look, inputs.servicesBySelector),
  })
  const resolvedRefs = impliedAccount(object, look, inputs.api)
  const conditions =
    !enrolled && resolvedRefs === undefined
      ? onlyNotEnrolled
      : conditionSet({ accepted: enrolled ? undefined : notEnrolled, resolvedRefs })
  return { workload, ports: portsOf(object, workload), conditions }
}

function refused(note: Note, conflicted?: Note): WorkloadTranslation {
  return { ports: [], conditions: conditionSet({ accepted: { ...note, status: 'False' }, conflicted }) }
}

const notEnrolled: Note = {
  reason: 'NotEnrolled',
  message: 'no node proxy receives for it: its traffic is neither encrypted nor authorized',
}

/** Shared by all of which nothing else is to be said: where others capture the traffic, these are many. */
const onlyNotEnrolled: readonly Condition[] = conditionSet({ accepted: notEnrolled })

/** An account needs no object of its own, but a name that no object has may be misspelt. */
function impliedAccount(object: WorkloadObject, look: Look, api: ApiCollections): Note | undefined {
  const { namespace } = object.metadata
  const { serviceAccount } = object.spec
  if (serviceAccount === 'default') return undefined
  if (look.one(api.serviceAccounts, serviceAccountObjectKey(namespace, serviceAccount)) !== undefined)
    return undefined
  return {
    reason: 'ServiceAccountImplied',
    message: `there is no ServiceAccount ${namespace}/${serviceAccount}; the identity is given all the same`,
    position: object.positions.get('spec.serviceAccount'),
  }
}

function servicesOf(
  object: WorkloadObject,
  look: Look,
  servicesBySelector: Index<ServiceTranslation>,
): ReadonlyMap<string, readonly PortMapping[]> {
  const { namespace, labels } = object.metadata
  const candidates = labelTopics(namespace, labels).flatMap((topic) => look.by(servicesBySelector, topic))
  const entries = candidates.flatMap(({ service, selector, ports }) => {
    if (service === undefined || !selects(selector, labels)) return []
    const mappings = endpointPorts(ports, object.spec)
    return mappings.length === 0 ? [] : [[serviceKey(service), mappings] as const]
  })
  return new Map(entries.toSorted(([a], [b]) => compareText(a, b)))
}

function portsOf(object: WorkloadObject, workload: Workload): readonly number[] {
  const declared = object.spec.ports.map(({ port }) => port)
  const led = [...workload.services.values()].flat().map(({ targetPort }) => targetPort)
  return [...new Set([...declared, ...led])].toSorted((a, b) => a - b)
}
