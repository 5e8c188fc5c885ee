import { create } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { bucketOf, digestsKey, minDigestedNames, StateDigests } from '@tulle/mesh-xds'
import type { Buckets, DigestMark, MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import { DeltaDiscoveryRequestSchema } from '@tulle/proto'
import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse, NodeSchema } from '@tulle/proto'
import type { AdsNode, RejectedResource } from './ads-types.ts'

/** google.rpc.Code; ztunnel's text is what counts. */
const invalidArgument = 3
const maxReasonChars = 500
const maxErrorChars = 1 << 20

/** What the control plane has said that it can do: one for all types, kept from stream to stream. */
export interface ControlSkills {
  /** It takes digests instead of versions. */
  takesDigests: boolean
}

/** Nothing is on demand, optional, or known of the control plane where absent. */
export interface TypeOptions {
  readonly onDemand?: boolean
  readonly optional?: boolean
  readonly skills?: ControlSkills
}

/** What this proxy has applied of one type; outlives the streams. */
export class TypeState {
  readonly typeUrl: string
  readonly onDemand: boolean
  /** Whether a control plane may not know it. */
  readonly optional: boolean
  /** Whether a full state was applied since the start. */
  synced: boolean = false
  /** Names asked for, of a type on demand. */
  readonly demanded: Set<string> = new Set()
  readonly #skills: ControlSkills
  readonly #versions: Map<string, string> = new Map()
  /** Names that were refused: what the data plane does about them lasts until they are taken or removed. */
  readonly #refused: Set<string> = new Set()
  /** Digests went with the first request of this stream, and nothing has been said of them yet. */
  #brought: boolean = false

  constructor(typeUrl: string, options: TypeOptions = {}) {
    this.typeUrl = typeUrl
    this.#skills = options.skills ?? { takesDigests: false }
    this.onDemand = options.onDemand ?? false
    this.optional = options.optional ?? false
  }

  /** How many names are refused now. */
  get refused(): number {
    return this.#refused.size
  }

  /**
   * The first request of a stream: what is known already comes along, so that only differences travel back; as digests
   * where the control plane takes them.
   * Subscribing to `*` and dropping it in one request is the field's way to say "nothing yet".
   */
  firstRequest(node: AdsNode): DeltaDiscoveryRequest {
    const isLarge = this.#versions.size + this.#refused.size >= minDigestedNames
    this.#brought = this.#skills.takesDigests && isLarge && !this.onDemand
    const digests = this.#brought ? { [digestsKey]: StateDigests.of(this.known()).toText() } : {}
    return create(DeltaDiscoveryRequestSchema, {
      node: nodeMessage(node, digests),
      typeUrl: this.typeUrl,
      resourceNamesSubscribe: this.onDemand ? ['*', ...this.demanded] : [],
      resourceNamesUnsubscribe: this.onDemand ? ['*'] : [],
      initialResourceVersions: this.#brought ? {} : Object.fromEntries(this.known()),
    })
  }

  /**
   * The buckets whose versions the control plane wants to be told, where that is what a response is about. Throws an
   * Error where digests were brought and not understood: what comes then is everything, and no removal.
   */
  asksFor(mark: DigestMark | undefined): Buckets | undefined {
    const wereBrought = this.#brought
    this.#brought = false
    if (mark?.kind === 'tell' && !wereBrought)
      throw new Error('the control plane asks for versions, but was brought no digests')
    if (wereBrought && mark?.kind !== 'tell' && mark?.kind !== 'resumed') {
      this.#skills.takesDigests = false
      throw new Error('the control plane takes no digests any more, and is told all versions')
    }
    if (mark !== undefined) this.#skills.takesDigests = true
    return mark?.kind === 'tell' ? mark.buckets : undefined
  }

  /** The answer to such a response. */
  told(response: DeltaDiscoveryResponse, buckets: Buckets): DeltaDiscoveryRequest {
    const versions = [...this.known()].filter(([name]) => buckets.has(bucketOf(name)))
    return create(DeltaDiscoveryRequestSchema, {
      typeUrl: this.typeUrl,
      responseNonce: response.nonce,
      initialResourceVersions: Object.fromEntries(versions),
    })
  }

  /** What of a response is news, and what of it is malformed. On demand, an answer is news also when unchanged. */
  read(response: DeltaDiscoveryResponse): {
    readonly update: ResourceUpdate
    readonly rejected: readonly RejectedResource[]
  } {
    const upserts: MeshResource[] = []
    const rejected: RejectedResource[] = []
    for (const { name, version, aliases, resource } of response.resources) {
      if (resource === undefined || resource.typeUrl !== this.typeUrl) {
        rejected.push({ name, reason: `expected a resource of type ${this.typeUrl}` })
        // Nothing can be read in no bytes: where that is a policy, it closes whom it was meant for.
        upserts.push({ name, version, aliases: [], bytes: new Uint8Array() })
      } else if (this.onDemand || this.#versions.get(name) !== version) {
        upserts.push({ name, version, aliases, bytes: resource.value })
      }
    }
    const removed = this.onDemand
      ? response.removedResources
      : response.removedResources.filter((name) => this.#versions.has(name) || this.#refused.has(name))
    return { update: { typeUrl: this.typeUrl, upserts, removed }, rejected }
  }

  /** What is in force and came before this stream, or before this process. */
  knows(update: ResourceUpdate, rejected: readonly RejectedResource[]): void {
    const { synced } = this
    this.applied(update, rejected)
    this.synced = synced
  }

  /** Rejected names are not known: they come again with the next stream, or their removal does. */
  applied(update: ResourceUpdate, rejected: readonly RejectedResource[]): void {
    for (const { name, version } of update.upserts) {
      this.#versions.set(name, version)
      this.#refused.delete(name)
    }
    for (const name of update.removed) {
      this.#versions.delete(name)
      this.#refused.delete(name)
    }
    for (const { name } of rejected) {
      this.#versions.delete(name)
      this.#refused.add(name)
    }
    this.synced = true
  }

  /** What was refused has no version, so that it comes again, or its removal does. */
  *known(): Generator<readonly [name: string, version: string]> {
    yield* this.#versions
    for (const name of this.#refused) yield [name, '']
  }
}

/** The answer to a response: with its nonce, and with what could not be applied, in ztunnel's form. */
export function acknowledgement(
  response: DeltaDiscoveryResponse,
  rejected: readonly RejectedResource[],
): DeltaDiscoveryRequest {
  const { typeUrl, nonce: responseNonce } = response
  if (rejected.length === 0) return create(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce })
  const message = describeRejections(rejected)
  return create(DeltaDiscoveryRequestSchema, {
    typeUrl,
    responseNonce,
    errorDetail: { code: invalidArgument, message },
  })
}

/** A message that is too long for the control plane would end the stream, again and again. */
function describeRejections(rejected: readonly RejectedResource[]): string {
  let text = ''
  for (const [i, { name, reason }] of rejected.entries()) {
    const part = `${i === 0 ? '' : '; '}${name}: ${reason.slice(0, maxReasonChars)}`
    if (text.length + part.length > maxErrorChars) return `${text}; and ${rejected.length - i} more`
    text += part
  }
  return text
}

export function demandRequest(typeUrl: string, name: string): DeltaDiscoveryRequest {
  return create(DeltaDiscoveryRequestSchema, { typeUrl, resourceNamesSubscribe: [name] })
}

export function releaseRequest(typeUrl: string, name: string): DeltaDiscoveryRequest {
  return create(DeltaDiscoveryRequestSchema, { typeUrl, resourceNamesUnsubscribe: [name] })
}

function nodeMessage(
  node: AdsNode,
  digests: Readonly<Record<string, string>>,
): MessageInitShape<typeof NodeSchema> {
  const podName = node.podName ?? node.name
  const podNamespace = node.podNamespace ?? 'tulle-system'
  const addresses = node.addresses ?? []
  const id = `ztunnel~${addresses[0] ?? '127.0.0.1'}~${podName}.${podNamespace}~${podNamespace}.svc.cluster.local`
  return {
    id: node.id ?? id,
    metadata: {
      ...node.metadata,
      NAME: podName,
      NAMESPACE: podNamespace,
      INSTANCE_IPS: addresses.join(','),
      NODE_NAME: node.name,
      ...digests,
    },
  }
}
