import { formatDigestMark, MessageWriter } from '@tulle/mesh-xds'
import type { DigestMark, MeshResource } from '@tulle/mesh-xds'
import type { ResourceIndex } from './resource-index.ts'

/** What goes into one response; the values are those of one revision. */
export interface Payload {
  readonly upserts: readonly MeshResource[]
  readonly removed: readonly string[]
  /** All resources of the type, encoded; shared by everybody who gets them, and beside no `upserts`. */
  readonly everything?: readonly Uint8Array[]
}

export interface ResponseHead {
  /** What state it is of; nodes compare it with the one they have. */
  readonly version: string
  readonly nonce: string
  /** What is said of digests with it. */
  readonly mark?: DigestMark | undefined
}

/**
 * The bytes of a DeltaDiscoveryResponse, in parts: resources that are encoded already stand in it as they are. With a
 * thousand nodes the same resource is sent a thousand times, but never built twice.
 * @see envoy/service/discovery/v3/discovery.proto
 */
export function encodeResponse(
  index: ResourceIndex,
  head: ResponseHead,
  payload: Payload,
): readonly Uint8Array[] {
  // Fields may come in any order.
  const parts: Uint8Array[] = [headWriter.write(() => writeHead(index.typeUrl, head, payload.removed))]
  for (const resource of payload.upserts) parts.push(index.encoded(resource))
  return payload.everything === undefined ? parts : [...parts, ...payload.everything]
}

const headWriter: MessageWriter = new MessageWriter()

function writeHead(
  typeUrl: string,
  { version, nonce, mark }: ResponseHead,
  removed: readonly string[],
): void {
  headWriter.anyText(1, version)
  headWriter.anyText(4, typeUrl)
  headWriter.anyText(5, nonce)
  // envoy.config.core.v3.ControlPlane: identifier 1.
  if (mark !== undefined) headWriter.message(7, () => headWriter.anyText(1, formatDigestMark(mark)))
  for (const name of removed) headWriter.anyText(6, name)
}

/** An `envoy.service.discovery.v3.Resource` as a field `resources` of a response. */
export function encodeResource(typeUrl: string, resource: MeshResource): Uint8Array<ArrayBuffer> {
  return resourceWriter.write(() => resourceWriter.message(2, () => writeResource(typeUrl, resource)))
}

const resourceWriter: MessageWriter = new MessageWriter()

function writeResource(typeUrl: string, { name, version, aliases, bytes }: MeshResource): void {
  resourceWriter.anyText(1, version)
  resourceWriter.message(2, () => {
    resourceWriter.anyText(1, typeUrl)
    resourceWriter.bytes(2, bytes)
  })
  resourceWriter.anyText(3, name)
  for (const alias of aliases) resourceWriter.anyText(4, alias)
}

/** Cuts a payload into pieces of about `maxBytes`; a single larger resource travels alone. Never empty. */
export function splitPayload(index: ResourceIndex, payload: Payload, maxBytes: number): readonly Payload[] {
  if (payload.everything !== undefined) return [payload]
  const pieces: Payload[] = []
  let upserts: MeshResource[] = []
  let removed: string[] = []
  let sizeBytes = 0
  const room = (bytes: number): void => {
    if (sizeBytes > 0 && sizeBytes + bytes > maxBytes) {
      pieces.push({ upserts, removed })
      upserts = []
      removed = []
      sizeBytes = 0
    }
    sizeBytes += bytes
  }
  for (const resource of payload.upserts) {
    room(index.encoded(resource).length)
    upserts.push(resource)
  }
  for (const name of payload.removed) {
    room(name.length)
    removed.push(name)
  }
  pieces.push({ upserts, removed })
  return pieces
}
