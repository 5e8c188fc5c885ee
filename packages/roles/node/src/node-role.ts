import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { adsClient, CertificateStore, grpcCaClient, IdentityUpdates } from '@tulle/control-client'
import type { AdsClient } from '@tulle/control-client'
import { systemRng } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { nodeHandlesSelfTest } from '@tulle/kernel'
import { createDataPlane } from '@tulle/l4'
import type { DataPlane } from '@tulle/l4'
import { addressType } from '@tulle/mesh-xds'
import { adminServer, MetricsRegistry, runComponents } from '@tulle/runtime'
import type { AdminRoute, Component, Log } from '@tulle/runtime'
import { openAccessLog } from './access-log.ts'
import { AddressBook } from './address-book.ts'
import { DataPath } from './data-path.ts'
import { Enrolment } from './enrolment.ts'
import { LastGoodState } from './last-good-state.ts'
import { MeshUpdates } from './mesh-updates.ts'
import { adminRoutes, healthRoutes, metricsRoutes } from './node-api.ts'
import { limitsOf } from './node-limits.ts'
import { ExclusiveSockets } from './exclusive-sockets.ts'
import { Giver } from './handover/giver.ts'
import type { GiverDeps } from './handover/giver.ts'
import { KeptSockets } from './handover/kept-sockets.ts'
import { TakeOver } from './handover/take-over.ts'
import { HandoverError, Taker } from './handover/taker.ts'
import type { NodeApiDeps } from './node-api.ts'
import { handoverPath } from './options.ts'
import type { NodeOptions } from './options.ts'
import { settleAfterStart } from './settle-after-start.ts'

/** How long a process that takes over waits for a control plane that may be away. */
const controlWaitMs = 2000
/**
 * Where there is enough to serve from, the control plane is asked for what is new when the node's workloads are served
 * again, at most so long later: gRPC and its first stream take as much of a start as all that has to come before.
 */
const servesFirstMs = 1000

export interface NodeRoleDeps {
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  /** Aborts to drain. */
  readonly stop: AbortSignal
  /** Begins to drain, asked for from inside. */
  readonly requestStop: (reason: string) => void
  /** Ends the process at once: what it carries is in doubt, and a new process is better than half of one. */
  readonly fail: (error: unknown) => void
  /** Of the data path, begun already. */
  readonly threads?: readonly Worker[]
}

/** Runs a node proxy until it is stopped: resolves when it has drained. Throws HandoverError when it can't take over. */
export async function serveNode(options: NodeOptions, deps: NodeRoleDeps): Promise<void> {
  // Beside the start of the threads: workloads are closed until this process serves.
  const selfTest = nodeHandlesSelfTest()
  selfTest.catch(() => undefined) // awaited below
  mkdirSync(options.secrets, { recursive: true, mode: 0o700 })
  // First of all: the process that runs writes down what it knows when it is greeted.
  using taker = await knock(options, deps)
  const mayConnect = Promise.withResolvers<void>()
  const parts = assemble(options, deps, { taker, opensAfter: mayConnect.promise })
  // Also after a start that failed: threads would keep the process.
  await using _path = parts.path
  using _addresses = parts.addresses
  const restored = await parts.updates.restore((update, rejected) => parts.ads.resume(update, rejected))
  if (restored > 0 && taker === undefined)
    deps.log.info('serving the last good state until the control plane answers', { resources: restored })
  await selfTest
  // On demand a workload is not served before its own address was heard of anew.
  const servesFirst = restored > 0 && taker === undefined && options.subscribe === 'wildcard'
  void (servesFirst ? parts.enrolment.heardAll : Promise.resolve()).then(mayConnect.resolve)
  using _latest = deps.clock.after(servesFirstMs, mayConnect.resolve)
  await runComponents(parts.components, {
    log: deps.log,
    stop: deps.stop,
    drainDeadlineMs: options.drainDeadline,
    onReady: () => {
      settleAfterStart(deps.clock)
      deps.log.info('node proxy runs', {
        node: options.node,
        workers: options.workers,
        control: options.control,
      })
    },
  })
}

/** The process to take over from, if one is to be. */
async function knock(options: NodeOptions, { version }: NodeRoleDeps): Promise<Taker | undefined> {
  if (options.takeOver === 'never') return undefined
  const path = handoverPath(options)
  const taker = await Taker.knock({ path, node: options.node, version })
  if (taker === undefined && options.takeOver === 'required')
    throw new HandoverError('NODE_TAKE_OVER', `expected a running proxy at ${path}, found none`)
  return taker
}

interface Parts {
  readonly components: readonly Component[]
  readonly path: DataPath
  readonly updates: MeshUpdates
  readonly ads: AdsClient
  readonly enrolment: Enrolment
  readonly addresses: AddressBook | undefined
}

/** Data flow: ZDS → data path ← ADS; data path → wanted identities → certificates → data path. */
function assemble(
  options: NodeOptions,
  deps: NodeRoleDeps,
  { taker, opensAfter }: { readonly taker: Taker | undefined; readonly opensAfter: Promise<void> },
): Parts {
  const { clock, log } = deps
  const metrics = new MetricsRegistry()
  const certificates = createCertificates(options, deps)
  const addresses = addressBook(options, { clock, metrics }, () => ads)
  const dataPlane = startDataPlane(options, deps, { certificates, addresses })
  const lastGood = lastGoodState(options, deps, taker)
  const identities = new IdentityUpdates({ dataPath: dataPlane, certificates, metrics })
  const updates = new MeshUpdates({ dataPlane, lastGood, identities, addresses })
  const ads = createAds(options, deps, { updates, metrics, opensAfter })
  const takeOverOptions = { timeoutMs: options.takeOverTimeout, controlWaitMs }
  const onTaken = async (): Promise<void> => {
    lastGood.flush()
    await exclusive.open()
    // Beside what runs: until then the keeper has what the process before had.
    for (const { uid } of enrolment.list()) void kept?.bring(uid)
  }
  const takeOver =
    taker && new TakeOver(taker, takeOverOptions, { dataPlane, clock, log, synced: ads.whenSynced, onTaken })
  const kept = keptSockets(options, deps, dataPlane)
  const enrolment = createEnrolment(options, deps, { dataPlane, kept, addresses, takeOver })
  const path = new DataPath(dataPlane)
  const api: NodeApiDeps = {
    dataPlane,
    metrics,
    log,
    certificates: () => certificates.status,
    dumpParts: () => ({
      version: deps.version,
      config: { ...options },
      enrolled: enrolment.list(),
      control: { connected: ads.connected, synced: ads.synced, refusedState: ads.refusedState },
      identities: identities.dump(),
    }),
    pending: () => (ads.synced ? [] : ['state of the mesh']),
    process: () => ({
      pid: process.pid,
      version: deps.version,
      workers: options.workers,
      takeOver: takeOver?.view,
    }),
    stop: () => deps.requestStop('quitquitquit'),
  }
  const giver = createGiver(options, deps, {
    dataPlane,
    onHello: () => lastGood.flush(),
    onServing: () => {
      lastGood.retire()
      // Policy goes on arriving, and is decided anew for what is open, until that has ended.
      const drained = path.end(options.handoverDrain)
      return { released: Promise.all([exclusive.close(), enrolment.leave()]).then(() => undefined), drained }
    },
  })
  const exclusive = new ExclusiveSockets([...servers(options, deps, api), giver], {
    waits: takeOver !== undefined,
  })
  return {
    components: [exclusive, path, certificates, ads, enrolment, ...(takeOver ? [takeOver] : [])],
    path,
    updates,
    ads,
    enrolment,
    addresses,
  }
}

/** Until this process takes over, its files are the other one's. */
function lastGoodState(
  { secrets: folder }: NodeOptions,
  { clock, log }: NodeRoleDeps,
  taker: Taker | undefined,
): LastGoodState {
  return new LastGoodState({ folder, clock, log, isKeptElsewhere: taker !== undefined })
}

/** Where addresses are served on demand. */
function addressBook(
  { subscribe }: NodeOptions,
  { clock, metrics }: { readonly clock: Clock; readonly metrics: MetricsRegistry },
  ads: () => AdsClient,
): AddressBook | undefined {
  if (subscribe === 'wildcard') return undefined
  const ask = (name: string): void => ads().demand(addressType, name)
  const release = (name: string): void => ads().release(addressType, name)
  return new AddressBook({ clock, metrics, ask, release })
}

function keptSockets(
  { keeperSocket: path, listeners, node }: NodeOptions,
  { clock, log }: NodeRoleDeps,
  dataPlane: DataPlane,
): KeptSockets | undefined {
  // What is kept is known by its namespace.
  if (path === '' || listeners !== '') return undefined
  return new KeptSockets({ path, node }, { dataPlane, clock, log })
}

function createEnrolment(
  { zds, listeners }: NodeOptions,
  { clock, log }: NodeRoleDeps,
  parts: {
    readonly dataPlane: DataPlane
    readonly kept: KeptSockets | undefined
    readonly addresses: AddressBook | undefined
    readonly takeOver: TakeOver | undefined
  },
): Enrolment {
  const { dataPlane, kept, addresses, takeOver } = parts
  return new Enrolment(zds, {
    dataPlane,
    clock,
    log,
    rng: systemRng,
    ...(kept === undefined ? {} : { kept }),
    ...(addresses === undefined ? {} : { addresses }),
    ...(listeners === '' ? {} : { listeners }),
    ...(takeOver === undefined ? {} : { takeOver }),
  })
}

function startDataPlane(
  options: NodeOptions,
  { clock, log, fail, threads = [] }: NodeRoleDeps,
  {
    certificates,
    addresses,
  }: { readonly certificates: CertificateStore; readonly addresses: AddressBook | undefined },
): DataPlane {
  const accessLogFd = openAccessLog(options.accessLog)
  const dataPlane = createDataPlane(
    {
      workers: options.workers,
      network: options.network,
      trustDomain: options.trustDomain,
      limits: limitsOf(options),
    },
    {
      log,
      clock,
      ...(accessLogFd === undefined ? {} : { accessLogFd }),
      ...(addresses === undefined ? {} : { onAddressNeeded: (name) => addresses.need(name) }),
      onIdentityNeeded: (identity) => certificates.want(identity),
      onIdentityReleased: (identity) => certificates.release(identity),
      onFailed: fail,
      threads,
    },
  )
  certificates.subscribe((list) => void dataPlane.setCertificates(list).catch(fail))
  return dataPlane
}

function createGiver(
  options: NodeOptions,
  { log, version, requestStop }: NodeRoleDeps,
  parts: Pick<GiverDeps, 'dataPlane' | 'onHello' | 'onServing'>,
): Giver {
  const { node, handoverDrain: drainMs } = options
  return new Giver(
    { path: handoverPath(options), node, version, drainMs },
    { ...parts, log, onEnd: () => requestStop('another process took over') },
  )
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
  {
    updates,
    metrics,
    opensAfter,
  }: {
    readonly updates: MeshUpdates
    readonly metrics: MetricsRegistry
    readonly opensAfter: Promise<void>
  },
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
      ...(options.subscribe === 'on-demand' ? { onDemand: [addressType] } : {}),
      historyFile: join(options.secrets, 'history'),
      opensAfter,
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
