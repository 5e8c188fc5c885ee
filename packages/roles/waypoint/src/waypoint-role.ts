import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { errorText, MeshError } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { HttpPlane } from '@tulle/l7'
import type { HttpPlan, ListenerPlan } from '@tulle/l7'
import { json, logLevels, runComponents } from '@tulle/runtime'
import type { AdminReply, AdminRequest, AdminRoute, Log } from '@tulle/runtime'
import { openAccessLog } from './access-log.ts'
import type { WaypointOptions } from './options.ts'
import { dataPath, healthRoute, metricsRoutes, quitRoute, serverAt } from './plane-parts.ts'
import { parseStaticConfig } from './static-config.ts'

export interface WaypointRoleDeps {
  readonly clock: Clock
  readonly log: Log
  /** Aborts to drain. */
  readonly stop: AbortSignal
  requestStop(reason: string): void
  fail(error: unknown): void
}

/** Runs a proxy from a file alone, until it is stopped. */
export async function runWaypoint(options: WaypointOptions, deps: WaypointRoleDeps): Promise<void> {
  const { log } = deps
  const accessLogFd = openAccessLog(options.accessLog)
  const plane = new HttpPlane(
    {
      workers: options.workers,
      plan: readPlan(options.config),
      limits: { maxConnections: options.maxConnections, requestIdleMs: options.requestIdle },
    },
    { log, onFailed: deps.fail, ...(accessLogFd === undefined ? {} : { accessLogFd }) },
  )
  const logging: AdminRoute = {
    method: 'POST',
    path: '/logging',
    handle: (request) => setLevel(log, request),
  }
  const metrics = metricsRoutes(() => plane.metrics())
  const health = healthRoute(() => plane.isReady)
  await runComponents(
    [
      ...serverAt(
        { host: '127.0.0.1', port: options.adminPort },
        [logging, quitRoute(deps), ...metrics, health],
        deps,
      ),
      ...serverAt({ host: '0.0.0.0', port: options.metricsPort }, metrics, deps),
      ...serverAt({ host: '0.0.0.0', port: options.healthPort }, [health], deps),
      dataPath(plane, log, () => plane.start()),
    ],
    {
      log,
      stop: deps.stop,
      drainDeadlineMs: options.drainDeadline,
      onReady: () => log.info('waypoint runs', { config: options.config, workers: options.workers }),
    },
  )
}

function readPlan(file: string): HttpPlan {
  const parsed = parseStaticConfig(readText(file), file)
  if (!parsed.ok) throw new MeshError('WAYPOINT_BAD_CONFIG', parsed.error.join('\n'))
  const { listeners, ...rest } = parsed.value
  return { ...rest, listeners: listeners.map((listener) => withCertificate(listener, dirname(file))) }
}

/** Names of files in a file are relative to it. */
function withCertificate(listener: ListenerPlan, folder: string): ListenerPlan {
  if (listener.certificate === undefined) return listener
  const { chain, key } = listener.certificate
  const read = (name: string): string => readText(resolve(folder, name))
  return { ...listener, certificate: { chain: read(chain), key: read(key) } }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new MeshError('WAYPOINT_BAD_CONFIG', `cannot read ${file}: ${errorText(error)}`, { cause: error })
  }
}

/** `?level=debug`; without a level it says which one holds. */
function setLevel(log: Log, request: AdminRequest): AdminReply {
  const wanted = request.query.get('level')
  const level = logLevels.find((candidate) => candidate === wanted)
  if (level !== undefined) log.level = level
  return json({ level: log.level })
}
