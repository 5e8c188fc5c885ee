import { errorText } from '@tulle/core'
import type { Clock, Rng } from '@tulle/core'
import { zdsClient } from '@tulle/kernel'
import type { ZdsClient, ZdsWorkload } from '@tulle/kernel'
import type { DataPlane } from '@tulle/l4'
import type { Component, Log } from '@tulle/runtime'
import type { KeptSockets } from './handover/kept-sockets.ts'
import type { AddressBook } from './address-book.ts'
import type { TakeOver } from './handover/take-over.ts'
import { withListenerFile } from './listener-files.ts'

export interface EnrolmentDeps {
  readonly dataPlane: DataPlane
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  /** While this process takes the place of another one. */
  readonly takeOver?: Pick<TakeOver, 'hold' | 'forget' | 'heardAll'>
  /** Where somebody keeps the listening sockets while no process is there. */
  readonly kept?: Pick<KeptSockets, 'serve' | 'forget'> & Disposable
  /** Where addresses are served on demand. */
  readonly addresses?: Pick<AddressBook, 'enrol' | 'leave'>
  /** Folder of listener files, where workloads have no namespaces. */
  readonly listeners?: string
}

/**
 * The workloads that this node has, as whoever set up their namespaces says over ZDS. An addition is acknowledged
 * when the workload's listeners are open, here or in the process that this one takes over from: before that its
 * process must not start.
 */
export class Enrolment implements Component {
  readonly #deps: EnrolmentDeps
  readonly #zds: ZdsClient
  readonly #enrolled: Map<string, ZdsWorkload> = new Map()
  readonly #heardAll: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(path: string, deps: EnrolmentDeps) {
    this.#deps = deps
    this.#zds = zdsClient({
      path,
      clock: deps.clock,
      rng: deps.rng,
      onAdd: (workload) => this.#add(workload),
      onDelete: (uid) => this.#delete(uid),
      onSnapshotSent: () => {
        deps.takeOver?.heardAll()
        this.#heardAll.resolve()
      },
      onConnected: () => deps.log.debug('hearing which workloads the node has', { socket: path }),
      onDisconnected: (reason) =>
        deps.log.debug('no longer hearing which workloads the node has', { reason }),
    })
  }

  list(): readonly ZdsWorkload[] {
    return [...this.#enrolled.values()]
  }

  /** Resolves when all workloads that the node has are served, or can't be. */
  get heardAll(): Promise<void> {
    return this.#heardAll.promise
  }

  /** Whether the node's workloads have been heard of. */
  get connected(): boolean {
    return this.#zds.connected
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#zds.start(signal)
  }

  async drain(): Promise<void> {
    this.#deps.kept?.[Symbol.dispose]()
  }

  /** Hears of no more changes. What is served goes on, in the namespaces that are known. */
  leave(): Promise<void> {
    this.#deps.kept?.[Symbol.dispose]()
    return this.#zds.leave()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#deps.kept?.[Symbol.dispose]()
    await this.#zds[Symbol.asyncDispose]()
  }

  async #add(workload: ZdsWorkload): Promise<void> {
    const fields = { workload: `${workload.namespace}/${workload.name}` }
    try {
      await this.#deps.addresses?.enrol(workload.uid)
      if (!(await this.#held(workload))) await this.#serve(workload)
    } catch (error) {
      this.#deps.log.error('a workload cannot be served', { ...fields, error: errorText(error) })
      throw error
    }
    this.#enrolled.set(workload.uid, workload)
    this.#deps.log.debug('serving a workload', fields)
  }

  /**
   * Whether its listeners wait for the process that this one takes over from. Without namespaces ours are opened beside
   * the others: what those have not accepted when they close is lost.
   */
  async #held(workload: ZdsWorkload): Promise<boolean> {
    const { takeOver, listeners } = this.#deps
    return listeners === undefined && (await takeOver?.hold(workload)) === true
  }

  #serve(workload: ZdsWorkload): Promise<void> {
    const { dataPlane, kept, listeners } = this.#deps
    if (listeners !== undefined) return dataPlane.addWorkload(withListenerFile(listeners, workload))
    return kept === undefined ? dataPlane.addWorkload(workload) : kept.serve(workload)
  }

  async #delete(uid: string): Promise<void> {
    const workload = this.#enrolled.get(uid)
    this.#enrolled.delete(uid)
    this.#deps.takeOver?.forget(uid)
    this.#deps.addresses?.leave(uid)
    await this.#deps.dataPlane.removeWorkload(uid)
    await this.#deps.kept?.forget(uid)
    if (workload === undefined) return
    this.#deps.log.debug('no longer serving a workload', {
      workload: `${workload.namespace}/${workload.name}`,
    })
  }
}
