import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { adsClient, CertificateStore, grpcCaClient } from '@tulle/control-client'
import type { AdsClient } from '@tulle/control-client'
import { errorText, systemRng } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { nodeHandlesSelfTest } from '@tulle/kernel'
import { createDataPlane } from '@tulle/l4'
import type { DataPlane } from '@tulle/l4'
import { adminServer, MetricsRegistry, runComponents } from '@tulle/runtime'
import type { AdminRoute, Component, Log } from '@tulle/runtime'
import { openAccessLog } from './access-log.ts'
import { Enrolment } from './enrolment.ts'
import { LastGoodState } from './last-good-state.ts'
import { MeshUpdates } from './mesh-updates.ts'
import { adminRoutes, healthRoutes, metricsRoutes } from './node-api.ts'
import type { NodeApiDeps } from './node-api.ts'
import type { NodeOptions } from './options.ts'

export interface NodeRoleDeps {
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  /** Aborts to drain. */
  readonly stop: AbortSignal
  /** Begins to drain, asked for from inside. */
  readonly requestStop: (reason: string) => void
}

/** Runs a node proxy until it is stopped: resolves when it has drained. */
export async function runNode(options: NodeOptions, deps: NodeRoleDeps): Promise<void> {
  await nodeHandlesSelfTest()
  mkdirSync(options.secrets, { recursive: true, mode: 0o700 })
  const parts = assemble(options, deps)
  const restored = await parts.updates.restore()
  if (restored > 0)
    deps.log.info('serving the last good state until the control plane answers', { resources: restored })
  await runComponents(parts.components, {
    log: deps.log,
    stop: deps.stop,
    drainDeadlineMs: options.drainDeadline,
    onReady: () =>
      deps.log.info('node proxy runs', {
        node: options.node,
        workers: options.workers,
        control: options.control,
      }),
  })
  parts.lastGood.flush()
}

interface Parts {
  readonly components: readonly Component[]
  readonly updates: MeshUpdates
  readonly lastGood: LastGoodState
}

/** Data flow: ZDS → data path ← ADS; data path → wanted identities → certificates → data path. */
function assemble(options: NodeOptions, deps: NodeRoleDeps): Parts {
  const { clock, log } = deps
  const metrics = new MetricsRegistry()
  const certificates = createCertificates(options, deps)
  const accessLogFd = openAccessLog(options.accessLog)
  const dataPlane = createDataPlane(
    { workers: options.workers, network: options.network },
    {
      log,
      clock,
      ...(accessLogFd === undefined ? {} : { accessLogFd }),
      onIdentityNeeded: (identity) => certificates.want(identity),
      onIdentityReleased: (identity) => certificates.release(identity),
      onFailed: (error) => deps.requestStop(errorText(error)),
    },
  )
  certificates.subscribe((list) => void dataPlane.setCertificates(list))
  const lastGood = new LastGoodState({ folder: options.secrets, clock, log })
  const updates = new MeshUpdates(dataPlane, lastGood)
  const ads = createAds(options, deps, { updates, metrics })
  const enrolment = new Enrolment(options.zds, { dataPlane, clock, log, rng: systemRng })
  const api: NodeApiDeps = {
    dataPlane,
    metrics,
    log,
    certificates: () => certificates.status,
    dumpParts: () => ({ version: deps.version, config: { ...options }, enrolled: enrolment.list() }),
    pending: () => (ads.synced ? [] : ['state of the mesh']),
    stop: () => deps.requestStop('quitquitquit'),
  }
  return {
    components: [...servers(options, deps, api), dataPlaneComponent(dataPlane), certificates, ads, enrolment],
    updates,
    lastGood,
  }
}

function createCertificates(options: NodeOptions, { clock, log }: NodeRoleDeps): CertificateStore {
  const caClient = grpcCaClient(
    {
      address: options.control,
      rootsFile: options.controlRoots,
      tokenFile: options.token,
      serverName: options.controlName,
      clusterId: options.clusterId,
    },
    { clock },
  )
  const folder = join(options.secrets, 'certificates')
  return new CertificateStore(
    { caClient, folder, ttlMs: options.certificateLifetime },
    { clock, log, rng: systemRng },
  )
}

function createAds(
  options: NodeOptions,
  { clock, log }: NodeRoleDeps,
  { updates, metrics }: { readonly updates: MeshUpdates; readonly metrics: MetricsRegistry },
): AdsClient {
  const {
    control: address,
    controlRoots: rootsFile,
    token: tokenFile,
    controlName: serverName,
    clusterId,
  } = options
  return adsClient(
    {
      address,
      rootsFile,
      tokenFile,
      serverName,
      clusterId,
      node: { name: options.node },
      apply: (update) => updates.apply(update),
    },
    { clock, log, metrics, rng: systemRng },
  )
}

function servers(options: NodeOptions, { clock, log }: NodeRoleDeps, api: NodeApiDeps): readonly Component[] {
  const tcp = (host: string, port: number, routes: readonly AdminRoute[]): readonly Component[] =>
    port === 0 ? [] : [adminServer({ listen: { host, port }, routes }, { clock, log })]
  return [
    ...(options.adminSocket === ''
      ? []
      : [
          adminServer(
            { listen: { socketPath: options.adminSocket }, routes: adminRoutes(api) },
            { clock, log },
          ),
        ]),
    ...tcp('127.0.0.1', options.adminPort, adminRoutes(api)),
    ...tcp('0.0.0.0', options.metricsPort, metricsRoutes(api)),
    ...tcp('0.0.0.0', options.healthPort, healthRoutes(api)),
  ]
}

/** The data path as a part of the process: it serves when it has state, so its start waits for nothing. */
export function dataPlaneComponent(dataPlane: DataPlane): Component {
  return {
    start: async () => undefined,
    drain: (deadlineMs) => dataPlane.drain(deadlineMs),
    [Symbol.asyncDispose]: async () => dataPlane[Symbol.asyncDispose](),
  }
}
