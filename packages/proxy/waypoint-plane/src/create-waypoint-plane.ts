import { randomBytes, randomUUID } from 'node:crypto'
import { systemRng } from '@tulle/core'
import type { Clock, MeshError } from '@tulle/core'
import type { SpiffeId } from '@tulle/identity'
import { defaultLimits } from '@tulle/l4'
import { accessLogWriter, MetricsRegistry } from '@tulle/runtime'
import type { Log, LogWriter } from '@tulle/runtime'
import { ThreadWaypointWorker } from './thread-waypoint-worker.ts'
import type { WaypointCommands, WaypointSaid, WaypointSettings } from './waypoint-commands.ts'
import { WaypointPlane } from './waypoint-plane.ts'

export interface WaypointPlaneOptions extends Pick<WaypointSettings, 'uid' | 'listen'> {
  /** Threads; 0 runs it on the calling thread, with the given clock. */
  readonly workers: number
  /** Of the heap of each thread; one that needs more ends. Default: 1 GiB, as for those of node proxies. */
  readonly maxHeapBytes?: number
}

export interface WaypointPlaneDeps {
  readonly clock: Clock
  readonly log: Log
  /** File descriptor that access log lines are written to; absent: none are. */
  readonly accessLogFd?: number
  /** Asks the control plane for a service's traffic; once for each. */
  demand(service: string): void
  /** The identity that it runs as: a certificate of it is wanted. Called once. */
  onIdentity(identity: SpiffeId): void
  /** A thread has ended by itself. What it carried is gone; the process should end too, and be restarted. */
  onFailed(error: MeshError): void
}

/** Of access log lines. */
const maxWaitingBytes = 16 * 1024 * 1024

/** Starts the workers; they serve nobody before state and a certificate have come. */
export async function createWaypointPlane(
  options: WaypointPlaneOptions,
  deps: WaypointPlaneDeps,
): Promise<WaypointPlane> {
  const { clock, accessLogFd } = deps
  const registry = new MetricsRegistry()
  const accessLog = accessLogWriter({ fd: accessLogFd, maxWaitingBytes }, registry)
  const settings = {
    workers: Math.max(1, options.workers),
    uid: options.uid,
    listen: options.listen,
    maxHeapBytes: options.maxHeapBytes ?? defaultLimits.maxHeapBytes,
    accessLog: accessLog !== undefined,
    sessionSecret: randomBytes(32),
    instanceId: randomUUID(),
  }
  const onSaid = onceEach(deps)
  const threadDeps = {
    log: deps.log,
    onSaid,
    onAccessLog: (lines: Uint8Array, done: () => void) => accessLog?.write(lines, done),
    onFailed: (error: MeshError) => deps.onFailed(error),
  }
  const workers =
    options.workers === 0
      ? [await localWorker({ index: 0, ...settings }, { ...deps, accessLog, onSaid })]
      : Array.from(
          { length: options.workers },
          (_, index) => new ThreadWaypointWorker({ index, ...settings }, threadDeps),
        )
  return new WaypointPlane(workers, { clock, registry, accessLog })
}

interface LocalDeps extends Pick<WaypointPlaneDeps, 'clock' | 'log'> {
  readonly accessLog: LogWriter | undefined
  onSaid(said: WaypointSaid): void
}

/** A worker on the calling thread. Loaded for this alone: beside threads, the main one carries no traffic. */
async function localWorker(
  settings: WaypointSettings,
  { clock, log, accessLog, onSaid }: LocalDeps,
): Promise<WaypointCommands> {
  const { WaypointWorker } = await import('./waypoint-worker.ts')
  return new WaypointWorker(settings, {
    clock,
    rng: systemRng,
    log,
    demand: (service) => onSaid({ kind: 'demand', service }),
    onIdentity: (identity) => onSaid({ kind: 'identity', identity }),
    // Its buffer is filled again.
    onAccessLog: (lines) => accessLog?.write(Uint8Array.from(lines)),
  })
}

/** Workers are told the same, and so want the same: the first one asks for all. */
function onceEach(deps: Pick<WaypointPlaneDeps, 'demand' | 'onIdentity'>): (said: WaypointSaid) => void {
  const heard = new Set<string>()
  return (said) => {
    const what = said.kind === 'demand' ? said.service : said.identity
    const key = `${said.kind} ${what}`
    if (heard.has(key)) return
    heard.add(key)
    if (said.kind === 'demand') deps.demand(said.service)
    else deps.onIdentity(said.identity)
  }
}
