import type { Clock } from '@tulle/core'
import type { RejectedResource } from '@tulle/l4'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { mergeMetrics, shareBytes } from '@tulle/runtime'
import type { LogWriter, MergedMetrics, MetricsRegistry } from '@tulle/runtime'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import { MergedEdges } from './tap/merged-edges.ts'
import { MergedTap } from './tap/merged-tap.ts'
import type { WaypointCommands } from './waypoint-commands.ts'

export interface PlaneParts {
  readonly clock: Clock
  /** Of what is counted beside the workers. */
  readonly registry: MetricsRegistry
  readonly accessLog: LogWriter | undefined
}

/** A waypoint in the mesh, as the main thread sees it: workers that are alike, each with listeners and pools of its own. */
export class WaypointPlane implements AsyncDisposable {
  /** Live requests for those who look. */
  readonly tap: MergedTap
  /** Counts of them by client and service. */
  readonly edges: MergedEdges
  /** Resolves when every worker listens: with the first full state, and a certificate. False: it ended before. */
  readonly opened: Promise<boolean>
  readonly #workers: readonly WaypointCommands[]
  readonly #parts: PlaneParts
  #listening: boolean = false
  #closed: boolean = false

  constructor(workers: readonly WaypointCommands[], parts: PlaneParts) {
    this.#workers = workers
    this.#parts = parts
    this.tap = new MergedTap(workers, parts.clock)
    this.edges = new MergedEdges(workers)
    this.opened = this.#open()
    this.opened.catch(() => undefined)
  }

  /** Every worker does. */
  get listening(): boolean {
    return this.#listening
  }

  /**
   * Resolves when it is in force in every worker: the first full state when they listen too, because what is acknowledged
   * brings callers here.
   */
  async apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    const shared = { ...update, upserts: shareBytes(update.upserts) }
    const rejected = await Promise.all(this.#workers.map((worker) => worker.apply(shared)))
    // Workers are alike, so that what one refuses all do.
    return rejected[0] ?? []
  }

  /** Nothing happens when it has ended. */
  async setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void> {
    try {
      await Promise.all(this.#workers.map((worker) => worker.setCertificates(certificates)))
    } catch (error) {
      // Renewals go on while a process ends: whoever has ended, also meanwhile, has no use for them.
      if (!this.#closed) throw error
    }
  }

  async setRevocations(revocations: Revocations): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.setRevocations(revocations)))
  }

  metrics(): Promise<MergedMetrics> {
    return mergeMetrics(...this.#workers.map((worker) => worker.metrics()), this.#parts.registry.slices())
  }

  /** Takes nothing new, lets requests finish within the time; resolves with how many were cut off. */
  async drain(deadlineMs: number): Promise<number> {
    const cut = await Promise.all(this.#workers.map((worker) => worker.drain(deadlineMs)))
    return cut.reduce((sum, one) => sum + one, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    // A thread that failed has nothing left to close.
    await Promise.allSettled(this.#workers.map((worker) => worker.close()))
    await this.#parts.accessLog?.end(this.#parts.clock)
  }

  async #open(): Promise<boolean> {
    const opened = await Promise.all(this.#workers.map((worker) => worker.opened()))
    this.#listening = opened.every((isOpen) => isOpen)
    return this.#listening
  }
}
