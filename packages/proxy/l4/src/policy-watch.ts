import type { ApplicablePolicies } from '@tulle/policy'
import type { WorkerContext } from './worker-context.ts'
import type { WorkloadScope } from './workload-scope.ts'

/**
 * Looks at a workload when policies may have changed: open connections are decided again, and it is said in the log
 * and the metrics when a policy that is missing or was refused closes the workload, and when it no longer does.
 */
export class PolicyWatch {
  readonly #context: WorkerContext
  /** What each workload was looked at with last. */
  readonly #seen: Map<string, ApplicablePolicies> = new Map()

  constructor(context: WorkerContext) {
    this.#context = context
  }

  look({ uid, policies }: WorkloadScope): void {
    // Before the first full state nothing is closed, as nothing is open yet.
    if (!this.#context.state.complete) return
    const before = this.#seen.get(uid)
    if (before === policies) return
    this.#seen.set(uid, policies)
    this.#report(uid, before?.unknown ?? [], policies.unknown)
    const connections = this.#context.connections.recheck(uid, policies)
    if (connections > 0) {
      this.#context.log.info('connections closed by policy', { workload: uid, connections })
    }
  }

  /** The workload has left. */
  forget(uid: string): void {
    if ((this.#seen.get(uid)?.unknown.length ?? 0) > 0) this.#context.telemetry.workloadOpened()
    this.#seen.delete(uid)
  }

  #report(uid: string, before: readonly string[], now: readonly string[]): void {
    const { log, telemetry } = this.#context
    if (now.length > 0) {
      if (before.length === 0) telemetry.workloadClosed()
      log.warn('workload is closed for new connections', { workload: uid, missing: now })
    } else if (before.length > 0) {
      telemetry.workloadOpened()
      log.info('workload is open again', { workload: uid })
    }
  }
}
