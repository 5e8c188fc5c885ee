import { MeshError } from '@tulle/core'
import type { RejectedResource } from '@tulle/l4'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { CommandThread } from '@tulle/runtime'
import type { Log, MetricsSlice, ThreadErrors } from '@tulle/runtime'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import type { EdgeLine } from './tap/edge-meter.ts'
import type { TapLine } from './tap/tap-lines.ts'
import type { TapWanted, WaypointCommands, WaypointSaid, WaypointSettings } from './waypoint-commands.ts'

export interface ThreadWaypointWorkerDeps {
  readonly log: Log
  /** `done`: the lines are not needed any more. */
  onAccessLog(lines: Uint8Array, done: () => void): void
  onSaid(said: WaypointSaid): void
  /** The thread ended by itself. */
  onFailed(error: MeshError): void
}

const errors: ThreadErrors<MeshError> = {
  refused: (_code, message) => new MeshError('WAYPOINT_WORKER', message),
  ended: (why) => new MeshError('WAYPOINT_WORKER', `a thread of the waypoint ended: ${why}`),
  closed: () => new MeshError('WAYPOINT_CLOSED', 'the waypoint has ended'),
}

/** A WaypointWorker on a thread of its own, as seen from the main thread. */
export class ThreadWaypointWorker implements WaypointCommands {
  readonly #thread: CommandThread<WaypointCommands, WaypointSaid, MeshError>

  constructor(settings: WaypointSettings, deps: ThreadWaypointWorkerDeps) {
    this.#thread = new CommandThread(
      {
        entry: new URL('./waypoint-worker-entry.ts', import.meta.url),
        name: `waypoint-${settings.index}`,
        settings,
        resourceLimits: { maxOldGenerationSizeMb: Math.ceil(settings.maxHeapBytes / 1024 ** 2) },
      },
      {
        log: deps.log,
        errors,
        onSaid: (said) => deps.onSaid(said),
        onAccessLog: (lines, done) => deps.onAccessLog(lines, done),
        onFailed: (error) => deps.onFailed(error),
      },
    )
  }

  opened(): Promise<boolean> {
    return this.#thread.call('opened', undefined)
  }

  apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    return this.#thread.call('apply', update)
  }

  setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void> {
    return this.#thread.call('setCertificates', certificates)
  }

  setRevocations(revocations: Revocations): Promise<void> {
    return this.#thread.call('setRevocations', revocations)
  }

  metrics(): AsyncGenerator<MetricsSlice, void> {
    return this.#thread.slices('metrics', undefined)
  }

  tap(wanted: TapWanted, signal: AbortSignal): AsyncGenerator<readonly TapLine[], void> {
    return this.#thread.slices('tap', wanted, signal)
  }

  edges(intervalMs: number, signal: AbortSignal): AsyncGenerator<EdgeLine, void> {
    return this.#thread.slices('edges', intervalMs, signal)
  }

  drain(deadlineMs: number): Promise<number> {
    return this.#thread.call('drain', deadlineMs)
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
