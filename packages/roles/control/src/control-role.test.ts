import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { must, seededRng, systemClock, TestClock } from '@tulle/core'
import { adsClient, grpcCaClient } from '@tulle/control-client'
import type { AdsClient } from '@tulle/control-client'
import { defaultTrustDomain, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { addressType, decodeAddress } from '@tulle/mesh-xds'
import type { MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import { createLog, MetricsRegistry, parseOptions, silentLog } from '@tulle/runtime'
import { controlApiClient } from '@tulle/status'
import type { ControlApiClient } from '@tulle/status'
import { createCsr, csrPem, generateKeyPair } from '@tulle/x509'
import { controlRole } from './control-role.ts'
import type { ControlRole } from './control-role.ts'
import { controlOptions } from './options.ts'
import { stateFiles } from './state-folder.ts'

const forever = new AbortController().signal

const services = `
apiVersion: v1
kind: Service
metadata: { name: books, namespace: bookstore }
spec:
  selector: { app: books }
  ports: [{ port: 80, targetPort: 8080 }]
`
const workloads = `
apiVersion: tulle.dev/v1alpha1
kind: Workload
metadata: { name: books-1, namespace: bookstore, labels: { app: books } }
spec:
  serviceAccount: books
  node: n1
  ports: [{ port: 8080 }]
  run: { command: [node, books.js] }
---
apiVersion: tulle.dev/v1alpha1
kind: Workload
metadata: { name: web-1, namespace: bookstore, labels: { app: web } }
spec:
  serviceAccount: web
  node: n2
  ports: [{ port: 8081 }]
  run: { command: [node, web.js] }
`
const access = `
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: { name: any, namespace: bookstore }
spec: { matches: { ports: [8080] } }
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: { name: web-buys, namespace: bookstore }
spec:
  destination: { kind: ServiceAccount, name: books }
  sources: [{ kind: ServiceAccount, name: web }]
  rules: [{ kind: TCPRoute, name: any }]
`

/** A control plane over a folder of manifests. */
class ControlFixture implements AsyncDisposable {
  readonly clock: TestClock = new TestClock(systemClock.nowMs())
  readonly manifests: string
  readonly state: string
  readonly api: ControlApiClient
  readonly lines: string[] = []
  readonly #stack: AsyncDisposableStack = new AsyncDisposableStack()
  #role: ControlRole | undefined

  private constructor(folder: string) {
    this.manifests = join(folder, 'manifests')
    this.state = join(folder, 'state')
    this.api = controlApiClient(stateFiles(this.state).controlSocket)
    this.#stack.defer(() => rm(folder, { recursive: true }))
  }

  static async create(): Promise<ControlFixture> {
    const fixture = new ControlFixture(await mkdtemp(join(tmpdir(), 'tulle-control-')))
    await mkdir(fixture.manifests)
    await fixture.save('services.yaml', services)
    await fixture.save('workloads.yaml', workloads)
    await fixture.save('access.yaml', access)
    fixture.#stack.defer(() => fixture.stop())
    await fixture.start()
    return fixture
  }

  get role(): ControlRole {
    return must(
      this.#role === undefined ? { ok: false, error: 'not started' } : { ok: true, value: this.#role },
    )
  }

  save(file: string, text: string): Promise<void> {
    return writeFile(join(this.manifests, file), text)
  }

  async start(): Promise<void> {
    const argv = [
      '--manifests',
      this.manifests,
      '--state',
      this.state,
      '--listen-port',
      '0',
      '--nodes',
      'n1,n2',
    ]
    const options = must(parseOptions(controlOptions, { argv, env: {} }))
    const { clock } = this
    const log = createLog({ level: 'info', clock, write: (line) => this.lines.push(line) })
    this.#role = controlRole(options, { clock, log, metrics: new MetricsRegistry(), version: '0.0.0' })
    await this.#role.start(forever)
  }

  async stop(): Promise<void> {
    await this.#role?.drain(0)
    await this.#role?.[Symbol.asyncDispose]()
    this.#role = undefined
  }

  connection(node: string): {
    readonly address: string
    readonly rootsFile: string
    readonly tokenFile: string
  } {
    const files = stateFiles(this.state)
    const address = `127.0.0.1:${this.role.port}`
    return { address, rootsFile: files.controlRoots, tokenFile: files.node(node).token }
  }

  node(name: string, apply: (update: ResourceUpdate) => void): AdsClient {
    const { clock } = this
    const client = adsClient(
      {
        ...this.connection(name),
        node: { name },
        apply: (update) => {
          apply(update)
          return Promise.resolve([])
        },
      },
      { clock, rng: seededRng(1), log: silentLog, metrics: new MetricsRegistry() },
    )
    return this.#stack.use(client)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** What a node has applied, by resource name. */
function applied(): {
  readonly names: () => readonly string[]
  readonly apply: (update: ResourceUpdate) => void
  readonly resources: Map<string, MeshResource>
} {
  const resources = new Map<string, MeshResource>()
  return {
    resources,
    names: () => [...resources.keys()].toSorted(),
    apply: ({ upserts, removed }) => {
      for (const resource of upserts) resources.set(resource.name, resource)
      for (const name of removed) resources.delete(name)
    },
  }
}

/** The API's own time limit is the fixture's clock, which stands still: a node that never comes ends the test instead. */
const patience = { timeout: 60_000 } as const

/** The promise, or the end of the test: what it opened is then closed, and its process can end. */
function orEnd<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const end = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => end.reject(signal.reason), { once: true })
  return Promise.race([promise, end.promise])
}

test(
  'controlRole(): from a folder to a node, an edit, a broken file, and who has applied it',
  patience,
  async ({ signal }) => {
    await using fixture = await ControlFixture.create()
    const { api } = fixture
    const state = applied()
    const node = fixture.node('n1', state.apply)
    await node.start(forever)
    await orEnd(node.whenSynced, signal)
    const other = fixture.node('n2', applied().apply)
    await other.start(forever)
    await orEnd(other.whenSynced, signal)
    const everything = [
      'bookstore/books.bookstore.svc.cluster.local',
      'tulle//Workload/bookstore/books-1',
      'tulle//Workload/bookstore/web-1',
    ]
    for (const name of everything) assert.ok(state.resources.has(name), name)
    const policies = (await api.get('/v1/policies')).items.map(({ key }) => key)
    assert.ok(policies.length > 0)
    for (const key of policies) assert.ok(state.resources.has(key), key)

    await fixture.save('services.yaml', services.replace('port: 80,', 'port: 8888,'))
    const edited = await api.post('/v1/sync')
    const waited = await api.get('/v1/wait', { params: { revision: edited.revision }, signal })
    assert.equal(waited.applied, true)
    assert.deepEqual(
      waited.nodes.map(({ node: name, appliedRevision }) => [name, appliedRevision]),
      [
        ['n1', edited.revision],
        ['n2', edited.revision],
      ],
    )
    const bytes = state.resources.get('bookstore/books.bookstore.svc.cluster.local')?.bytes
    const address = must(decodeAddress(bytes ?? new Uint8Array()))
    assert.equal(address.kind === 'service' && address.service.ports[0]?.servicePort, 8888)

    await fixture.save('workloads.yaml', workloads.replace('serviceAccount: web', 'serviceAccnt: web'))
    const broken = await api.post('/v1/sync')
    assert.equal(broken.problems.length > 0, true)
    assert.match(broken.problems[0]?.message ?? '', /serviceAccount/u)
    assert.match(broken.problems[0]?.origin.file ?? '', /workloads\.yaml$/u)
    await api.get('/v1/wait', { params: { revision: broken.revision }, signal })
    assert.ok(
      state.resources.has('tulle//Workload/bookstore/books-1'),
      'the other document of the file stays',
    )

    const { items } = await api.get('/v1/objects')
    const service = items.find(({ kind }) => kind === 'Service')
    const programmed = service?.conditions.find(({ type }) => type === 'Programmed')
    assert.match(programmed?.message ?? '', /^applied on 2 of 2 nodes/u)
    const messages = fixture.lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg)
    assert.ok(messages.includes('objects changed'))
    assert.ok(messages.includes('applied everywhere'))
    assert.ok(messages.includes('not accepted'))
  },
)

test('controlRole(): the same addresses and roots after a restart', async () => {
  await using fixture = await ControlFixture.create()
  const before = await fixture.api.get('/v1/launches')
  const roots = await readFile(stateFiles(fixture.state).controlRoots, 'utf8')
  assert.equal(before.items.length, 2)
  assert.ok(before.hosts.some(({ name }) => name === 'books.bookstore'))
  await fixture.stop()
  await fixture.start()
  const after = await fixture.api.get('/v1/launches')
  assert.deepEqual([after.items, after.hosts], [before.items, before.hosts])
  assert.equal(await readFile(stateFiles(fixture.state).controlRoots, 'utf8'), roots)
})

test('controlRole(): a node gets certificates for its own workloads only', async () => {
  await using fixture = await ControlFixture.create()
  const client = grpcCaClient(fixture.connection('n1'), { clock: fixture.clock })
  const ask = (serviceAccount: string): Promise<readonly string[]> => {
    const identity = spiffeId({ trustDomain: defaultTrustDomain, namespace: 'bookstore', serviceAccount })
    return client.request({ csr: csrFor(identity), identity, ttlMs: 60_000, signal: forever })
  }
  assert.equal((await ask('books')).length, 2, 'leaf and roots')
  await assert.rejects(ask('web'), /no workload of .* runs on node n1/u)
  client[Symbol.dispose]()
})

test('controlRole(): all of its state is private, and it explains', async () => {
  await using fixture = await ControlFixture.create()
  const files = stateFiles(fixture.state)
  assert.equal((await stat(files.folder)).mode & 0o777, 0o700)
  const secrets = [
    files.tokenKey,
    files.allocations,
    files.controlSocket,
    files.controlRoots,
    files.node('n1').token,
  ]
  for (const path of secrets) {
    assert.equal((await stat(path)).mode & 0o777, 0o600, path)
  }
  const params = { from: 'bookstore/web-1', to: 'books.bookstore', port: 80 }
  const explained = (await fixture.api.get('/v1/explain', { params })) as { readonly allowed: boolean }
  assert.equal(explained.allowed, true)
})

test(
  'controlRole(): a change is noticed by itself, and a node keeps its state while the control plane is away',
  patience,
  async ({ signal }) => {
    await using fixture = await ControlFixture.create()
    const state = applied()
    const updates: string[] = []
    const node = fixture.node('n2', (update) => {
      state.apply(update)
      if (update.typeUrl === addressType) updates.push(...update.upserts.map(({ name }) => name))
    })
    await node.start(forever)
    await orEnd(node.whenSynced, signal)
    await fixture.save('more.yaml', services.replace('name: books,', 'name: reviews,'))
    while (!state.resources.has('bookstore/reviews.bookstore.svc.cluster.local'))
      await fixture.clock.advance(20)
    const names = state.names()
    await fixture.role.drain(1000)
    while (node.connected) await fixture.clock.advance(10)
    assert.deepEqual(state.names(), names)
    assert.deepEqual(
      updates.slice(3).toSorted(),
      ['bookstore/reviews.bookstore.svc.cluster.local', 'tulle//Workload/bookstore/books-1'],
      'after the first state, the new service and the workload that serves it',
    )
  },
)

function csrFor(identity: SpiffeId): string {
  return csrPem(createCsr({ identity, keyPair: generateKeyPair() }))
}
