import type { Clock } from '@tulle/core'
import { addressType, decodeAddress } from '@tulle/mesh-xds'
import type { MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import type { MetricsRegistry } from '@tulle/runtime'
import { addressMetrics } from './address-metrics.ts'
import type { AddressMetrics } from './address-metrics.ts'

export interface AddressBookDeps {
  readonly clock: Clock
  readonly metrics: MetricsRegistry
  /** Asks the control plane; the answer comes as an update, and so does what changes later. */
  readonly ask: (name: string) => void
  /** Asks no longer. */
  readonly release: (name: string) => void
}

/** Names that were asked for and have no answer yet, which is many only while the control plane is away. */
const maxPending = 8192
/** Names that stand for nothing and are listened for all the same: the ones needed longest ago go first. */
const maxAbsent = 8192
/** A name that stands for nothing is no longer listened for when nobody has needed it for so long. */
const absentKeptMs = 600_000
const sweepMs = 60_000
/** How long a workload that is enrolled waits to be described before it is served, closed. */
const describeMs = 5000

/**
 * Which addresses this node has asked for, where it does not subscribe to all of them. What is there stays subscribed to,
 * so that it is never older than with a subscription to everything; and so are names that stand for nothing, up to a
 * bound and while they are needed, since a workload may get that address any moment.
 */
export class AddressBook implements Disposable {
  readonly #deps: AddressBookDeps
  readonly #pending: Map<string, PromiseWithResolvers<void>> = new Map()
  /** Names and aliases of what is in force, and the resource that each belongs to. */
  readonly #present: Map<string, string> = new Map()
  readonly #aliases: Map<string, readonly string[]> = new Map()
  /** Asked for and not there, with when they were needed last; the longest ago first. */
  readonly #absent: Map<string, number> = new Map()
  readonly #asked: Set<string> = new Set()
  readonly #enrolled: Set<string> = new Set()
  readonly #metrics: AddressMetrics
  readonly #sweeper: Disposable

  constructor(deps: AddressBookDeps) {
    this.#deps = deps
    this.#metrics = addressMetrics(deps.metrics)
    this.#sweeper = deps.clock.every(sweepMs, () => this.#forgetUnused())
  }

  [Symbol.dispose](): void {
    this.#sweeper[Symbol.dispose]()
  }

  /** Resolves when the control plane's word on a name is in force. Rejects where too many names have no answer yet. */
  need(name: string): Promise<void> {
    const isAbsent = this.#absent.has(name)
    if (isAbsent) this.#noteAbsent(name)
    if (isAbsent || this.#present.has(name)) {
      this.#metrics.lookedUp('known')
      return Promise.resolve()
    }
    const pending = this.#pending.get(name)
    if (pending === undefined && this.#pending.size >= maxPending) {
      this.#metrics.lookedUp('refused')
      return Promise.reject(new Error(`${maxPending} addresses have no answer yet`))
    }
    this.#metrics.lookedUp('asked')
    if (pending !== undefined) return pending.promise
    const answer = Promise.withResolvers<void>()
    this.#pending.set(name, answer)
    this.#asked.add(name)
    this.#deps.ask(name)
    this.#tellHeld()
    return answer.promise
  }

  /** Asks for a workload of this node, and for its services; resolves when it is described, or nobody does in time. */
  async enrol(uid: string): Promise<void> {
    this.#enrolled.add(uid)
    const late = Promise.withResolvers<void>()
    using _timer = this.#deps.clock.after(describeMs, () => late.resolve())
    await Promise.race([this.need(uid), late.promise])
  }

  leave(uid: string): void {
    this.#enrolled.delete(uid)
  }

  /** An update is in force: who waits for its names goes on. */
  applied({ typeUrl, upserts, removed }: ResourceUpdate): void {
    if (typeUrl !== addressType) return
    for (const resource of upserts) this.#add(resource)
    for (const name of removed) this.#remove(name)
    this.#forgetOldest()
    this.#tellHeld()
  }

  #add(resource: MeshResource): void {
    this.#drop(resource.name)
    const { name, aliases } = resource
    this.#aliases.set(name, aliases)
    for (const one of [name, ...aliases]) {
      this.#present.set(one, name)
      this.#absent.delete(one)
      this.#settle(one)
    }
    if (this.#enrolled.has(name)) this.#needServices(resource)
  }

  /** A resource, or a name that stands for none. */
  #remove(name: string): void {
    for (const one of [name, ...this.#drop(name)]) {
      if (this.#pending.has(one)) this.#metrics.missed()
      if (this.#asked.has(one)) this.#noteAbsent(one)
      this.#settle(one)
    }
  }

  /** Its names, but for those that another resource has taken over. */
  #drop(name: string): readonly string[] {
    const names = [name, ...(this.#aliases.get(name) ?? [])].filter((one) => this.#present.get(one) === name)
    for (const one of names) this.#present.delete(one)
    this.#aliases.delete(name)
    return names
  }

  /** Peers may call a workload by the host name of a service of it, whose ports are to be known then. */
  #needServices({ bytes }: MeshResource): void {
    const decoded = decodeAddress(bytes)
    if (!decoded.ok || decoded.value.kind !== 'workload') return
    for (const service of decoded.value.workload.services.keys())
      // Where it has no answer, such calls are refused.
      this.need(service).catch(() => undefined)
  }

  #settle(name: string): void {
    this.#pending.get(name)?.resolve()
    this.#pending.delete(name)
  }

  #noteAbsent(name: string): void {
    this.#absent.delete(name)
    this.#absent.set(name, this.#deps.clock.monotonicMs())
  }

  #forgetOldest(): void {
    for (const name of this.#absent.keys()) {
      if (this.#absent.size <= maxAbsent) break
      this.#forget(name)
    }
  }

  #forgetUnused(): void {
    const oldestMs = this.#deps.clock.monotonicMs() - absentKeptMs
    for (const [name, neededMs] of this.#absent) {
      if (neededMs > oldestMs) break
      // It is needed as soon as somebody describes it.
      if (!this.#enrolled.has(name)) this.#forget(name)
    }
    this.#tellHeld()
  }

  #forget(name: string): void {
    this.#absent.delete(name)
    this.#asked.delete(name)
    this.#deps.release(name)
  }

  #tellHeld(): void {
    this.#metrics.held({
      present: this.#present.size,
      absent: this.#absent.size,
      pending: this.#pending.size,
    })
  }
}
