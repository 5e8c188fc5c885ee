import type { CertificateStatus } from '@tulle/control-client'
import type { ConnectionInfo, DataPlane } from '@tulle/l4'
import { badRequest, json, logLevels, metricsReply } from '@tulle/runtime'
import type { AdminReply, AdminRequest, AdminRoute, Log, MetricsRegistry } from '@tulle/runtime'
import { certificateView, configDump } from './config-dump.ts'
import type { ConfigDumpParts } from './config-dump.ts'
import type { TakeOverView } from './handover/take-over.ts'

/** A connection in a table: its workload by name. */
export interface ConnectionView extends Omit<ConnectionInfo, 'workload'> {
  /** `namespace/name`. */
  readonly workload: string
}

/** The process of a node proxy: an upgrade shows in it. */
export interface ProcessView {
  readonly pid: number
  readonly version: string
  readonly workers: number
  /** The handover that it began with. */
  readonly takeOver: TakeOverView | undefined
}

export interface NodeApiDeps {
  readonly dataPlane: DataPlane
  readonly metrics: MetricsRegistry
  readonly log: Log
  readonly certificates: () => readonly CertificateStatus[]
  readonly dumpParts: () => Omit<ConfigDumpParts, 'workers' | 'connections' | 'certificates'>
  /** What is missing before the proxy can serve; nothing when it is ready. */
  readonly pending: () => readonly string[]
  /** Who answers here, and since when. */
  readonly process: () => ProcessView
  /** Begins to drain. */
  readonly stop: () => void
}

/** For operators, on loopback and the admin socket. @see research: ztunnel's admin port */
export function adminRoutes(deps: NodeApiDeps): readonly AdminRoute[] {
  return [
    { method: 'GET', path: '/config_dump', handle: async () => json(await dump(deps)) },
    { method: 'GET', path: '/v1/connections', handle: async () => json(await connectionViews(deps)) },
    { method: 'GET', path: '/v1/certificates', handle: () => json(deps.certificates().map(certificateView)) },
    { method: 'GET', path: '/v1/process', handle: () => json(deps.process()) },
    { method: 'POST', path: '/logging', handle: (request) => setLevel(deps.log, request) },
    { method: 'POST', path: '/quitquitquit', handle: () => (deps.stop(), json({ draining: true })) },
    ...metricsRoutes(deps),
    ...healthRoutes(deps),
  ]
}

/** The paths that Istio's node proxy answers. */
export function metricsRoutes(deps: Pick<NodeApiDeps, 'dataPlane' | 'metrics'>): readonly AdminRoute[] {
  const handle = async (request: AdminRequest): Promise<AdminReply> => {
    const all = await deps.dataPlane.metrics()
    for (const slice of deps.metrics.slices()) all.add(slice)
    return metricsReply(request, (format) => all.text(format))
  }
  return ['/metrics', '/stats/prometheus'].map((path) => ({ method: 'GET', path, handle }))
}

export function healthRoutes({ pending }: Pick<NodeApiDeps, 'pending'>): readonly AdminRoute[] {
  const handle = (): AdminReply => {
    const missing = pending()
    const [status, text] =
      missing.length === 0 ? [200, 'ready\n'] : [500, `not ready: ${missing.join(', ')}\n`]
    return { kind: 'text', status, contentType: 'text/plain', text: [text] }
  }
  return [{ method: 'GET', path: '/healthz/ready', handle }]
}

async function connectionViews({ dataPlane, dumpParts }: NodeApiDeps): Promise<readonly ConnectionView[]> {
  const names = new Map(dumpParts().enrolled.map(({ uid, namespace, name }) => [uid, `${namespace}/${name}`]))
  const connections = await dataPlane.connections()
  return connections.map((connection) => ({
    ...connection,
    workload: names.get(connection.workload) ?? connection.workload,
  }))
}

async function dump(deps: NodeApiDeps): Promise<unknown> {
  const [workers, connections] = await Promise.all([deps.dataPlane.dump(), deps.dataPlane.connections()])
  return configDump({ ...deps.dumpParts(), workers, connections, certificates: deps.certificates() })
}

/** `?level=debug`, as ztunnel takes it; without a level it says which one holds. */
function setLevel(log: Log, request: AdminRequest): AdminReply {
  const wanted = request.query.get('level')
  if (wanted === null) return json({ level: log.level })
  const level = logLevels.find((candidate) => candidate === wanted)
  if (level === undefined) return badRequest(`expected level=${logLevels.join('|')}, found ${wanted}`)
  log.level = level
  return json({ level })
}
