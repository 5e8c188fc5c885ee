// A policy that a node cannot read, all the way: served by the control plane's stream, read by the node's client,
// applied by the data path, and told back.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CertificateAuthority, makeRoot } from '@tulle/ca'
import { createGraph } from '@tulle/collections'
import type { Graph, Source } from '@tulle/collections'
import { adsClient } from '@tulle/control-client'
import { err, must, ok, seededRng, systemClock, TestClock } from '@tulle/core'
import { defaultTrustDomain, noRevocations } from '@tulle/identity'
import { createDataPlane } from '@tulle/l4'
import type { DataPlane } from '@tulle/l4'
import { addressType, authorizationResource, authorizationType } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import { emptyMatch } from '@tulle/policy'
import { MetricsRegistry, silentLog } from '@tulle/runtime'
import { GrpcServer, xdsServer } from '@tulle/xds'
import type { XdsServer } from '@tulle/xds'

interface World extends AsyncDisposable {
  readonly graph: Graph
  readonly policies: Source<MeshResource>
  readonly xds: XdsServer
  readonly plane: DataPlane
  readonly clock: TestClock
  hangUp(): Promise<void>
  /** Waits until the node has answered for all that there is. */
  settled(): Promise<void>
}

async function startWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'tulle-refused-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const clock = new TestClock(systemClock.nowMs())
  const graph = createGraph()
  const policies = graph.source<MeshResource>('policies')
  const addresses = graph.source<MeshResource>('addresses')
  const root = makeRoot({ name: 'root', trustDomain: defaultTrustDomain, nowMs: clock.nowMs() })
  const authority = new CertificateAuthority(
    {
      trustDomain: defaultTrustDomain,
      state: { roots: [root], signer: 'root', revocations: noRevocations },
    },
    { clock, save: () => Promise.resolve() },
  )
  const metrics = new MetricsRegistry()
  const authenticate = (
    token: string,
  ): Promise<ReturnType<typeof ok<string>> | ReturnType<typeof err<string>>> =>
    Promise.resolve(token === 'let-me-in' ? ok('n1') : err('no'))
  const xds = stack.use(
    xdsServer(
      {
        resources: [
          { typeUrl: authorizationType, collection: policies },
          { typeUrl: addressType, collection: addresses },
        ],
      },
      { graph, clock, log: silentLog, metrics, authenticate },
    ),
  )
  xds.open()
  const issued = authority.issueServingCertificate({ names: ['tulle-control'], ips: [] })
  const certificate = must(issued.ok ? issued : err('no certificate for the server'))
  let server: GrpcServer | undefined
  const listen = (at: number): Promise<number> => {
    server = new GrpcServer(
      { methods: xds.methods, certificate, maxMessageBytes: 1 << 20 },
      { clock, rng: seededRng(1) },
    )
    return server.listen('127.0.0.1', at)
  }
  const port = await listen(0)
  stack.defer(() => server?.[Symbol.dispose]())
  const [rootsFile, tokenFile] = [join(folder, 'roots.pem'), join(folder, 'token')]
  await writeFile(rootsFile, authority.rootsPem)
  await writeFile(tokenFile, 'let-me-in')
  const plane = stack.use(
    createDataPlane({ workers: 0 }, { log: silentLog, clock, onIdentityNeeded: () => undefined }),
  )
  const client = stack.use(
    adsClient(
      {
        address: `127.0.0.1:${port}`,
        rootsFile,
        tokenFile,
        node: { name: 'n1' },
        apply: (update) => plane.apply(update),
      },
      { clock, log: silentLog, metrics, rng: seededRng(1) },
    ),
  )
  await client.start(new AbortController().signal)
  await client.whenSynced
  const owned = stack.move()
  return {
    graph,
    policies,
    xds,
    plane,
    clock,
    async hangUp() {
      server?.[Symbol.dispose]()
      while (client.connected) await new Promise((resolve) => setImmediate(resolve))
    },
    async settled() {
      if (!client.connected) {
        await listen(port)
        while (!client.connected) await clock.advance(10)
      }
      while (!xds.receipts.report(graph.revision).answered) await clock.advance(1)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function policy(name: string, extra: string = ''): MeshResource {
  const resource = authorizationResource({
    name,
    namespace: 'shop',
    scope: 'workload',
    action: 'allow',
    dryRun: false,
    rules: [{ clauses: [{ matches: [{ ...emptyMatch, destinationPorts: [80] }] }] }],
  })
  const bytes = Buffer.concat([resource.bytes, Buffer.from(extra, 'hex')])
  return { ...resource, bytes, version: `${resource.version}${extra}` }
}

function set(world: World, ...resources: readonly MeshResource[]): void {
  world.graph.transaction(() => {
    for (const resource of resources) world.policies.set(resource.name, resource)
  })
}

function remove(world: World, name: string): void {
  world.graph.transaction(() => world.policies.delete(name))
}

async function inForce(
  world: World,
): Promise<{ readonly known: readonly unknown[]; readonly refused: readonly string[] }> {
  const [worker] = await world.plane.dump()
  const policies = (worker?.policies ?? []) as readonly { readonly name: string }[]
  return {
    known: policies.map(({ name }) => name).toSorted(),
    refused: (worker?.refusedPolicies ?? []).map(({ name }) => name).toSorted(),
  }
}

/** What a later version of the schema might add, by where: all are appended to a whole policy. */
const foreign: Readonly<Record<string, string>> = {
  'an unknown field': '4001',
  'an unknown value of action': '2007',
  'an unknown field of a rule': '2a021001',
  'an unknown field of a clause': '2a040a020a00',
  'an unknown field of a match': '2a060a0412027001',
  'an unknown field of a string match': '2a080a0612040a022801',
}

test('what is unknown inside a policy, at any depth, refuses that resource alone, and the control plane hears why', async () => {
  await using world = await startWorld()
  const bad = Object.values(foreign).map((bytes, index) => policy(`bad-${index}`, bytes))
  set(world, policy('first'), ...bad, policy('second'))
  await world.settled()
  const names = bad.map(({ name }) => name).toSorted()
  assert.deepEqual(await inForce(world), { known: ['first', 'second'], refused: names })
  const { nodes } = world.xds.receipts.report(world.graph.revision)
  const told = nodes[0]?.types.flatMap(({ rejected }) => rejected) ?? []
  assert.deepEqual(told.map(({ name }) => name).toSorted(), names)
  for (const { reason } of told) assert.match(reason, /^unknown (field|value)/u)
})

test('a refused policy is taken when it is mended, and forgotten when it is removed', async () => {
  await using world = await startWorld()
  set(world, policy('mended', '4001'), policy('removed', '4001'))
  await world.settled()
  assert.deepEqual(await inForce(world), { known: [], refused: ['shop/mended', 'shop/removed'] })
  set(world, policy('mended'))
  remove(world, 'shop/removed')
  await world.settled()
  assert.deepEqual(await inForce(world), { known: ['mended'], refused: [] })
})

test('a refused policy that was removed while the control plane was away is forgotten when it is back', async () => {
  await using world = await startWorld()
  set(world, policy('kept', '4001'), policy('removed', '4001'), policy('good'))
  await world.settled()
  await world.hangUp()
  remove(world, 'shop/removed')
  assert.deepEqual((await inForce(world)).known, ['good'], 'last good state')
  await world.settled()
  assert.deepEqual(await inForce(world), { known: ['good'], refused: ['shop/kept'] })
})
