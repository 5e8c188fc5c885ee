import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyObject, Condition, Problem, ServiceObject, WorkloadObject } from '@tulle/api'
import { objectKey } from '@tulle/api'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import { err, must, ok, TestClock } from '@tulle/core'
import { defaultTrustDomain } from '@tulle/identity'
import { parseIpAddress, parsePort, serviceKey } from '@tulle/mesh'
import type { Service, Waypoint, Workload } from '@tulle/mesh'
import { policyKey } from '@tulle/policy'
import type { AuthorizationPolicy } from '@tulle/policy'
import { adminServer, silentLog } from '@tulle/runtime'
import { controlApiClient } from './control-client.ts'
import type { ControlApiClient } from './control-client.ts'
import { controlApi } from './control-routes.ts'
import type { ControlState, NodeProgress, NodeReceipts, RevisionProgress } from './control-state.ts'

const meta = { labels: {}, annotations: {} }
const origin = { file: '/manifests/books.yaml', line: 3, column: 1 }

export const booksWorkload: Workload = {
  uid: 'tulle//Workload/bookstore/books-1',
  name: 'books-1',
  namespace: 'bookstore',
  serviceAccount: 'books',
  trustDomain: defaultTrustDomain,
  addresses: [must(parseIpAddress('10.77.1.1'))],
  network: '',
  tunnel: 'hbone',
  node: 'n1',
  services: new Map([
    [
      'bookstore/books.bookstore.svc.cluster.local',
      [{ servicePort: must(parsePort(80)), targetPort: must(parsePort(8080)) }],
    ],
  ]),
  policies: ['bookstore/buyers'],
  health: 'healthy',
  capacity: 1,
  kubeCluster: 'Kubernetes',
  canonicalName: 'books',
  canonicalRevision: 'latest',
  workloadName: 'books-1',
  workloadType: 'pod',
  hostname: '',
  nativeTunnel: false,
  hostNetwork: false,
}

export const booksService: Service = {
  name: 'books',
  namespace: 'bookstore',
  hostname: 'books.bookstore.svc.cluster.local',
  addresses: [{ network: '', address: must(parseIpAddress('240.240.0.1')) }],
  ports: [{ servicePort: 80, targetPort: 8080, appProtocol: 'http11' }],
  subjectAltNames: [],
  ipFamilies: 'automatic',
  canonical: true,
  visibility: 'public',
  ingressUseWaypoint: false,
  weightedWaypoints: [],
}

export const buyersPolicy: AuthorizationPolicy = {
  name: 'buyers',
  namespace: 'bookstore',
  scope: 'workload',
  action: 'allow',
  dryRun: false,
  rules: [{ clauses: [] }],
}

export const booksObject: WorkloadObject = {
  group: 'tulle.dev',
  version: 'v1alpha1',
  kind: 'Workload',
  metadata: { ...meta, name: 'books-1', namespace: 'bookstore' },
  spec: {
    serviceAccount: 'books',
    ports: [{ port: 8080 }],
    hbone: true,
    capacity: 1,
    run: { command: ['node', 'books.js'], env: { PORT: '8080' }, workingDir: 'app' },
  },
  origin,
  positions: new Map(),
}

export const serviceObject: ServiceObject = {
  group: '',
  version: 'v1',
  kind: 'Service',
  metadata: { ...meta, name: 'books', namespace: 'bookstore' },
  spec: { selector: {}, ports: [] },
  origin,
  positions: new Map(),
}

/** Receipts that a test sets. */
class TestReceipts implements NodeReceipts {
  readonly progress: Map<string, NodeProgress> = new Map()
  readonly #listeners: Set<() => void> = new Set()
  slowestMs: number | undefined = 12

  set(progress: NodeProgress): void {
    this.progress.set(progress.node, progress)
    for (const listener of this.#listeners) listener()
  }

  nodes(): readonly NodeProgress[] {
    return [...this.progress.values()]
  }

  report(revision: number): RevisionProgress {
    const nodes = this.nodes().filter((node) => node.connected)
    const answered = nodes.every((node) => node.appliedRevision >= revision)
    return { answered, everywhere: answered, nodes, slowestMs: this.slowestMs }
  }

  subscribe(onChange: () => void): Disposable {
    this.#listeners.add(onChange)
    return { [Symbol.dispose]: () => void this.#listeners.delete(onChange) }
  }

  get listeners(): number {
    return this.#listeners.size
  }
}

export function nodeProgress(node: string, appliedRevision: number): NodeProgress {
  const typeUrl = 'type.googleapis.com/istio.workload.Address'
  const type = { typeUrl, subscription: 'all' as const, sentRevision: 9, appliedRevision, rejected: [] }
  return { node, connected: true, sinceMs: 1_800_000_000_000, appliedRevision, types: [type] }
}

/** The control API on a unix socket, over collections that a test writes. */
export class StatusFixture implements AsyncDisposable {
  readonly graph: Graph = createGraph()
  readonly clock: TestClock = new TestClock()
  readonly objects: Source<AnyObject> = this.graph.source<AnyObject>('objects')
  readonly conditions: Source<readonly Condition[]> = this.graph.source<readonly Condition[]>('conditions')
  readonly problems: Source<Problem> = this.graph.source<Problem>('problems')
  readonly workloads: Source<Workload> = this.graph.source<Workload>('workloads')
  readonly services: Source<Service> = this.graph.source<Service>('services')
  readonly policies: Source<AuthorizationPolicy> = this.graph.source<AuthorizationPolicy>('policies')
  readonly waypoints: Source<Waypoint> = this.graph.source<Waypoint>('waypoints')
  readonly readyWaypoints: Source<true> = this.graph.source<true>('ready-waypoints')
  readonly receipts: TestReceipts = new TestReceipts()
  readonly socketPath: string
  readonly client: ControlApiClient
  readonly #stack: AsyncDisposableStack = new AsyncDisposableStack()

  private constructor(folder: string) {
    this.socketPath = join(folder, 'control.sock')
    this.client = controlApiClient(this.socketPath)
    this.#stack.defer(() => rm(folder, { recursive: true }))
  }

  static async create(): Promise<StatusFixture> {
    const fixture = new StatusFixture(await mkdtemp(join(tmpdir(), 'tulle-status-')))
    const { clock, socketPath } = fixture
    const api = fixture.#stack.use(controlApi(fixture.#state(), { clock }))
    const options = { listen: { socketPath }, routes: api.routes }
    const server = fixture.#stack.use(adminServer(options, { clock, log: silentLog }))
    await server.start(new AbortController().signal)
    return fixture
  }

  /** A bookstore with one workload, one service, one policy. */
  fill(): void {
    this.graph.transaction(() => {
      this.workloads.set(booksWorkload.uid, booksWorkload)
      this.services.set(serviceKey(booksService), booksService)
      this.policies.set(policyKey(buyersPolicy), buyersPolicy)
      for (const object of [booksObject, serviceObject]) this.objects.set(objectKey(object), object)
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }

  #state(): ControlState {
    const { graph, objects, conditions, problems, workloads, services, policies, receipts } = this
    const settings = { trustDomain: 'cluster.local', mtls: 'permissive', access: 'enforce-selected' }
    return {
      version: '1.2.3',
      startedAtMs: this.clock.nowMs(),
      graph,
      settings: graph.singleton('settings', () => settings),
      objects,
      conditions,
      problems,
      workloads,
      services,
      policies,
      waypoints: this.waypoints,
      readyWaypoints: this.readyWaypoints,
      receipts,
      resourceNames: (object) => (object.kind === 'Workload' ? [booksWorkload.uid] : []),
      explain: ({ from, ...rest }) => (from === 'nobody' ? err('no workload nobody') : ok({ from, ...rest })),
      sync: () => Promise.resolve(graph.transaction(() => this.problems.delete('solved'))),
    }
  }
}
