import { errorText } from '@tulle/core'
import type { Clock, Rng } from '@tulle/core'
import { zdsClient } from '@tulle/kernel'
import type { ZdsClient, ZdsWorkload } from '@tulle/kernel'
import type { DataPlane } from '@tulle/l4'
import type { Component, Log } from '@tulle/runtime'

export interface EnrolmentDeps {
  readonly dataPlane: DataPlane
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
}

/**
 * The workloads that this node has, as whoever set up their namespaces says over ZDS. An addition is acknowledged
 * when the workload's listeners are open: before that its process must not start.
 */
export class Enrolment implements Component {
  readonly #deps: EnrolmentDeps
  readonly #zds: ZdsClient
  readonly #enrolled: Map<string, ZdsWorkload> = new Map()

  constructor(path: string, deps: EnrolmentDeps) {
    this.#deps = deps
    this.#zds = zdsClient({
      path,
      clock: deps.clock,
      rng: deps.rng,
      onAdd: (workload) => this.#add(workload),
      onDelete: (uid) => this.#delete(uid),
      onConnected: () => deps.log.debug('hearing which workloads the node has', { socket: path }),
      onDisconnected: (reason) =>
        deps.log.debug('no longer hearing which workloads the node has', { reason }),
    })
  }

  list(): readonly ZdsWorkload[] {
    return [...this.#enrolled.values()]
  }

  /** Whether the node's workloads have been heard of. */
  get connected(): boolean {
    return this.#zds.connected
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#zds.start(signal)
  }

  async drain(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#zds[Symbol.asyncDispose]()
  }

  async #add(workload: ZdsWorkload): Promise<void> {
    const fields = { workload: `${workload.namespace}/${workload.name}` }
    try {
      await this.#deps.dataPlane.addWorkload(workload)
    } catch (error) {
      this.#deps.log.error('a workload cannot be served', { ...fields, error: errorText(error) })
      throw error
    }
    this.#enrolled.set(workload.uid, workload)
    this.#deps.log.debug('serving a workload', fields)
  }

  async #delete(uid: string): Promise<void> {
    const workload = this.#enrolled.get(uid)
    this.#enrolled.delete(uid)
    await this.#deps.dataPlane.removeWorkload(uid)
    if (workload === undefined) return
    this.#deps.log.debug('no longer serving a workload', {
      workload: `${workload.namespace}/${workload.name}`,
    })
  }
}
