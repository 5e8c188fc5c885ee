import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { listenTcp, localAddress, PlainListener } from '@tulle/kernel'
import type { PlainListenerUser } from '@tulle/kernel'
import { testCertificate, testId, testRoot } from './test-certificates.ts'
import { startClient, startServer } from './test-pair.ts'

const root = testRoot()
const trusts = { 'cluster.local': [root] }
const books = testId('books')
const own = testCertificate({ root, identity: books, trusts })
const shopper = testCertificate({ root, identity: testId('shopper'), trusts })

test('case 39: who asks after the end of a peer gets a new session, also before the event loop has told of the end', async () => {
  await using server = await startServer(own)
  using client = startClient(shopper)
  const first = must(await client.acquire(server.port, [books]))
  assert.equal(must(await client.acquire(server.port, [books])), first)
  server.kill()
  assert.equal(first.http.usable, true, 'nobody has read anything yet')
  const second = must(await client.acquire(server.port, [books]))
  assert.notEqual(second, first)
  assert.equal(must(await client.acquire(server.port, [books])), second)
})

test('case 39: nor is one kept whose socket is closed, before its session has heard of that', async () => {
  // Node closes a socket in one part of a turn and tells of it in another; what is accepted comes between.
  for (let turns = 0; turns < 4; turns++) {
    await using server = await startServer(own)
    using client = startClient(shopper)
    const first = must(await client.acquire(server.port, [books]))
    server.kill()
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    assert.notEqual(must(await client.acquire(server.port, [books])), first, `after ${turns} turns`)
  }
})

/** Ends the first `cuts` connections while they shake hands; the rest goes to `next`. */
function startCutter(
  cuts: number,
  next: PlainListenerUser['onConnection'],
): Disposable & { readonly port: number; taken(): number } {
  let taken = 0
  const fd = listenTcp({ address: '127.0.0.1', port: 0 })
  const port = localAddress(fd)?.port ?? 0
  const listener = new PlainListener(fd, {
    onConnection(socket, peer) {
      if (++taken <= cuts) socket.destroy()
      else next(socket, peer)
    },
    onError: (error) => assert.fail(error),
  })
  return { port, taken: () => taken, [Symbol.dispose]: () => listener.close() }
}

test('case 39: a handshake whose peer is killed is begun once more, for all who wait', async () => {
  await using server = await startServer(own)
  using cutter = startCutter(1, (socket, peer) => server.hbone.accept(socket, peer))
  using client = startClient(shopper)
  const [one, other] = await Promise.all([
    client.acquire(cutter.port, [books]),
    client.acquire(cutter.port, [books]),
  ])
  assert.equal(must(one), must(other))
  assert.equal(cutter.taken(), 2)
})

test('a peer that ends every handshake is not asked for ever', async () => {
  using cutter = startCutter(Infinity, () => undefined)
  using client = startClient(shopper)
  const outcome = await client.acquire(cutter.port, [books])
  assert.equal(outcome.ok ? '' : outcome.error.reason, 'cut')
  assert.equal(cutter.taken(), 2)
})
