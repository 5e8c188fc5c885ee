import { create } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import { DeltaDiscoveryRequestSchema } from '@tulle/proto'
import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse, NodeSchema } from '@tulle/proto'
import type { AdsNode, RejectedResource } from './ads-types.ts'

/** google.rpc.Code; ztunnel's text is what counts. */
const invalidArgument = 3
const maxReasonChars = 500
const maxErrorChars = 1 << 20

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
  readonly #versions: Map<string, string> = new Map()
  /** Names that were refused: what the data plane does about them lasts until they are taken or removed. */
  readonly #refused: Set<string> = new Set()

  constructor(typeUrl: string, options: { readonly onDemand?: boolean; readonly optional?: boolean } = {}) {
    this.typeUrl = typeUrl
    this.onDemand = options.onDemand ?? false
    this.optional = options.optional ?? false
  }

  /** How many names are refused now. */
  get refused(): number {
    return this.#refused.size
  }

  /**
   * The first request of a stream: what is known already comes along, so that only differences travel back. What
   * was refused comes along without a version, so that it comes again, or its removal does.
   * Subscribing to `*` and dropping it in one request is the field's way to say "nothing yet".
   */
  firstRequest(node: AdsNode): DeltaDiscoveryRequest {
    return create(DeltaDiscoveryRequestSchema, {
      node: nodeMessage(node),
      typeUrl: this.typeUrl,
      resourceNamesSubscribe: this.onDemand ? ['*', ...this.demanded] : [],
      resourceNamesUnsubscribe: this.onDemand ? ['*'] : [],
      initialResourceVersions: Object.fromEntries([
        ...this.#versions,
        ...[...this.#refused].map((name) => [name, ''] as const),
      ]),
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

function nodeMessage(node: AdsNode): MessageInitShape<typeof NodeSchema> {
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
    },
  }
}
