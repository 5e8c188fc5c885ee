import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import { must } from '@tulle/core'
import { addressType, authorizationType, digestsKey, parseDigestMark } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from '@tulle/proto'
import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '@tulle/proto'
import { acknowledgement, TypeState } from '../../packages/proxy/control-client/src/ads-state.ts'
import { readAdsRequest } from '../../packages/serve/xds/src/ads-request.ts'
import { AdsStream } from '../../packages/serve/xds/src/ads-stream.ts'
import { ResourceIndex } from '../../packages/serve/xds/src/resource-index.ts'

/** How a control plane takes digests: as ours does, not at all, or garbled on the way. */
export type Skill = 'ours' | 'without' | 'garbled'

export const types: readonly string[] = [authorizationType, addressType]

/** A control plane's state, which outlives its processes: name and version of each resource, by type. */
export class Mesh {
  readonly #states: ReadonlyMap<string, Map<string, string>> = new Map(
    types.map((type) => [type, new Map<string, string>()]),
  )
  #process: ControlProcess = new ControlProcess(this)

  state(type: string): Map<string, string> {
    return this.#states.get(type) ?? new Map<string, string>()
  }

  change(type: string, name: string, version: string | undefined): void {
    if (version === undefined) this.state(type).delete(name)
    else this.state(type).set(name, version)
    this.#process.change(type, name, version)
  }

  /** Another process, which knows nothing of the one before. */
  restart(): void {
    this.#process = new ControlProcess(this)
  }

  stream(send: (message: Uint8Array) => void): AdsStream {
    return this.#process.stream(send)
  }
}

class ControlProcess {
  readonly #graph: Graph = createGraph()
  readonly #sources: ReadonlyMap<string, Source<MeshResource>>
  readonly #indexes: readonly ResourceIndex[]

  constructor(mesh: Mesh) {
    const sources = types.map((type) => [type, this.#graph.source<MeshResource>(type)] as const)
    this.#sources = new Map(sources)
    this.#graph.transaction(() => {
      for (const [type, source] of sources)
        for (const [name, version] of mesh.state(type)) source.set(name, resource(name, version))
    })
    this.#indexes = sources.map(([type, source]) => new ResourceIndex(type, source))
  }

  change(type: string, name: string, version: string | undefined): void {
    const source = this.#sources.get(type)
    this.#graph.transaction(() => {
      if (version === undefined) source?.delete(name)
      else source?.set(name, resource(name, version))
    })
  }

  stream(send: (message: Uint8Array) => void): AdsStream {
    return new AdsStream(this.#indexes, {
      limits: { maxResponseBytes: 300, maxNames: 5000, maxNameChars: 30 },
      revision: () => this.#graph.revision,
      send: (_, parts) => send(Buffer.concat(parts)),
      onProgress: () => undefined,
      onRejected: () => undefined,
      onLost: (reason) => {
        throw new Error(reason)
      },
    })
  }
}

function resource(name: string, version: string): MeshResource {
  return { name, version, aliases: [], bytes: Buffer.from(version) }
}

/** A node: the client's own state, and what it has in force. Messages cross as bytes, when they are delivered. */
export class Node {
  readonly inForce: ReadonlyMap<string, Map<string, string>> = new Map(
    types.map((type) => [type, new Map<string, string>()]),
  )
  /** Bytes of requests since it was made. */
  sentBytes: number = 0
  /** Streams that it ended because its digests were not understood. */
  fallBacks: number = 0
  readonly #refuses: (name: string, version: string) => boolean
  readonly #states: ReadonlyMap<string, TypeState>
  #stream: AdsStream | undefined
  #skill: Skill = 'ours'
  #waiting: Uint8Array[] = []

  constructor(refuses: (name: string, version: string) => boolean) {
    this.#refuses = refuses
    const skills = { takesDigests: false }
    this.#states = new Map(types.map((type) => [type, new TypeState(type, { skills })]))
  }

  /** What it would say that it has. */
  said(type: string): ReadonlyMap<string, string> {
    return new Map(this.#states.get(type)?.known())
  }

  /** A new stream; what was under way on the old one is lost. */
  connect(mesh: Mesh, skill: Skill = 'ours'): void {
    this.#stream?.end()
    this.#skill = skill
    const waiting: Uint8Array[] = []
    this.#waiting = waiting
    this.#stream = mesh.stream((message) => waiting.push(message))
    for (const state of this.#states.values()) this.#send(state.firstRequest({ name: 'n1' }))
  }

  /** Takes the next response, if there is one; ends the stream and opens another where it can't go on. */
  deliver(mesh: Mesh): boolean {
    // As the server does it after each change.
    this.#stream?.pump()
    const message = this.#waiting.shift()
    if (message === undefined) return false
    const response = fromBinary(DeltaDiscoveryResponseSchema, message)
    if (this.#skill === 'without') delete response.controlPlane
    try {
      this.#receive(response)
    } catch {
      this.fallBacks++
      this.connect(mesh, this.#skill)
    }
    return true
  }

  /** As the client's `#receive` has it. */
  #receive(response: DeltaDiscoveryResponse): void {
    const type = this.#states.get(response.typeUrl)
    if (type === undefined) return
    const buckets = type.asksFor(parseDigestMark(response.controlPlane?.identifier))
    if (buckets !== undefined) return this.#send(type.told(response, buckets))
    const { update } = type.read(response)
    const inForce = this.inForce.get(update.typeUrl)
    const rejected: { readonly name: string; readonly reason: string }[] = []
    for (const { name, version } of update.upserts) {
      inForce?.set(name, version)
      if (this.#refuses(name, version)) rejected.push({ name, reason: 'no' })
    }
    for (const { name } of rejected) inForce?.delete(name)
    for (const name of update.removed) inForce?.delete(name)
    type.applied(update, rejected)
    this.#send(acknowledgement(response, rejected))
  }

  #send(request: DeltaDiscoveryRequest): void {
    const metadata = request.node?.metadata
    if (this.#skill === 'without' && metadata !== undefined) delete metadata[digestsKey]
    if (this.#skill === 'garbled' && metadata?.[digestsKey] !== undefined)
      metadata[digestsKey] = 'none of these'
    const bytes = toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request))
    this.sentBytes += bytes.length
    must(this.#stream?.receive(must(readAdsRequest(bytes))) ?? { ok: true, value: undefined })
    this.#stream?.pump()
  }
}
