import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { it } from 'node:test'
import { listenTcp, localAddress, PlainListener } from '@tulle/kernel'
import type { PlainSocket } from '@tulle/kernel'
import { PlainLink } from './plain-link.ts'
import { ReadBuffer } from './read-buffer.ts'

it('reads a sender who never stops no more than once in a turn of the event loop', async (t) => {
  const fd = listenTcp({ address: '127.0.0.1', port: 0 })
  const port = localAddress(fd)?.port ?? 0
  const accepted = Promise.withResolvers<PlainSocket>()
  using _listener = new PlainListener(fd, { onConnection: accepted.resolve, onError: accepted.reject })
  const peer = connect({ port, host: '127.0.0.1' })
  await once(peer, 'connect')
  const socket = await accepted.promise
  t.after(() => {
    for (const one of [socket, peer]) one.destroy()
  })
  const buffer = new ReadBuffer()
  const link = new PlainLink(socket, buffer)
  const piece = Buffer.alloc(buffer.bytes.length)
  let [received, ofTurn, mostOfTurn] = [0, 0, 0]
  const enough = Promise.withResolvers<void>()
  link.attach({
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
