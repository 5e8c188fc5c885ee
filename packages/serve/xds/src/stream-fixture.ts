import { fromBinary } from '@bufbuild/protobuf'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import { parseDigestMark } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import { DeltaDiscoveryResponseSchema } from '@tulle/proto'
import { AdsStream } from './ads-stream.ts'
import type { StreamRequest } from './ads-stream.ts'
import { InitialVersions } from './initial-versions.ts'
import { ResourceIndex } from './resource-index.ts'

export const policyType = 'type.googleapis.com/istio.security.Authorization'
export const addressType = 'type.googleapis.com/istio.workload.Address'
const shortNames: Readonly<Record<string, string>> = { [policyType]: 'policies', [addressType]: 'addresses' }

/** `w1@2` is the resource w1 in version 2; `w1@2=net/10.0.0.1` has an alias, `w1@2<s1` is a part of s1. */
export function resource(text: string): MeshResource {
  const [rest = '', whole] = text.split('<')
  const [id = '', alias] = rest.split('=')
  const [name = '', version = ''] = id.split('@')
  const made = { name, version, aliases: alias === undefined ? [] : [alias], bytes: Buffer.from(text) }
  return whole === undefined ? made : { ...made, partOf: [whole] }
}

/** A stream without a socket: what is sent is written down as one line a response, `?` for a question. */
export class StreamFixture {
  readonly graph: Graph = createGraph()
  readonly policies: Source<MeshResource> = this.graph.source<MeshResource>('policies')
  readonly addresses: Source<MeshResource> = this.graph.source<MeshResource>('addresses')
  readonly trace: string[] = []
  /** What each response said of digests. */
  readonly marks: string[] = []
  readonly stream: AdsStream
  #lastNonce: { readonly typeUrl: string; readonly nonce: string } = { typeUrl: '', nonce: '' }

  constructor(maxResponseBytes: number = 1 << 20) {
    const indexes = [
      new ResourceIndex(policyType, this.policies),
      new ResourceIndex(addressType, this.addresses),
    ]
    this.stream = new AdsStream(indexes, {
      limits: { maxResponseBytes, maxNames: 20, maxNameChars: 30 },
      revision: () => this.graph.revision,
      send: (typeUrl, message) => this.#sent(typeUrl, message),
      onProgress: () => undefined,
      onRejected: () => undefined,
      onLost: (reason) => this.trace.push(`lost: ${reason}`),
    })
  }

  /** One transaction: `+w1@1` sets an address, `-w1` takes it away; with `policy:` before it, a policy. */
  change(...steps: readonly string[]): this {
    this.graph.transaction(() => {
      for (const step of steps) {
        const isPolicy = step.startsWith('policy:')
        const text = isPolicy ? step.slice('policy:'.length) : step
        const collection = isPolicy ? this.policies : this.addresses
        if (text.startsWith('-')) collection.delete(text.slice(1))
        else collection.set(resource(text.slice(1)).name, resource(text.slice(1)))
      }
    })
    this.stream.pump()
    return this
  }

  request(typeUrl: string, request: Partial<StreamRequest> = {}): this {
    const accepted = this.stream.receive({
      typeUrl,
      nonce: '',
      error: undefined,
      subscribe: [],
      unsubscribe: [],
      initialVersions: InitialVersions.none,
      ...request,
    })
    if (!accepted.ok) this.trace.push(`refused: ${accepted.error}`)
    this.stream.pump()
    return this
  }

  /** Answers the last response; with a text it is a refusal. */
  ack(error?: string): this {
    const { typeUrl, nonce } = this.#lastNonce
    return this.request(typeUrl, { nonce, error })
  }

  /** Answers the last response, which asked for versions. */
  tell(versions: Readonly<Record<string, string>>): this {
    const { typeUrl, nonce } = this.#lastNonce
    return this.request(typeUrl, { nonce, initialVersions: InitialVersions.of(Object.entries(versions)) })
  }

  /** What was sent since the last look. */
  sent(): readonly string[] {
    return this.trace.splice(0)
  }

  #sent(typeUrl: string, message: readonly Uint8Array[]): void {
    const response = fromBinary(DeltaDiscoveryResponseSchema, Buffer.concat(message))
    this.#lastNonce = { typeUrl, nonce: response.nonce }
    const names = [
      ...response.resources.map(({ name, version }) => `+${name}@${version}`),
      ...response.removedResources.map((name) => `-${name}`),
    ]
    const mark = parseDigestMark(response.controlPlane?.identifier)
    this.marks.push(mark?.kind ?? '')
    const end = mark?.kind === 'tell' ? '?' : ':'
    this.trace.push(`${response.systemVersionInfo} ${shortNames[typeUrl]}${end} ${names.join(' ')}`.trim())
  }
}
