import { defaultTrustDomain, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { addressType, authorizationType } from '@tulle/mesh-xds'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { accessLogWriter, mergeMetrics, MetricsRegistry, shareBytes } from '@tulle/runtime'
import type { LogWriter, MergedMetrics } from '@tulle/runtime'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import type { DemandOutcome } from './address-demand.ts'
import type {
  ConnectionInfo,
  DataPlane,
  DataPlaneDeps,
  DataPlaneOptions,
  EnrolledWorkload,
  ListeningSocket,
  RejectedResource,
  WorkerDump,
} from './data-plane.ts'
import { L4Error } from './errors.ts'
import { identityOf } from './identity-of.ts'
import { limitsOfWorker } from './limits.ts'
import { localWorker } from './local-worker.ts'
import { openFilesLimit } from './open-files.ts'
import { ThreadWorker } from './thread-worker.ts'
import type { WorkerCommands } from './worker-commands.ts'

/** Starts the threads; they serve nobody before state, certificates and workloads have come. */
export function createDataPlane(options: DataPlaneOptions, deps: DataPlaneDeps): DataPlane {
  return new WorkerDataPlane(options, deps)
}

class WorkerDataPlane implements DataPlane {
  readonly #deps: DataPlaneDeps
  readonly #trustDomain: string
  readonly #workers: readonly WorkerCommands[]
  readonly #accessLog: LogWriter | undefined
  readonly #registry: MetricsRegistry = new MetricsRegistry()
  readonly #identities: Map<SpiffeId, Set<string>> = new Map()
  readonly #seen: Set<string> = new Set()
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers()
  #closed: boolean = false

  constructor(options: DataPlaneOptions, deps: DataPlaneDeps) {
    this.#deps = deps
    this.#trustDomain = options.trustDomain ?? defaultTrustDomain
    this.#ready.promise.catch(() => undefined)
    const limits = limitsOfWorker(options.limits ?? {}, Math.max(1, options.workers), openFilesLimit())
    const accessLog = accessLogWriter(
      { fd: deps.accessLogFd, maxWaitingBytes: limits.maxAccessLogBytes },
      this.#registry,
    )
    this.#accessLog = accessLog
    this.#workers = Array.from({ length: Math.max(1, options.workers) }, (_, index) => {
      const settings = {
        index,
        limits,
        network: options.network ?? '',
        accessLog: deps.accessLogFd !== undefined,
        onDemand: deps.onAddressNeeded !== undefined,
      }
      const log = deps.log.child({ worker: index })
      const onAddressNeeded = (name: string): void => this.#onNeeded(index, name)
      if (options.workers === 0) {
        // Its buffer is filled again.
        const onAccessLog = (lines: Uint8Array): void => accessLog?.write(Uint8Array.from(lines))
        return localWorker(settings, { clock: deps.clock, log, onAccessLog, onAddressNeeded })
      }
      const onAccessLog = (lines: Uint8Array, done: () => void): void => accessLog?.write(lines, done)
      const onFailed = (error: L4Error): void => this.#onFailed(error)
      return new ThreadWorker(
        settings,
        { log, onAccessLog, onAddressNeeded, onFailed },
        deps.threads?.[index],
      )
    })
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  async apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    const shared = { ...update, upserts: shareBytes(update.upserts) }
    const rejected = await Promise.all(this.#workers.map((worker) => worker.apply(shared)))
    this.#seen.add(update.typeUrl)
    if (this.#seen.has(addressType) && this.#seen.has(authorizationType)) this.#ready.resolve()
    // Workers are alike, so that what one refuses all do.
    return rejected[0] ?? []
  }

  async setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void> {
    try {
      await this.#all((worker) => worker.setCertificates(certificates))
    } catch (error) {
      // Renewals go on while a process ends: whoever has ended, also meanwhile, has no use for them.
      if (!this.#closed) throw error
    }
  }

  async setRevocations(revocations: Revocations): Promise<void> {
    await this.#all((worker) => worker.setRevocations(revocations))
  }

  async addWorkload(enrolled: EnrolledWorkload): Promise<void> {
    const workload = { trustDomain: this.#trustDomain, ...enrolled }
    const identity = spiffeId(identityOf(workload))
    this.#releaseIdentity(workload.uid, identity)
    const users = this.#identities.get(identity)
    if (users === undefined) {
      this.#identities.set(identity, new Set([workload.uid]))
      this.#deps.onIdentityNeeded(identity)
    } else users.add(workload.uid)
    await this.#all((worker) => worker.addWorkload(workload))
  }

  async removeWorkload(uid: string): Promise<void> {
    this.#releaseIdentity(uid, undefined)
    await this.#all((worker) => worker.removeWorkload(uid))
  }

  async exportListeners(uid: string): Promise<readonly ListeningSocket[]> {
    return (await Promise.all(this.#workers.map((worker) => worker.exportListeners(uid)))).flat()
  }

  async adoptListeners(uid: string, sockets: readonly ListeningSocket[]): Promise<void> {
    const shares = shareListeners(sockets, this.#workers.length)
    await Promise.all(
      this.#workers.map((worker, i) => worker.adoptListeners({ uid, sockets: shares[i] ?? [] })),
    )
  }

  release(uid: string): Promise<void> {
    return this.#all((worker) => worker.release(uid))
  }

  async connections(): Promise<readonly ConnectionInfo[]> {
    const found: ConnectionInfo[] = []
    for (const worker of this.#workers) for await (const slice of worker.connections()) found.push(...slice)
    return found
  }

  metrics(): Promise<MergedMetrics> {
    return mergeMetrics(...this.#workers.map((worker) => worker.metrics()), this.#registry.slices())
  }

  dump(): Promise<readonly WorkerDump[]> {
    return Promise.all(this.#workers.map((worker) => worker.dump()))
  }

  async drain(deadlineMs: number): Promise<number> {
    await this.#all((worker) => worker.drain(deadlineMs))
    const cut = (await this.connections()).length
    await this[Symbol.asyncDispose]()
    return cut
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#ready.reject(new L4Error('L4_CLOSED', 'the data plane has ended'))
    // A thread that failed has nothing left to close.
    await Promise.allSettled(this.#workers.map((worker) => worker.close()))
    await this.#accessLog?.end(this.#deps.clock)
  }

  async #all(run: (worker: WorkerCommands) => Promise<void>): Promise<void> {
    await Promise.all(this.#workers.map(run))
  }

  /** Forgets that `uid` needs an identity other than `keep`. */
  #releaseIdentity(uid: string, keep: SpiffeId | undefined): void {
    for (const [identity, users] of this.#identities) {
      if (identity === keep || !users.delete(uid) || users.size > 0) continue
      this.#identities.delete(identity)
      this.#deps.onIdentityReleased?.(identity)
    }
  }

  /** The worker hears of it after the answer itself: updates and this are on one way. */
  #onNeeded(worker: number, name: string): void {
    const settle = (outcome: DemandOutcome): void => {
      // A worker that ended has nobody who waits.
      this.#workers[worker]?.settleDemand({ name, outcome }).catch(() => undefined)
    }
    this.#deps.onAddressNeeded?.(name).then(
      () => settle('answered'),
      () => settle('unanswered'),
    )
  }

  #onFailed(error: L4Error): void {
    this.#deps.log.error('data path thread ended', { error: error.message })
    this.#ready.reject(error)
    this.#deps.onFailed?.(error)
  }
}

/** Those of each role go round, so that no worker has two while another has none. */
function shareListeners(
  sockets: readonly ListeningSocket[],
  workers: number,
): readonly (readonly ListeningSocket[])[] {
  const shares = Array.from({ length: workers }, (): ListeningSocket[] => [])
  const next = new Map<string, number>()
  for (const socket of sockets) {
    const turn = next.get(socket.role) ?? 0
    next.set(socket.role, turn + 1)
    shares[turn % workers]?.push(socket)
  }
  return shares
}
