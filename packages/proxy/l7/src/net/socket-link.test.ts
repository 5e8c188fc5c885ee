import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { it } from 'node:test'
import { ReadBuffer } from './read-buffer.ts'
import { SocketLink } from './socket-link.ts'

it('reads a sender who never stops no more than once in a turn of the event loop', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const buffer = new ReadBuffer()
  const link = new SocketLink(buffer)
  // Listening on TCP.
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1' }).pause()
  const [peer] = await accepted
  t.after(() => {
    for (const one of [socket, peer]) one.destroy()
    server.close()
  })
  const piece = Buffer.alloc(buffer.bytes.length)
  let [received, ofTurn, mostOfTurn] = [0, 0, 0]
  const enough = Promise.withResolvers<void>()
  link.attach(socket, {
    receive: (_bytes, start, end) => {
      received += end - start
      if (ofTurn === 0)
        setImmediate(() => {
          mostOfTurn = Math.max(mostOfTurn, ofTurn)
          ofTurn = 0
          if (received > 40 * piece.length) enough.resolve()
        })
      ofTurn += end - start
      // It is there again when this returns.
      peer.write(piece)
      return false
    },
    onTransportDrain: () => undefined,
    onTransportClose: () => enough.resolve(),
  })
  peer.write(piece)
  peer.write(piece)
  await enough.promise
  assert.ok(received > 40 * piece.length)
  assert.equal(mostOfTurn, piece.length)
})
