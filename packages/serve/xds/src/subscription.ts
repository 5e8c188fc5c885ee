import type { Change } from '@tulle/collections'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { MeshResource } from '@tulle/mesh-xds'
import type { RejectedResource } from './receipt-types.ts'
import type { ResourceIndex } from './resource-index.ts'
import type { Payload } from './response.ts'

/** What a request says about a subscription; the fields of DeltaDiscoveryRequest that matter for it. */
export interface SubscriptionRequest {
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
  /** What the node has from an earlier stream: versions by name. */
  readonly initialVersions: Readonly<Record<string, string>>
}

export interface SubscriptionLimits {
  /** Names that a node may subscribe to one by one, a type. */
  readonly maxNames: number
  readonly maxNameChars: number
}

/**
 * What one node wants of one type, and what of it still has to travel. Only keys wait: the value is read when
 * a response is made, so a slow node gets the newest one, and what waits is bounded by what it asked for.
 *
 * A node that subscribes to everything costs no memory for what it already has: that is what every change says
 * it replaces. One that subscribes by name has its versions kept.
 */
export class Subscription {
  readonly index: ResourceIndex
  readonly #limits: SubscriptionLimits
  #started: boolean = false
  #all: boolean = false
  readonly #names: Set<string> = new Set()
  /** Versions at the node, by resource name; only while subscribed by name. */
  readonly #held: Map<string, string> = new Map()
  /** Resources to look at again, with the version at the node (while subscribed to everything). */
  readonly #pending: Map<string, string | undefined> = new Map()
  /** Names to answer in any case, also when nothing is there. */
  readonly #asked: Set<string> = new Set()
  readonly #rejected: Map<string, RejectedResource> = new Map()
  /** The first request is answered in any case: a node holds its listeners shut until then. */
  #answerDue: boolean = false

  constructor(index: ResourceIndex, limits: SubscriptionLimits) {
    this.index = index
    this.#limits = limits
  }

  get mode(): 'all' | 'on-demand' {
    return this.#all ? 'all' : 'on-demand'
  }

  get rejected(): readonly RejectedResource[] {
    return [...this.#rejected.values()]
  }

  /** Whether a response may have to be made. */
  get due(): boolean {
    return this.#answerDue || this.#pending.size > 0 || this.#asked.size > 0
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
    if (first) this.#begin(request.initialVersions)
    for (const name of unsubscribe) if (name !== '*') this.#forget(name)
    return ok(undefined)
  }

  change(change: Change<MeshResource>): void {
    if (this.#pending.has(change.key)) return
    if (this.#all) this.#pending.set(change.key, change.before?.version)
    else if (this.#held.has(change.key) || this.#covers(change.after))
      this.#pending.set(change.key, undefined)
  }

  /** What has to travel, with the values of now; nothing waits afterwards. Undefined when nothing has to. */
  take(): Payload | undefined {
    if (!this.due) return undefined
    const answerDue = this.#answerDue
    const upserts = new Map<string, MeshResource>()
    const removed = new Set<string>()
    for (const [name, version] of this.#pending) this.#settle(name, version, { upserts, removed })
    for (const name of this.#asked) {
      const found = this.index.resolve(name)
      if (found.length === 0) removed.add(name)
      for (const resourceName of found) {
        const resource = this.index.get(resourceName)
        if (resource !== undefined) upserts.set(resourceName, resource)
      }
    }
    this.#pending.clear()
    this.#asked.clear()
    this.#answerDue = false
    for (const [name, { version }] of upserts) {
      this.#rejected.delete(name)
      if (!this.#all) this.#held.set(name, version)
    }
    if (!answerDue && upserts.size === 0 && removed.size === 0) return undefined
    return { upserts: [...upserts.values()], removed: [...removed] }
  }

  /** These of the last response were not applied: they are not known at the node, and wait for a new version. */
  reject(resources: readonly RejectedResource[]): void {
    for (const resource of resources) {
      this.#rejected.set(resource.name, resource)
      this.#held.delete(resource.name)
    }
  }

  #settle(
    name: string,
    versionBefore: string | undefined,
    out: { readonly upserts: Map<string, MeshResource>; readonly removed: Set<string> },
  ): void {
    const current = this.index.get(name)
    const atNode = this.#all ? versionBefore : this.#held.get(name)
    const rejected = this.#rejected.get(name)
    if (current !== undefined && (this.#all || this.#covers(current))) {
      if (current.version !== (rejected?.version ?? atNode)) out.upserts.set(name, current)
      return
    }
    if (atNode !== undefined || rejected !== undefined) out.removed.add(name)
    this.#held.delete(name)
    this.#rejected.delete(name)
  }

  #begin(initialVersions: Readonly<Record<string, string>>): void {
    this.#answerDue = true
    const brought = Object.entries(initialVersions)
    if (this.#all) this.#beginAll(initialVersions, brought)
    else {
      for (const [name, version] of brought) {
        // As istiod does: what a node brings along, it is subscribed to.
        this.#names.add(name)
        this.#held.set(name, version)
        this.#pending.set(name, undefined)
      }
    }
  }

  #beginAll(
    initialVersions: Readonly<Record<string, string>>,
    brought: readonly (readonly [string, string])[],
  ): void {
    let known = 0
    for (const [name, { version }] of this.index.collection.entries()) {
      const atNode = initialVersions[name]
      if (atNode !== undefined) known++
      if (atNode !== version) this.#pending.set(name, atNode)
    }
    // Usually nothing went while the node was away.
    if (known === brought.length) return
    for (const [name, version] of brought) {
      if (this.index.get(name) === undefined) this.#pending.set(name, version)
    }
  }

  /** From everything to names or back: what the node still holds is not known exactly, so it comes again. */
  #switchMode(): void {
    this.#held.clear()
    this.#pending.clear()
    if (this.#all) {
      for (const [name] of this.index.collection.entries()) this.#pending.set(name, undefined)
    } else for (const name of this.#names) this.#asked.add(name)
  }

  #ask(name: string): void {
    this.#names.add(name)
    this.#asked.add(name)
  }

  #forget(name: string): void {
    this.#names.delete(name)
    this.#asked.delete(name)
    for (const resourceName of [name, ...this.index.resolve(name)]) {
      if (this.#all || this.#covers(this.index.get(resourceName))) continue
      this.#held.delete(resourceName)
      this.#pending.delete(resourceName)
      this.#rejected.delete(resourceName)
    }
  }

  #covers(resource: MeshResource | undefined): boolean {
    if (resource === undefined) return false
    return this.#names.has(resource.name) || resource.aliases.some((alias) => this.#names.has(alias))
  }

  #problemOf({ subscribe, unsubscribe, initialVersions }: SubscriptionRequest): string | undefined {
    const { maxNames, maxNameChars } = this.#limits
    const brought = Object.keys(initialVersions)
    if (this.#names.size + subscribe.length > maxNames)
      return `expected at most ${maxNames} names subscribed to`
    if (unsubscribe.length > maxNames) return `expected at most ${maxNames} names in one request`
    if (brought.length > maxNames) return `expected at most ${maxNames} initial versions`
    const long = [...subscribe, ...unsubscribe, ...brought].find((name) => name.length > maxNameChars)
    return long === undefined ? undefined : `expected names of at most ${maxNameChars} characters`
  }
}
