import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { SocketWriter } from './socket-writer.ts'

/** More than both kernel buffers of a loopback connection hold. */
const chunkBytes = 8 * 1024 * 1024

interface Pair extends Disposable {
  readonly near: Socket
  /** Reads nothing until it is resumed. */
  readonly far: Socket
}

async function slowPair(): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  const [far] = (await once(server, 'connection')) as [Socket]
  return {
    near,
    far,
    [Symbol.dispose]: () => {
      near.destroy()
      far.destroy()
      server.close()
    },
  }
}

test('SocketWriter.end() lets go first what waits behind a mark, and reports every byte once', async () => {
  using pair = await slowPair()
  const released: Buffer[] = []
  let left = 0
  const errors: Error[] = []
  pair.near.on('error', (error) => errors.push(error))
  const writer = new SocketWriter({
    socket: pair.near,
    onLeft: (bytes) => (left += bytes),
    release: (backing) => released.push(backing),
  })
  const chunks = [1, 2, 3].map((fill) => Buffer.alloc(chunkBytes, fill))
  for (const chunk of chunks)
    assert.equal(writer.write(chunk, chunk), false, 'the other side reads nothing yet')
  writer.end()
  const finished = once(pair.near, 'finish')
  let received = 0
  pair.far.on('data', (bytes) => (received += bytes.length))
  pair.far.resume()
  await Promise.all([once(pair.far, 'end'), finished])
  assert.deepEqual(errors, [])
  assert.equal(received, 3 * chunkBytes)
  assert.equal(left, 3 * chunkBytes)
  assert.deepEqual(new Set(released), new Set(chunks))
  assert.equal(released.length, 3)
  assert.equal(writer.backlogBytes, 0)
})

test('SocketWriter.end() on a socket that is then destroyed releases what waited', async () => {
  using pair = await slowPair()
  const released: Buffer[] = []
  pair.near.on('error', () => undefined)
  const writer = new SocketWriter({
    socket: pair.near,
    onLeft: () => undefined,
    release: (backing) => released.push(backing),
  })
  const chunks = [1, 2].map((fill) => Buffer.alloc(chunkBytes, fill))
  for (const chunk of chunks) writer.write(chunk, chunk)
  writer.end()
  pair.near.destroy()
  await once(pair.near, 'close')
  assert.equal(released.length, 2)
})
