import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { TLSSocket } from 'node:tls'
import { resetSocket, socketFd } from './node-handles.ts'
import { PromptWriter } from './prompt-writer.ts'
import { pausedPair } from './testing/paused-pair.ts'

/** Numbered, so that bytes out of place are seen. */
function numbered(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at)
  return bytes
}

async function readAll(socket: Socket, length: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let got = 0
  const done = Promise.withResolvers<void>()
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece)
    got += piece.length
    if (got >= length) done.resolve()
  })
  socket.resume()
  await done.promise
  return Buffer.concat(pieces)
}

test('PromptWriter: bytes leave within the call, and the stream knows nothing of them', async () => {
  using sockets = await pausedPair()
  const bytes = Buffer.from('<answer>')
  assert.equal(new PromptWriter(sockets.near).write(bytes, 1, 7), 6)
  bytes.fill('-')
  assert.equal(sockets.near.bytesWritten, 0)
  assert.equal((await readAll(sockets.far, 6)).toString(), 'answer')
})

test('PromptWriter: what the kernel does not take is for the stream, and nothing goes past what waits there', async () => {
  using sockets = await pausedPair()
  const { near, far } = sockets
  const writer = new PromptWriter(near)
  const bytes = numbered(64 * 1024 * 1024)
  let from = 0
  for (let left = -1; left !== 0; from += left) left = writer.write(bytes, from, bytes.length - 8)
  assert.ok(from > 0 && from < bytes.length - 8, `${from} bytes were taken`)
  near.write(bytes.subarray(from, bytes.length - 8))
  assert.equal(writer.write(bytes, bytes.length - 8, bytes.length), 0)
  const reading = readAll(far, bytes.length)
  await once(near, 'drain')
  assert.equal(writer.write(bytes, bytes.length - 8, bytes.length), 8)
  assert.ok((await reading).equals(bytes))
})

test('PromptWriter: writes nothing before the socket is connected, after its end, and where there is TLS', async () => {
  using sockets = await pausedPair()
  const byte = Buffer.from('x')
  const connecting = connect({ host: '127.0.0.1', port: sockets.near.localPort ?? 0 })
  connecting.on('error', () => undefined)
  assert.equal(new PromptWriter(connecting).write(byte, 0, 1), 0)
  connecting.destroy()
  const writer = new PromptWriter(sockets.near)
  sockets.near.end()
  assert.equal(writer.write(byte, 0, 1), 0)
  const tls = new TLSSocket(sockets.far)
  assert.equal(new PromptWriter(tls).write(byte, 0, 1), 0)
  tls.destroy()
})

test('PromptWriter: the descriptor of a destroyed socket is not its own any more', async () => {
  using sockets = await pausedPair()
  const fd = socketFd(sockets.near)
  const writer = new PromptWriter(sockets.near)
  sockets.near.destroy()
  // The lowest free number is the next connection's.
  using others = await pausedPair()
  assert.ok([others.near, others.far].some((socket) => socketFd(socket) === fd))
  assert.equal(writer.write(Buffer.from('x'), 0, 1), 0)
})

test('PromptWriter: an error is met again by the stream, which tells it', async () => {
  using sockets = await pausedPair()
  const { near, far } = sockets
  const writer = new PromptWriter(near)
  resetSocket(far)
  const failed = once(near, 'error')
  // It does not read, and so learns of the reset by writing.
  while (writer.write(Buffer.from('x'), 0, 1) > 0) await new Promise((resolve) => setImmediate(resolve))
  near.write('x')
  const [error] = (await failed) as [NodeJS.ErrnoException] // what an error event carries
  assert.match(error.code ?? '', /^(?:EPIPE|ECONNRESET)$/u)
})
