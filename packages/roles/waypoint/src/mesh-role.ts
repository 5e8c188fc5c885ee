import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { adsClient, CertificateStore, grpcCaClient, IdentityUpdates } from '@tulle/control-client'
import type { AdsClient } from '@tulle/control-client'
import { MeshError, systemRng } from '@tulle/core'
import { hbonePort } from '@tulle/hbone'
import { waypointNode, waypointUid } from '@tulle/mesh'
import { addressType, revocationType, trustBundleType } from '@tulle/mesh-xds'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { adminServer, MetricsRegistry, runComponents } from '@tulle/runtime'
import type { Component } from '@tulle/runtime'
import { accessType, serviceTrafficType, tracingType } from '@tulle/traffic-xds'
import { createWaypointPlane } from '@tulle/waypoint-plane'
import type { WaypointPlane } from '@tulle/waypoint-plane'
import { openAccessLog } from './access-log.ts'
import type { MeshWaypointOptions } from './mesh-options.ts'
import { dataPath, healthRoute, metricsRoutes, quitRoute, serverAt } from './plane-parts.ts'
import { tapRoutes } from './tap-routes.ts'
import type { WaypointRoleDeps } from './waypoint-role.ts'

/** In the order in which they are needed: whom to believe, who may, then who there is. */
const typeUrls = [trustBundleType, revocationType, accessType, addressType, serviceTrafficType, tracingType]

/** Runs a waypoint of the mesh until it is stopped: resolves when it has drained. */
export async function runMeshWaypoint(options: MeshWaypointOptions, deps: WaypointRoleDeps): Promise<void> {
  const { clock, log } = deps
  const waypoint = parseName(options.waypoint)
  mkdirSync(options.secrets, { recursive: true, mode: 0o700 })
  const metrics = new MetricsRegistry()
  const certificates = createCertificates(options, deps)
  const accessLogFd = openAccessLog(options.accessLog)
  const { workers } = options
  const plane = await createWaypointPlane(
    { workers, uid: waypointUid(waypoint), listen: { ip: options.listen, port: hbonePort } },
    {
      clock,
      log,
      demand: (service) => ads.demand(serviceTrafficType, service),
      onIdentity: (identity) => certificates.want(identity),
      onFailed: deps.fail,
      ...(accessLogFd === undefined ? {} : { accessLogFd }),
    },
  )
  certificates.subscribe((list) => void plane.setCertificates(list))
  const identities = new IdentityUpdates({ dataPath: plane, certificates, metrics })
  const ads: AdsClient = createAds(options, deps, {
    node: waypointNode(waypoint),
    metrics,
    apply: (update) => (identities.handles(update.typeUrl) ? identities.apply(update) : plane.apply(update)),
  })
  plane.opened.then((isOpen) => {
    if (isOpen) log.info('waypoint serves', { waypoint: options.waypoint, workers })
  }, deps.fail)
  // What drains first is last: while requests finish, policies still come, and workloads let it in as long as it is connected.
  await runComponents(
    [
      ...servers(options, deps, { plane, metrics }),
      certificates,
      ads,
      dataPath(plane, log, async () => undefined),
    ],
    {
      log,
      stop: deps.stop,
      drainDeadlineMs: options.drainDeadline,
      onReady: () => log.info('waypoint runs', { waypoint: options.waypoint, control: options.control }),
    },
  )
}

function parseName(text: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = '', ...more] = text.split('/')
  if (namespace !== '' && name !== '' && more.length === 0) return { namespace, name }
  throw new MeshError(
    'WAYPOINT_BAD_NAME',
    `--waypoint: expected NAMESPACE/NAME, found ${JSON.stringify(text)}`,
  )
}

function createCertificates(
  options: MeshWaypointOptions,
  { clock, log }: WaypointRoleDeps,
): CertificateStore {
  const { control: address, controlRoots, token, controlName, clusterId } = options
  const caClient = grpcCaClient(
    { address, rootsFile: controlRoots, tokenFile: token, serverName: controlName, clusterId },
    { clock },
  )
  const folder = join(options.secrets, 'certificates')
  return new CertificateStore(
    { caClient, folder, ttlMs: options.certificateLifetime },
    { clock, log, rng: systemRng },
  )
}

interface AdsParts {
  readonly node: string
  readonly metrics: MetricsRegistry
  apply(update: ResourceUpdate): ReturnType<WaypointPlane['apply']>
}

function createAds(
  options: MeshWaypointOptions,
  { clock, log }: WaypointRoleDeps,
  { node, metrics, apply }: AdsParts,
): AdsClient {
  const { control: address, controlRoots, token, controlName, clusterId } = options
  return adsClient(
    {
      address,
      rootsFile: controlRoots,
      tokenFile: token,
      serverName: controlName,
      clusterId,
      node: { name: node },
      historyFile: join(options.secrets, 'history'),
      typeUrls,
      // Of all services only those that are bound here, so that a change elsewhere is not told.
      onDemand: [serviceTrafficType],
      apply,
    },
    { clock, log, metrics, rng: systemRng },
  )
}

interface ServerParts {
  readonly plane: WaypointPlane
  readonly metrics: MetricsRegistry
}

function servers(
  options: MeshWaypointOptions,
  deps: WaypointRoleDeps,
  { plane, metrics }: ServerParts,
): readonly Component[] {
  const { clock, log } = deps
  const scraped = metricsRoutes(async () => {
    const all = await plane.metrics()
    for (const slice of metrics.slices()) all.add(slice)
    return all
  })
  const health = healthRoute(() => plane.listening)
  const routes = [quitRoute(deps), health, ...scraped, ...tapRoutes(plane)]
  const { adminSocket: socketPath, metricsPort, healthPort } = options
  return [
    ...(socketPath === '' ? [] : [adminServer({ listen: { socketPath }, routes }, { clock, log })]),
    ...serverAt({ host: '0.0.0.0', port: metricsPort }, scraped, deps),
    ...serverAt({ host: '0.0.0.0', port: healthPort }, [health], deps),
  ]
}
