import {
  caService,
  loadOrCreateAuthority,
  loadTokenKey,
  RootRotation,
  ServingCredentials,
  verifyNodeToken,
} from '@tulle/ca'
import type { CertificateAuthority, ServingCertificate, TokenKey } from '@tulle/ca'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import { assert, errorText, ok } from '@tulle/core'
import type { Clock, Result } from '@tulle/core'
import type { TrustDomain } from '@tulle/identity'
import { parseIpAddress } from '@tulle/mesh'
import { addressType, authorizationType, revocationType, trustBundleType } from '@tulle/mesh-xds'
import { runningTrustDomain, translateMesh } from '@tulle/outputs'
import type { RunningTrustDomain } from '@tulle/outputs'
import type { MeshModel } from '@tulle/outputs'
import { adminServer } from '@tulle/runtime'
import type { AdminServer, Component, Log, MetricsRegistry } from '@tulle/runtime'
import { controlApi } from '@tulle/status'
import { accessType, serviceTrafficType, tracingType } from '@tulle/traffic-xds'
import { waypointAllocationKey } from '@tulle/waypoints'
import { xdsServer } from '@tulle/xds'
import type { XdsServer } from '@tulle/xds'
import { authorizeByNode, unlessRevoked } from './authorize-node.ts'
import { followAuthority } from './belief.ts'
import type { Belief } from './belief.ts'
import { ChangeLog } from './change-log.ts'
import { controlGauges } from './control-gauges.ts'
import { controlState, joinObjects } from './control-state.ts'
import { certificateMethods, openGrpcPort } from './grpc-port.ts'
import type { GrpcPort } from './grpc-port.ts'
import { openHistory } from './history.ts'
import { hasIdentity, neededCertificates } from './holders.ts'
import { identityRoutes } from './identity-routes.ts'
import { keepNodeTokens, writePrivateFile } from './node-tokens.ts'
import type { ControlOptions } from './options.ts'
import { processRoutes } from './process-routes.ts'
import { followReadyWaypoints } from './ready-waypoints.ts'
import { followLeavingWaypoints } from './leaving-waypoints.ts'
import { openSources } from './sources.ts'
import type { Sources } from './sources.ts'
import { laggards } from './spread.ts'
import { makePrivateFolder, stateFiles } from './state-folder.ts'
import type { StateFiles } from './state-folder.ts'

export interface ControlDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: MetricsRegistry
  /** Of the product, for `tulle version`. */
  readonly version: string
}

/** The control plane, as one component. After `start` it serves: sources are read, ports are open. */
export interface ControlRole extends Component {
  /** The port of configuration and certificates. */
  readonly port: number
  readonly ready: boolean
}

export function controlRole(options: ControlOptions, deps: ControlDeps): ControlRole {
  return new Control(options, deps)
}

class Control implements ControlRole {
  readonly name: string = 'control'
  readonly #options: ControlOptions
  readonly #deps: ControlDeps
  readonly #files: StateFiles
  readonly #stack: AsyncDisposableStack = new AsyncDisposableStack()
  #xds: XdsServer | undefined
  #grpc: GrpcPort | undefined
  #admin: AdminServer | undefined
  #ready: boolean = false

  constructor(options: ControlOptions, deps: ControlDeps) {
    this.#options = options
    this.#deps = deps
    this.#files = stateFiles(options.state)
  }

  get port(): number {
    return this.#grpc?.port ?? 0
  }

  get ready(): boolean {
    return this.#ready
  }

  async start(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps
    const { manifests, nodes, nodeTokenTtl, listenHost, trustDomain, workloadRange } = this.#options
    makePrivateFolder(this.#files.folder)
    const graph = createGraph()
    const sources = this.#stack.use(
      await openSources(
        { manifests, allocationsFile: this.#files.allocations, workloadRange },
        { graph, clock, log: log.child({ part: 'sources' }) },
        signal,
      ),
    )
    const running = graph.source<RunningTrustDomain>('running-trust-domain')
    const phases = waypointPhases(graph)
    const model = translateMesh(graph, sources.api, sources.allocations, {
      trustDomain: running,
      ...phases,
    })
    const tokenKey = await loadTokenKey(this.#files.tokenKey)
    const authority = await this.#loadAuthority(trustDomain ?? model.settings.value.trustDomain)
    // From here on: a change of it waits for the next start, with a condition that says so.
    const inUse = { trustDomain: authority.trustDomain, isFixed: trustDomain !== undefined }
    graph.transaction(() => running.set(runningTrustDomain, inUse))
    const belief = this.#stack.use(followAuthority(graph, model, authority))
    const history = await openHistory(this.#files.history, log)
    const mesh = { graph, sources, model, phases, tokenKey, authority, belief, history }
    const xds = this.#serveResources(mesh)
    this.#followWaypoints(mesh, xds)
    sources.alsoAllot(model.waypoints, waypointAllocationKey)
    sources.follow()
    const rotation = this.#rotation(mesh, xds)
    const ttlMs = nodeTokenTtl
    this.#stack.use(await keepNodeTokens({ key: tokenKey, nodes, ttlMs, files: this.#files }, { clock, log }))
    // Whoever finds the port open is served: after a restart all nodes are looking for it.
    xds.open()
    const grpc = await this.#openPort(mesh, { xds, rotation })
    await this.#serveAdmin(mesh, { xds, rotation }, signal)
    await rotation.start(signal)
    this.#ready = true
    const facts = { manifests, revision: graph.revision, problems: sources.problems.size }
    log.info('the control plane serves', { address: `${listenHost}:${grpc.port}`, ...facts })
  }

  /** Nodes go on with what they have, and look for us again. */
  async drain(deadlineMs: number): Promise<void> {
    this.#ready = false
    this.#xds?.close()
    await Promise.all([this.#admin?.drain(deadlineMs), this.#grpc?.drain(deadlineMs)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ready = false
    await this.#stack.disposeAsync()
  }

  async #loadAuthority(trustDomain: TrustDomain): Promise<CertificateAuthority> {
    const { clock, log } = this.#deps
    const folder = this.#files.caFolder
    const leafTtlMs = this.#options.certificateTtl
    const authority = await loadOrCreateAuthority({ folder, trustDomain, clock, leafTtlMs })
    const writeRoots = (): Promise<void> => writePrivateFile(this.#files.controlRoots, authority.rootsPem)
    await writeRoots()
    this.#stack.use(
      authority.subscribe(() => {
        writeRoots().catch((error: unknown) => log.error('roots not written', { error: errorText(error) }))
      }),
    )
    return authority
  }

  #serveResources({ graph, model, tokenKey, belief, history }: Mesh): XdsServer {
    const { clock, log, metrics } = this.#deps
    const resources = [
      { typeUrl: trustBundleType, collection: belief.resources.trustBundle },
      { typeUrl: revocationType, collection: belief.resources.revocation },
      { typeUrl: authorizationType, collection: model.resources.authorization },
      { typeUrl: accessType, collection: model.resources.access },
      { typeUrl: tracingType, collection: model.resources.tracing },
      { typeUrl: serviceTrafficType, collection: model.resources.traffic },
      { typeUrl: addressType, collection: model.resources.address },
    ]
    const authenticate = async (token: string): Promise<Result<string>> => {
      const caller = await verifyNodeToken(tokenKey, token, clock)
      return caller.ok ? ok(caller.value.node) : caller
    }
    const deps = { graph, authenticate, clock, log: log.child({ part: 'xds' }), metrics }
    this.#xds = this.#stack.use(xdsServer({ resources, history }, deps))
    return this.#xds
  }

  #followWaypoints({ graph, model, phases }: Mesh, { receipts }: XdsServer): void {
    const { waypoints, waypointLeads: leads, workloads } = model
    const { readyWaypoints: ready, endingWaypoints: ending, ledBefore } = phases
    this.#stack.use(followReadyWaypoints({ graph, waypoints, receipts, ready }))
    const { clock } = this.#deps
    const drainMs = this.#options.waypointDrain
    this.#stack.use(
      followLeavingWaypoints({
        graph,
        clock,
        waypoints,
        leads,
        workloads,
        receipts,
        ready,
        ending,
        ledBefore,
        drainMs,
      }),
    )
  }

  async #openPort(mesh: Mesh, { xds, rotation }: Serving): Promise<GrpcPort> {
    const { graph, model, authority, tokenKey, belief } = mesh
    const { clock } = this.#deps
    const log = this.#deps.log.child({ part: 'ca' })
    const { listenHost: host, listenPort: port, maxRequestSize: maxRequestBytes } = this.#options
    const ip = parseIpAddress(host)
    const names = ['tulle-control', 'localhost']
    const serving = { authority, names, ips: ip.ok ? [ip.value] : [] }
    let certificate: ServingCertificate | undefined
    const onRotate = (next: ServingCertificate): void => {
      certificate = next
      this.#grpc?.setCertificate(next)
    }
    this.#stack.use(new ServingCredentials({ ...serving, onRotate }, { clock, log }))
    assert(certificate !== undefined, 'the first certificate is there at once')
    const certificates = caService(
      {
        authority,
        authenticate: (token) => verifyNodeToken(tokenKey, token, clock),
        authorizeNode: unlessRevoked(belief.revocations, authorizeByNode(graph, model)),
        onIssued: (caller, identity) => rotation.issued(caller, identity),
      },
      { clock, log },
    )
    const methods = { ...xds.methods, ...certificateMethods(certificates) }
    const grpc = await openGrpcPort({ host, port, certificate, methods, maxRequestBytes }, clock)
    this.#grpc = this.#stack.use(grpc)
    return grpc
  }

  /** Replaces the root when somebody asks for it, or goes on with that. */
  #rotation({ graph, model, authority, belief }: Mesh, xds: XdsServer): RootRotation {
    const { clock, log } = this.#deps
    const spread = { graph, workloads: model.workloads, receipts: xds.receipts }
    return this.#stack.use(
      new RootRotation({
        authority,
        clock,
        log: log.child({ part: 'ca' }),
        behind: () =>
          laggards(spread, trustBundleType, belief.bundleRevision).map(({ node, why }) => `${node} ${why}`),
        holders: () => neededCertificates(model, belief.revocations.value),
      }),
    )
  }

  async #serveAdmin(mesh: Mesh, { xds, rotation }: Serving, signal: AbortSignal): Promise<void> {
    const { clock, log, metrics, version } = this.#deps
    const { graph, sources, model } = mesh
    const { problems } = sources
    const { receipts } = xds
    const objects = joinObjects(graph, sources.api)
    this.#stack.use(new ChangeLog({ graph, objects, problems, receipts, log }))
    const startedAtMs = clock.nowMs()
    const sync = (): Promise<number> => sources.sync()
    const state = controlState(model, {
      version,
      startedAtMs,
      graph,
      readyWaypoints: mesh.phases.readyWaypoints,
      objects,
      problems,
      receipts,
      sync,
    })
    const api = this.#stack.use(controlApi(state, { clock }))
    const refresh = controlGauges(metrics, state)
    const identities = identityRoutes({
      authority: mesh.authority,
      rotation,
      belief: mesh.belief,
      api: sources.api,
      spread: { graph, workloads: model.workloads, receipts },
      hasWorkload: hasIdentity(model),
      clock,
    })
    const own = processRoutes({ log, metrics, refresh, ready: () => this.#ready })
    const listen = { socketPath: this.#files.controlSocket }
    this.#admin = this.#stack.use(
      adminServer({ listen, routes: [...api.routes, ...identities, ...own] }, { clock, log }),
    )
    await this.#admin.start(signal)
  }
}

/** What the control plane keeps about waypoints that come and go. */
interface WaypointPhases {
  readonly readyWaypoints: Source<true>
  readonly endingWaypoints: Source<true>
  readonly ledBefore: Source<readonly string[]>
}

function waypointPhases(graph: Graph): WaypointPhases {
  return {
    readyWaypoints: graph.source('ready-waypoints'),
    endingWaypoints: graph.source('ending-waypoints'),
    ledBefore: graph.source('led-before'),
  }
}

interface Serving {
  readonly xds: XdsServer
  readonly rotation: RootRotation
}

interface Mesh {
  readonly graph: Graph
  readonly sources: Sources
  readonly model: MeshModel
  readonly phases: WaypointPhases
  readonly tokenKey: TokenKey
  readonly authority: CertificateAuthority
  readonly belief: Belief
  readonly history: string
}
