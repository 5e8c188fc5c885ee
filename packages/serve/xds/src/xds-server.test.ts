import assert from 'node:assert/strict'
import { on, once } from 'node:events'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import { createGraph } from '@tulle/collections'
import type { Source } from '@tulle/collections'
import { err, ok, seededRng, TestClock } from '@tulle/core'
import type { MeshResource } from '@tulle/mesh-xds'
import { aggregatedDiscoveryService, DeltaDiscoveryRequestSchema } from '@tulle/proto'
import type { DeltaDiscoveryRequest, DeltaDiscoveryResponse } from '@tulle/proto'
import { MetricsRegistry, silentLog } from '@tulle/runtime'
import { GrpcServer } from './grpc-server.ts'
import { addressType } from './stream-fixture.ts'
import { xdsServer } from './xds-server.ts'
import type { XdsServer } from './xds-server.ts'

type Call = ClientDuplexStream<DeltaDiscoveryRequest | Buffer, DeltaDiscoveryResponse>

/** A server on loopback that believes tokens of the form `token-of-NODE`. */
class ServerFixture implements AsyncDisposable {
  readonly xds: XdsServer
  readonly clock: TestClock = new TestClock()
  readonly #server: GrpcServer
  #client: Client | undefined

  constructor() {
    const graph = createGraph()
    const collection: Source<MeshResource> = graph.source<MeshResource>('addresses')
    this.xds = xdsServer(
      { resources: [{ typeUrl: addressType, collection }], maxNames: 3, maxStreamsPerNode: 2 },
      {
        graph,
        clock: this.clock,
        log: silentLog,
        metrics: new MetricsRegistry(),
        authenticate: (token) => {
          if (token === 'broken') throw new Error('the key is gone')
          return token.startsWith('token-of-') ? ok(token.slice('token-of-'.length)) : err('unknown')
        },
      },
    )
    const { methods } = this.xds
    this.#server = new GrpcServer(
      { methods, maxMessageBytes: 1 << 20 },
      { clock: new TestClock(), rng: seededRng(1) },
    )
  }

  async listen(): Promise<this> {
    const port = await this.#server.listen('127.0.0.1', 0)
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.enable_retries': 0 })
    return this
  }

  open(authorization: string | undefined): Call {
    assert.ok(this.#client)
    const metadata = new Metadata()
    if (authorization !== undefined) metadata.set('authorization', authorization)
    const { path, requestSerialize, responseDeserialize } =
      aggregatedDiscoveryService.deltaAggregatedResources
    const serialize = (message: DeltaDiscoveryRequest | Buffer): Buffer =>
      Buffer.isBuffer(message) ? message : requestSerialize(message)
    const call = this.#client.makeBidiStreamRequest(path, serialize, responseDeserialize, metadata)
    // Those that the end of the test cancels say so; unheard it would fail the test.
    call.on('error', () => undefined)
    return call
  }

  /** Resolves when this node has acknowledged something. */
  async applied(name: string): Promise<void> {
    const { receipts } = this.xds
    const changed = Promise.withResolvers<void>()
    using _listening = receipts.subscribe(() => {
      const found = receipts.nodes().find(({ node }) => node === name)
      if (found?.types.some(({ appliedAtMs }) => appliedAtMs > 0) === true) changed.resolve()
    })
    await changed.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.xds[Symbol.dispose]()
    this.#client?.close()
    this.#server[Symbol.dispose]()
    return Promise.resolve()
  }
}

async function codeOf(call: Call): Promise<status> {
  const [error] = (await once(call, 'error').catch((thrown: unknown) => [thrown])) as [
    { readonly code: status },
  ]
  return error.code
}

function ask(names: readonly string[] = []): DeltaDiscoveryRequest {
  return create(DeltaDiscoveryRequestSchema, { typeUrl: addressType, resourceNamesSubscribe: [...names] })
}

test('xdsServer() is unavailable until it is opened', async () => {
  await using fixture = await new ServerFixture().listen()
  assert.equal(await codeOf(fixture.open('Bearer token-of-n1')), status.UNAVAILABLE)
  fixture.xds.open()
  const call = fixture.open('Bearer token-of-n1')
  call.write(ask())
  const [response] = (await once(call, 'data')) as [DeltaDiscoveryResponse]
  assert.deepEqual(response.resources, [])
})

test('xdsServer() refuses whoever shows no valid bearer token, before reading a request', async () => {
  await using fixture = await new ServerFixture().listen()
  fixture.xds.open()
  for (const header of [
    undefined,
    '',
    'Bearer',
    'Basic token-of-n1',
    'Bearer nobody',
    'Bearer token-of-n1 x',
  ]) {
    assert.equal(await codeOf(fixture.open(header)), status.UNAUTHENTICATED, String(header))
  }
  assert.equal(await codeOf(fixture.open('Bearer broken')), status.INTERNAL)
  assert.deepEqual(fixture.xds.receipts.nodes(), [])
})

test('xdsServer() knows a node by its token, whatever the request says', async () => {
  await using fixture = await new ServerFixture().listen()
  fixture.xds.open()
  const call = fixture.open('bearer token-of-n1')
  call.write(
    create(DeltaDiscoveryRequestSchema, { typeUrl: addressType, node: { id: 'ztunnel~1.2.3.4~other.ns~x' } }),
  )
  await once(call, 'data')
  assert.deepEqual(
    fixture.xds.receipts.nodes().map(({ node }) => node),
    ['n1'],
  )
})

test('xdsServer() ends a stream that asks for too much or sends garbage, and serves the others', async () => {
  await using fixture = await new ServerFixture().listen()
  fixture.xds.open()
  const other = fixture.open('Bearer token-of-n2')
  other.write(ask())
  await once(other, 'data')
  const greedy = fixture.open('Bearer token-of-n1')
  greedy.write(ask(['a', 'b', 'c', 'd']))
  assert.equal(await codeOf(greedy), status.RESOURCE_EXHAUSTED)
  const garbled = fixture.open('Bearer token-of-n1')
  garbled.write(Buffer.from([0xff, 0xff, 0xff]))
  assert.equal(await codeOf(garbled), status.INVALID_ARGUMENT)
  const again = fixture.open('Bearer token-of-n2')
  again.write(ask(['a']))
  const [response] = (await once(again, 'data')) as [DeltaDiscoveryResponse]
  assert.deepEqual(response.removedResources, ['a'])
})

test('xdsServer() ends the oldest of too many streams of one node', async () => {
  await using fixture = await new ServerFixture().listen()
  fixture.xds.open()
  const calls: Call[] = []
  for (let i = 0; i < 3; i++) {
    const call = fixture.open('Bearer token-of-n1')
    calls.push(call)
    const ended = i === 2 ? codeOf(calls[0] ?? call) : undefined
    call.write(ask())
    await once(call, 'data')
    if (ended !== undefined) assert.equal(await ended, status.RESOURCE_EXHAUSTED)
  }
  assert.equal(fixture.xds.receipts.nodes().length, 1)
})

test('xdsServer() notes a node that hangs up', async () => {
  await using fixture = await new ServerFixture().listen()
  fixture.xds.open()
  const call = fixture.open('Bearer token-of-n1')
  call.write(ask())
  await once(call, 'data')
  const gone = new Promise<void>((resolve) => {
    const { receipts } = fixture.xds
    receipts.subscribe(() => receipts.nodes().every((node) => !node.connected) && resolve())
  })
  call.end()
  call.resume()
  await once(call, 'end')
  await gone
})

test('xdsServer() does not lose the ack that a stream sends right before it ends', async () => {
  await using fixture = await new ServerFixture().listen()
  fixture.xds.open()
  const call = fixture.open('Bearer token-of-n1')
  call.write(ask())
  for await (const [response] of on(call, 'data')) {
    const { nonce } = response as DeltaDiscoveryResponse
    call.write(create(DeltaDiscoveryRequestSchema, { typeUrl: addressType, responseNonce: nonce }))
    break
  }
  call.end()
  call.resume()
  await once(call, 'end')
  assert.ok((fixture.xds.receipts.nodes()[0]?.types[0]?.appliedAtMs ?? 0) > 0)
})

test('case 19: xdsServer() ends the stream of a node that acknowledges nothing, at its deadline and not before', async () => {
  await using fixture = await new ServerFixture().listen()
  fixture.xds.open()
  const silent = fixture.open('Bearer token-of-n1')
  const answering = fixture.open('Bearer token-of-n2')
  silent.write(ask())
  answering.write(ask())
  await once(silent, 'data')
  const [response] = (await once(answering, 'data')) as [DeltaDiscoveryResponse]
  answering.write(
    create(DeltaDiscoveryRequestSchema, { typeUrl: addressType, responseNonce: response.nonce }),
  )
  await fixture.applied('n2')
  const connected = (): readonly string[] =>
    fixture.xds.receipts.nodes().flatMap(({ node, connected: isIt }) => (isIt ? [node] : []))
  await fixture.clock.advance(59_000)
  assert.deepEqual(connected(), ['n1', 'n2'])
  const code = codeOf(silent)
  await fixture.clock.advance(12_000)
  assert.equal(await code, status.DEADLINE_EXCEEDED)
  assert.deepEqual(connected(), ['n2'])
})
