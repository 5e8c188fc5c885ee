import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { Buckets, MeshResource } from '@tulle/mesh-xds'
import type { InitialVersions } from './initial-versions.ts'
import { maxRejected } from './nack.ts'
import type { SentResources } from './nack.ts'
import type { RejectedResource } from './receipt-types.ts'
import type { Interested, ResourceIndex } from './resource-index.ts'
import type { Payload } from './response.ts'

/** What a request says about a subscription; the fields of DeltaDiscoveryRequest that matter for it. */
export interface SubscriptionRequest {
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
  /** What the node has from an earlier stream. */
  readonly initialVersions: InitialVersions
  /** Instead of all versions: the text of its state's digests. */
  readonly digests?: string | undefined
}

export interface SubscriptionLimits {
  /** Names that a node may subscribe to one by one, a type. */
  readonly maxNames: number
  readonly maxNameChars: number
}

interface Draft {
  readonly upserts: Map<string, MeshResource>
  readonly removed: Set<string>
}

/**
 * What one node wants of one type, and what of it still has to travel. Only names wait: the value is read when
 * a response is made, so a slow node gets the newest one, and what waits is bounded by what it asked for.
 *
 * A node that subscribes to everything costs no memory for what it has, nor for what waits for it: both are a position
 * in the journal of all changes. One that subscribes by name has its versions kept.
 */
export class Subscription implements Interested {
  readonly index: ResourceIndex
  readonly #limits: SubscriptionLimits
  #started: boolean = false
  #all: boolean = false
  /** While subscribed to everything: what the node was sent holds everything up to here. */
  #position: number = 0
  /** While subscribed to everything: all of it has to travel. */
  #everythingDue: boolean = false
  readonly #names: Set<string> = new Set()
  /** Versions at the node, by resource name; only while subscribed by name. */
  readonly #held: Map<string, string> = new Map()
  /** Resources to look at again, whatever the journal says. */
  readonly #pending: Set<string> = new Set()
  /** Names to answer in any case, also when nothing is there. */
  readonly #asked: Set<string> = new Set()
  readonly #rejected: Map<string, RejectedResource> = new Map()
  /** Where a node that brought digests has something else: nothing is sent before it told its versions there. */
  #untold: Buckets | undefined
  #resumed: boolean = false
  /** The first request is answered in any case: a node holds its listeners shut until then. */
  #answerDue: boolean = false

  constructor(index: ResourceIndex, limits: SubscriptionLimits) {
    this.index = index
    this.#limits = limits
  }

  get mode(): 'all' | 'on-demand' {
    return this.#all ? 'all' : 'on-demand'
  }

  /** Buckets of which the node has to tell its versions first; undefined where it has not. */
  get untold(): Buckets | undefined {
    return this.#untold
  }

  /** Whether the node's digests were understood, so that its first answer is about what differs from them. */
  get resumed(): boolean {
    return this.#resumed
  }

  get rejected(): readonly RejectedResource[] {
    return this.#rejected.size === 0 ? [] : [...this.#rejected.values()]
  }

  get hasRejected(): boolean {
    return this.#rejected.size > 0
  }

  /** Whether a response may have to be made. */
  get due(): boolean {
    if (this.#answerDue || this.#everythingDue || this.#pending.size > 0 || this.#asked.size > 0) return true
    return this.#all && this.#position !== this.index.position
  }

  /** Takes over what a request says; the error is for the peer. */
  request(request: SubscriptionRequest): Result<void> {
    const problem = this.#problemOf(request)
    if (problem !== undefined) return err(problem)
    const { subscribe, unsubscribe } = request
    const first = !this.#started
    this.#started = true
    const wasAll = this.#all
    // No names in the first request means everything. `*` both subscribed and unsubscribed means nothing yet.
    if (first && subscribe.length === 0 && unsubscribe.length === 0) this.#all = true
    if (subscribe.includes('*')) this.#all = true
    if (unsubscribe.includes('*')) this.#all = false
    if (!first && this.#all !== wasAll) this.#switchMode()
    for (const name of subscribe) if (name !== '*') this.#ask(name)
    if (first) this.#begin(request)
    for (const name of unsubscribe) if (name !== '*') this.#forget(name)
    return ok(undefined)
  }

  /** What the node has in the buckets it was asked for. The error is for the peer. */
  told(versions: InitialVersions): Result<void> {
    const problem = this.#problemOf({ subscribe: [], unsubscribe: [], initialVersions: versions })
    if (problem !== undefined) return err(problem)
    if (this.#untold !== undefined)
      this.index.compare(versions, (name) => this.#pending.add(name), this.#untold)
    this.#untold = undefined
    return ok(undefined)
  }

  /** A resource under one of the names changed. */
  touched(name: string): void {
    if (!this.#all) this.#pending.add(name)
  }

  /** Ends it: nobody is told of anything any more. */
  end(): void {
    for (const name of this.#names) this.index.unwatch(name, this)
    this.#names.clear()
  }

  /**
   * What has to travel, with the values of now; nothing waits afterwards. Undefined when nothing has to; the error
   * says that the node is so far behind that nobody knows what it misses.
   */
  take(): Result<Payload | undefined> {
    if (!this.due || this.#untold !== undefined) return ok(undefined)
    const draft: Draft = { upserts: new Map(), removed: new Set() }
    if (this.#all && this.#everythingDue) return ok(this.#takeEverything(draft))
    if (this.#all && !this.#collectChanges(draft))
      return err('it is so far behind that what it misses is not known any more')
    for (const name of this.#pending) this.#settle(name, draft)
    for (const name of this.#asked) this.#answer(name, draft)
    for (const [name, { version }] of draft.upserts) {
      this.#rejected.delete(name)
      if (!this.#all) this.#held.set(name, version)
    }
    const isNews = this.#answerDue || draft.upserts.size > 0 || draft.removed.size > 0
    this.#taken()
    return ok(isNews ? { upserts: [...draft.upserts.values()], removed: [...draft.removed] } : undefined)
  }

  #takeEverything({ removed }: Draft): Payload {
    // Who asks by name gets an answer, which everything is where there is something.
    for (const name of this.#asked) if (this.index.resolve(name).length === 0) removed.add(name)
    this.#rejected.clear()
    this.#taken()
    return { upserts: [], removed: [...removed], everything: this.index.snapshot() }
  }

  #taken(): void {
    this.#position = this.index.position
    this.#pending.clear()
    this.#asked.clear()
    this.#answerDue = false
    this.#everythingDue = false
  }

  /** What a response held, for who reads a refusal of it. */
  sentResources({ upserts, removed, everything }: Payload): SentResources {
    const { index } = this
    const versions = new Map(upserts.map((resource) => [resource.name, resource.version]))
    for (const name of removed) versions.set(name, '')
    if (everything === undefined) {
      return {
        has: (name) => versions.has(name),
        versionOf: (name) => versions.get(name) ?? '',
        names: () => versions.keys(),
      }
    }
    return {
      has: (name) => index.get(name) !== undefined || versions.has(name),
      versionOf: (name) => index.get(name)?.version ?? '',
      names: () => index.names(),
    }
  }

  /** These of the last response were not applied: they are not known at the node, and wait for a new version. */
  reject(resources: readonly RejectedResource[]): void {
    for (const resource of resources) {
      if (this.#rejected.size < maxRejected) this.#rejected.set(resource.name, resource)
      this.#held.delete(resource.name)
    }
  }

  /** Whether all changes since the last response are known. */
  #collectChanges({ upserts, removed }: Draft): boolean {
    if (this.#position === this.index.position) return true
    const changes = this.index.changesSince(this.#position)
    if (changes === undefined) return false
    for (const { name, before } of changes) {
      const current = this.index.get(name)
      const rejected = this.#rejected.get(name)
      const atNode = rejected?.version ?? before
      if (current === undefined) {
        if (atNode !== undefined) removed.add(name)
        this.#rejected.delete(name)
      } else if (current.version !== atNode) upserts.set(name, current)
    }
    return true
  }

  #settle(name: string, { upserts, removed }: Draft): void {
    const current = this.index.get(name)
    if (this.#all) {
      // What a reconnect brought and is otherwise now.
      if (current === undefined) removed.add(name)
      else upserts.set(name, current)
      return
    }
    const atNode = this.#held.get(name)
    const rejected = this.#rejected.get(name)
    if (current !== undefined && this.#covers(current)) {
      if (current.version !== (rejected?.version ?? atNode)) upserts.set(name, current)
      return
    }
    if (atNode !== undefined || rejected !== undefined) removed.add(name)
    this.#held.delete(name)
    this.#rejected.delete(name)
  }

  #answer(name: string, { upserts, removed }: Draft): void {
    const found = this.index.resolve(name)
    if (found.length === 0) removed.add(name)
    for (const resourceName of found) {
      const resource = this.index.get(resourceName)
      if (resource !== undefined) upserts.set(resourceName, resource)
    }
  }

  #begin({ initialVersions, digests }: SubscriptionRequest): void {
    this.#answerDue = true
    if (this.#all) return this.#beginAll(initialVersions, digests)
    for (const [name, version] of initialVersions.entries()) {
      // As istiod does: what a node brings along, it is subscribed to.
      this.#addName(name)
      this.#held.set(name, version)
      this.#pending.add(name)
    }
  }

  #beginAll(initialVersions: InitialVersions, digests: string | undefined): void {
    this.#position = this.index.position
    const differing =
      digests === undefined || initialVersions.size > 0 ? undefined : this.index.differing(digests)
    this.#resumed = differing !== undefined
    if (differing !== undefined) {
      this.#untold = differing.size === 0 ? undefined : differing
      return
    }
    this.#everythingDue = initialVersions.size === 0
    // Usually little came while the node was away.
    if (!this.#everythingDue) this.index.compare(initialVersions, (name) => this.#pending.add(name))
  }

  /** From everything to names or back: what the node still holds is not known exactly, so it comes again. */
  #switchMode(): void {
    this.#held.clear()
    this.#pending.clear()
    this.#untold = undefined
    this.#resumed = false
    this.#everythingDue = this.#all
    if (!this.#all) for (const name of this.#names) this.#asked.add(name)
  }

  #ask(name: string): void {
    this.#addName(name)
    this.#asked.add(name)
  }

  #addName(name: string): void {
    this.#names.add(name)
    this.index.watch(name, this)
  }

  #forget(name: string): void {
    this.#names.delete(name)
    this.#asked.delete(name)
    this.index.unwatch(name, this)
    for (const resourceName of [name, ...this.index.resolve(name)]) {
      if (this.#all || this.#covers(this.index.get(resourceName))) continue
      this.#held.delete(resourceName)
      this.#pending.delete(resourceName)
      this.#rejected.delete(resourceName)
    }
  }

  #covers(resource: MeshResource | undefined): boolean {
    if (resource === undefined) return false
    return this.index.isReached(resource, (name) => this.#names.has(name))
  }

  #problemOf({ subscribe, unsubscribe, initialVersions }: SubscriptionRequest): string | undefined {
    const { maxNames, maxNameChars } = this.#limits
    if (this.#names.size + subscribe.length > maxNames)
      return `expected at most ${maxNames} names subscribed to`
    if (unsubscribe.length > maxNames) return `expected at most ${maxNames} names in one request`
    if (initialVersions.size > maxNames) return `expected at most ${maxNames} initial versions`
    const isLong = (name: string): boolean => name.length > maxNameChars
    const broughtLong = initialVersions.longestNameBytes > maxNameChars
    return broughtLong || subscribe.some(isLong) || unsubscribe.some(isLong)
      ? `expected names of at most ${maxNameChars} characters`
      : undefined
  }
}
