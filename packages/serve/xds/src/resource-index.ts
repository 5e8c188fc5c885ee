import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Change, Collection } from '@tulle/collections'
import { assert } from '@tulle/core'
import type { MeshResource } from '@tulle/mesh-xds'

/**
 * The resources of one type, found by name or alias. Each is encoded once a version, whatever the number of
 * nodes that get it.
 */
export class ResourceIndex implements Disposable {
  readonly typeUrl: string
  readonly collection: Collection<MeshResource>
  /** Resource names by alias: while an address moves, two resources may claim it. */
  readonly #aliases: Map<string, Set<string>> = new Map()
  readonly #encoded: WeakMap<MeshResource, Uint8Array> = new WeakMap()
  readonly #subscription: Disposable

  constructor(typeUrl: string, collection: Collection<MeshResource>) {
    this.typeUrl = typeUrl
    this.collection = collection
    for (const [key, resource] of collection.entries()) this.#add(key, resource)
    this.#subscription = collection.subscribe((changes) => {
      for (const change of changes) this.#follow(change)
    })
  }

  get(name: string): MeshResource | undefined {
    return this.collection.get(name)
  }

  /** Names of the resources that `nameOrAlias` stands for. */
  resolve(nameOrAlias: string): readonly string[] {
    if (this.collection.get(nameOrAlias) !== undefined) return [nameOrAlias]
    return [...(this.#aliases.get(nameOrAlias) ?? [])]
  }

  /** The bytes of an `envoy.service.discovery.v3.Resource` as a field `resources` of a response. */
  encoded(resource: MeshResource): Uint8Array {
    const known = this.#encoded.get(resource)
    if (known !== undefined) return known
    const bytes = encodeResource(this.typeUrl, resource)
    this.#encoded.set(resource, bytes)
    return bytes
  }

  #follow(change: Change<MeshResource>): void {
    if (change.before !== undefined) this.#drop(change.key, change.before)
    if (change.after !== undefined) this.#add(change.key, change.after)
  }

  #add(key: string, resource: MeshResource): void {
    assert(key === resource.name, `resource ${resource.name} is kept under its name, not ${key}`)
    for (const alias of resource.aliases) {
      const names = this.#aliases.get(alias)
      if (names === undefined) this.#aliases.set(alias, new Set([key]))
      else names.add(key)
    }
  }

  #drop(key: string, resource: MeshResource): void {
    for (const alias of resource.aliases) {
      const names = this.#aliases.get(alias)
      names?.delete(key)
      if (names?.size === 0) this.#aliases.delete(alias)
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }
}

function encodeResource(typeUrl: string, resource: MeshResource): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter()
  writer.tag(2, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.LengthDelimited).string(resource.version)
  writer.tag(2, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.LengthDelimited).string(typeUrl)
  writer.tag(2, WireType.LengthDelimited).bytes(resource.bytes)
  writer.join()
  writer.tag(3, WireType.LengthDelimited).string(resource.name)
  for (const alias of resource.aliases) writer.tag(4, WireType.LengthDelimited).string(alias)
  writer.join()
  return writer.finish()
}
