import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { errorText, MeshError } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { HttpPlane } from '@tulle/l7'
import type { HttpPlan, ListenerPlan } from '@tulle/l7'
import { adminServer, json, logLevels, metricsReply, runComponents } from '@tulle/runtime'
import type { AdminReply, AdminRequest, AdminRoute, Component, Log } from '@tulle/runtime'
import { openAccessLog } from './access-log.ts'
import type { WaypointOptions } from './options.ts'
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
  const { clock, log } = deps
  const accessLogFd = openAccessLog(options.accessLog)
  const plane = new HttpPlane(
    {
      workers: options.workers,
      plan: readPlan(options.config),
      limits: { maxConnections: options.maxConnections, requestIdleMs: options.requestIdle },
    },
    { log, onFailed: deps.fail, ...(accessLogFd === undefined ? {} : { accessLogFd }) },
  )
  const routes = {
    admin: adminRoutes(plane, deps),
    metrics: metricsRoutes(plane),
    health: healthRoutes(plane),
  }
  const server = (host: string, port: number, served: readonly AdminRoute[]): readonly Component[] =>
    port === 0 ? [] : [adminServer({ listen: { host, port }, routes: served }, { clock, log })]
  await runComponents(
    [
      ...server('127.0.0.1', options.adminPort, [...routes.admin, ...routes.metrics, ...routes.health]),
      ...server('0.0.0.0', options.metricsPort, routes.metrics),
      ...server('0.0.0.0', options.healthPort, routes.health),
      new HttpPath(plane, log),
    ],
    {
      log,
      stop: deps.stop,
      drainDeadlineMs: options.drainDeadline,
      onReady: () => log.info('waypoint runs', { config: options.config, workers: options.workers }),
    },
  )
}

/** The data path as a part of the process. */
class HttpPath implements Component {
  readonly #plane: HttpPlane
  readonly #log: Log

  constructor(plane: HttpPlane, log: Log) {
    this.#plane = plane
    this.#log = log
  }

  start(): Promise<void> {
    return this.#plane.start()
  }

  async drain(deadlineMs: number): Promise<void> {
    const cut = await this.#plane.drain(deadlineMs)
    if (cut > 0) this.#log.warn('requests were cut off', { requests: cut })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#plane[Symbol.asyncDispose]()
  }
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

function adminRoutes(_plane: HttpPlane, deps: WaypointRoleDeps): readonly AdminRoute[] {
  const { log, requestStop } = deps
  return [
    { method: 'POST', path: '/logging', handle: (request) => setLevel(log, request) },
    {
      method: 'POST',
      path: '/quitquitquit',
      handle: () => {
        requestStop('quitquitquit')
        return json({ draining: true })
      },
    },
  ]
}

function metricsRoutes(plane: HttpPlane): readonly AdminRoute[] {
  const handle = async (request: AdminRequest): Promise<AdminReply> => {
    const all = await plane.metrics()
    return metricsReply(request, (format) => all.text(format))
  }
  return ['/metrics', '/stats/prometheus'].map((path) => ({ method: 'GET', path, handle }))
}

function healthRoutes(plane: HttpPlane): readonly AdminRoute[] {
  const handle = (): AdminReply => {
    const [status, text] = plane.isReady ? [200, 'ready\n'] : [500, 'not ready\n']
    return { kind: 'text', status, contentType: 'text/plain', text: [text] }
  }
  return [{ method: 'GET', path: '/healthz/ready', handle }]
}

/** `?level=debug`; without a level it says which one holds. */
function setLevel(log: Log, request: AdminRequest): AdminReply {
  const wanted = request.query.get('level')
  const level = logLevels.find((candidate) => candidate === wanted)
  if (level !== undefined) log.level = level
  return json({ level: log.level })
}
