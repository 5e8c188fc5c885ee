import type { Change, Collection } from '@tulle/collections'
import { assert } from '@tulle/core'
import { bucketOf, StateDigests } from '@tulle/mesh-xds'
import type { Buckets, MeshResource } from '@tulle/mesh-xds'
import { ChangeJournal } from './change-journal.ts'
import type { JournalEntry } from './change-journal.ts'
import type { InitialVersions } from './initial-versions.ts'
import { encodeResource } from './response.ts'
import { SnapshotChunks } from './snapshot-chunks.ts'
import { VersionTable } from './version-table.ts'

/** Told of each resource that it may have an interest in, before and after a change of it. */
export interface Interested {
  touched(name: string): void
}

export interface ResourceIndexOptions {
  /** Names of removed resources that are kept for peers that have not heard of it yet. */
  readonly maxRemoved?: number
}

/** How many encoded resources are kept at hand: a change goes to all peers within moments. */
const maxEncoded = 1024
/** So many names may have no place in a table of versions; beyond them a new one is cheaper. */
const maxWithoutPlace = 1000

/** A table of versions that holds all changes up to a position of the journal. */
interface TableAt {
  readonly table: VersionTable
  position: number
  /** What came or went since it was made, and so differs from what it says. */
  readonly withoutPlace: Set<string>
}

/**
 * The resources of one type as all streams see them: what there is, what changed since when, and who subscribed to
 * what by name. Peers share all of it: one that subscribes to everything is a number in the journal, whatever the
 * number of resources; and each resource is encoded once a version, whatever the number of peers.
 */
export class ResourceIndex implements Disposable {
  readonly typeUrl: string
  readonly #resources: Map<string, MeshResource> = new Map()
  /** Resource names by alias: while an address moves, two resources may claim it. */
  readonly #aliases: Map<string, string | Set<string>> = new Map()
  /** Names of the parts of a resource, by its name; also where that itself is not there. */
  readonly #parts: Map<string, Set<string>> = new Map()
  readonly #interested: Map<string, Set<Interested>> = new Map()
  readonly #journal: ChangeJournal
  readonly #snapshot: SnapshotChunks
  readonly #encoded: Map<MeshResource, Uint8Array> = new Map()
  readonly #subscription: Disposable
  /** Made when the first node brings some. */
  #digests: { readonly state: StateDigests; position: number } | undefined
  #versions: TableAt | undefined

  constructor(typeUrl: string, collection: Collection<MeshResource>, options: ResourceIndexOptions = {}) {
    this.typeUrl = typeUrl
    this.#journal = new ChangeJournal(options.maxRemoved ?? 10_000)
    this.#snapshot = new SnapshotChunks((name) => {
      const resource = this.#resources.get(name)
      return resource === undefined ? undefined : encodeResource(typeUrl, resource)
    })
    for (const [key, resource] of collection.entries()) this.#add(key, resource)
    this.#subscription = collection.subscribe((changes) => {
      for (const change of changes) this.#follow(change)
    })
  }

  get size(): number {
    return this.#resources.size
  }

  /** Where the journal ends now. */
  get position(): number {
    return this.#journal.end
  }

  get(name: string): MeshResource | undefined {
    return this.#resources.get(name)
  }

  names(): Iterable<string> {
    return this.#resources.keys()
  }

  /** Names of the resources that `nameOrAlias` stands for, and of their parts. */
  resolve(nameOrAlias: string): readonly string[] {
    const names = this.#resources.has(nameOrAlias) ? nameOrAlias : this.#aliases.get(nameOrAlias)
    if (names === undefined) return []
    const found = typeof names === 'string' ? [names] : [...names]
    return [...found, ...found.flatMap((name) => [...(this.#parts.get(name) ?? [])])]
  }

  /** Whether `holds` is true of a name or alias by which a subscriber gets this resource. */
  isReached(resource: MeshResource, holds: (nameOrAlias: string) => boolean): boolean {
    if (holds(resource.name) || resource.aliases.some(holds)) return true
    return (resource.partOf ?? []).some(
      (whole) => holds(whole) || this.#resources.get(whole)?.aliases.some(holds) === true,
    )
  }

  /** What changed since a position of the journal; undefined where that is not known any more. */
  changesSince(position: number): Iterable<JournalEntry> | undefined {
    return this.#journal.since(position)
  }

  /**
   * Names of all that a node lacks, or has and should not; among them may be some that it has right. With `within`, the
   * node brought what it has of these buckets, and the others are equal.
   */
  compare(brought: InitialVersions, onDifferent: (name: string) => void, within?: Buckets): void {
    const { table, withoutPlace } = this.#versionsNow()
    table.compare(brought, onDifferent, within)
    for (const name of withoutPlace) if (within === undefined || within.has(bucketOf(name))) onDifferent(name)
  }

  /** Where a node's state is another one than ours, by its digests; undefined where they can't be read. */
  differing(digests: string): Buckets | undefined {
    return this.#digestsNow().differing(digests)
  }

  /** The bytes of an `envoy.service.discovery.v3.Resource` as a field `resources` of a response. */
  encoded(resource: MeshResource): Uint8Array {
    const known = this.#encoded.get(resource)
    if (known !== undefined) return known
    const bytes = encodeResource(this.typeUrl, resource)
    this.#encoded.set(resource, bytes)
    for (const oldest of this.#encoded.keys()) {
      if (this.#encoded.size <= maxEncoded) break
      this.#encoded.delete(oldest)
    }
    return bytes
  }

  /** All resources, encoded as by `encoded`, in pieces that stay as they are whatever changes later. */
  snapshot(): readonly Uint8Array[] {
    return this.#snapshot.take()
  }

  /** `who` is told of changes of what this name or alias stands for. */
  watch(nameOrAlias: string, who: Interested): void {
    const present = this.#interested.get(nameOrAlias)
    if (present === undefined) this.#interested.set(nameOrAlias, new Set([who]))
    else present.add(who)
  }

  unwatch(nameOrAlias: string, who: Interested): void {
    const present = this.#interested.get(nameOrAlias)
    if (present?.delete(who) === true && present.size === 0) this.#interested.delete(nameOrAlias)
  }

  /** How many names are watched: a leak test wants zero. */
  get watchedNames(): number {
    return this.#interested.size
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }

  #versionsNow(): TableAt {
    const end = this.#journal.end
    const known = this.#versions
    const since = known && this.#journal.since(known.position)
    if (known === undefined || since === undefined || known.withoutPlace.size > maxWithoutPlace) {
      const table = new VersionTable([...this.#resources.values()])
      this.#versions = { table, position: end, withoutPlace: new Set() }
      return this.#versions
    }
    for (const { name } of since) {
      const version = this.#resources.get(name)?.version
      if (version !== undefined && known.table.replace(name, version)) known.withoutPlace.delete(name)
      else known.withoutPlace.add(name)
    }
    known.position = end
    return known
  }

  #digestsNow(): StateDigests {
    const end = this.#journal.end
    const since = this.#digests && this.#journal.since(this.#digests.position)
    if (this.#digests === undefined || since === undefined) {
      const versions = Array.from(this.#resources.values(), ({ name, version }) => [name, version] as const)
      this.#digests = { state: StateDigests.of(versions), position: end }
      return this.#digests.state
    }
    const { state } = this.#digests
    for (const { name } of since) {
      const version = this.#resources.get(name)?.version
      if (version === undefined) state.delete(name)
      else state.set(name, version)
    }
    this.#digests.position = end
    return state
  }

  #follow({ key, before, after }: Change<MeshResource>): void {
    if (before !== undefined) this.#drop(key, before)
    if (after !== undefined) this.#add(key, after)
    this.#journal.append(key, before?.version, after === undefined)
    this.#tell(key, key)
    if (before !== undefined) this.#tellBeside(before)
    if (after !== undefined) this.#tellBeside(after)
    if (!sameItems(before?.aliases, after?.aliases)) this.#tellOfParts(key, before, after)
  }

  /** Those who know it by another name than its own. */
  #tellBeside({ name, aliases, partOf = [] }: MeshResource): void {
    for (const alias of aliases) this.#tell(alias, name)
    for (const whole of partOf) {
      this.#tell(whole, name)
      for (const alias of this.#resources.get(whole)?.aliases ?? []) this.#tell(alias, name)
    }
  }

  /** Who knows it by an alias that came or went gets its parts too, or no longer does. */
  #tellOfParts(key: string, ...states: readonly (MeshResource | undefined)[]): void {
    const aliases = new Set(states.flatMap((resource) => resource?.aliases ?? []))
    for (const part of this.#parts.get(key) ?? []) for (const alias of aliases) this.#tell(alias, part)
  }

  #tell(nameOrAlias: string, name: string): void {
    for (const who of this.#interested.get(nameOrAlias) ?? []) who.touched(name)
  }

  #add(key: string, resource: MeshResource): void {
    assert(key === resource.name, `resource ${resource.name} is kept under its name, not ${key}`)
    this.#resources.set(key, resource)
    this.#snapshot.touch(key)
    for (const alias of resource.aliases) {
      const names = this.#aliases.get(alias)
      if (names === undefined) this.#aliases.set(alias, key)
      else if (typeof names === 'string') this.#aliases.set(alias, new Set([names, key]))
      else names.add(key)
    }
    for (const whole of resource.partOf ?? []) {
      const parts = this.#parts.get(whole)
      if (parts === undefined) this.#parts.set(whole, new Set([key]))
      else parts.add(key)
    }
  }

  #drop(key: string, resource: MeshResource): void {
    this.#resources.delete(key)
    this.#snapshot.remove(key)
    this.#encoded.delete(resource)
    for (const alias of resource.aliases) {
      const names = this.#aliases.get(alias)
      if (names === key) this.#aliases.delete(alias)
      else if (names instanceof Set && names.delete(key) && names.size === 0) this.#aliases.delete(alias)
    }
    for (const whole of resource.partOf ?? []) {
      const parts = this.#parts.get(whole)
      if (parts?.delete(key) === true && parts.size === 0) this.#parts.delete(whole)
    }
  }
}

function sameItems(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
