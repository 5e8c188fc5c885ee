import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { resetSocket } from './node-handles.ts'
import { PlainSocket } from './plain-socket.ts'
import { listenTcp, localAddress, openTcpSocket } from './sockets.ts'
import { closeFd } from './netns.ts'
import { Kept, plainPair } from './testing/plain-pair.ts'

/** More than both kernel buffers of a loopback connection hold. */
const largeBytes = 16 * 1024 * 1024

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

/** Turns of the thread's epoll, in which whatever is ready is told. */
async function turns(): Promise<void> {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  for (const text of ['a', 'ab']) {
    sockets.far.write(text.at(-1) ?? '')
    await kept.until((one) => one.text === text)
  }
}

/** The lowest free number is given each time. */
function openWithNumber(number: number): number {
  const fd = openTcpSocket({ family: 4 })
  assert.ok(fd <= number)
  if (fd === number) return fd
  try {
    return openWithNumber(number)
  } finally {
    closeFd(fd)
  }
}

async function echoServer(): Promise<{ readonly port: number } & Disposable> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  return { port, [Symbol.dispose]: () => void server.close() }
}

test('PlainSocket: bytes come in order, and more than the buffer holds in several reads', async () => {
  using sockets = await plainPair()
  const kept = new Kept(100)
  sockets.near.attach(kept)
  const text = Array.from({ length: 2000 }, (_, index) => `${index},`).join('')
  sockets.far.write(text)
  await kept.until((one) => one.text === text)
})

test('PlainSocket: what comes while it pauses waits in the kernel', async () => {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  sockets.near.pauseReading()
  sockets.far.write('later')
  await turns()
  assert.equal(kept.text, '')
  sockets.near.resumeReading()
  await kept.until((one) => one.text === 'later')
})

test('PlainSocket: tells the end of what the peer sends once, and can be written to behind it', async () => {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  sockets.far.end('last')
  await kept.until((one) => one.ends > 0)
  assert.equal(kept.text, 'last')
  sockets.near.resumeReading()
  await turns()
  assert.equal(kept.ends, 1)
  assert.equal(kept.closed, undefined)
  assert.equal(sockets.near.write(Buffer.from('answer')), true)
  assert.equal((await readAll(sockets.far, 6)).toString(), 'answer')
})

test('PlainSocket: closes when both sides have ended, whoever was first', async () => {
  for (const oursFirst of [true, false]) {
    using sockets = await plainPair()
    const kept = new Kept()
    sockets.near.attach(kept)
    const ended = once(sockets.far, 'end')
    if (oursFirst) sockets.near.end()
    else {
      sockets.far.end()
      await kept.until((one) => one.ends === 1)
      sockets.near.end()
    }
    sockets.far.resume()
    await ended
    sockets.far.end()
    await kept.until((one) => one.closed !== undefined)
    assert.equal(kept.closed, '')
    assert.equal(sockets.near.isClosed, true)
  }
})

test('PlainSocket: a reset is told as what it is, and as no end', async () => {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  resetSocket(sockets.far)
  await kept.until((one) => one.closed !== undefined)
  assert.equal(kept.closed, 'ECONNRESET')
  assert.equal(kept.ends, 0)
})

test('PlainSocket: a reset behind the end is told, though nobody reads or writes', async () => {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  sockets.far.end()
  await kept.until((one) => one.ends === 1)
  await turns()
  resetSocket(sockets.far)
  await kept.until((one) => one.closed !== undefined)
  assert.equal(kept.closed, 'ECONNRESET')
})

test('PlainSocket: what a peer sent before its reset is still read by one who paused', async () => {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  sockets.near.pauseReading()
  const sent = new Promise<void>((resolve) => sockets.far.write('last words', () => resolve()))
  await sent
  resetSocket(sockets.far)
  await turns()
  assert.equal(kept.closed, undefined)
  sockets.near.resumeReading()
  await kept.until((one) => one.closed !== undefined)
  assert.equal(kept.text, 'last words')
})

test('PlainSocket: and by one who has ended meanwhile', async () => {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  sockets.near.pauseReading()
  await new Promise<void>((resolve) => sockets.far.write('last words', () => resolve()))
  resetSocket(sockets.far)
  await turns()
  sockets.near.end()
  assert.equal(sockets.near.isClosed, false)
  sockets.near.resumeReading()
  await kept.until((one) => one.closed !== undefined)
  assert.deepEqual([kept.text, kept.closed], ['last words', 'ECONNRESET'])
})

test('PlainSocket: an answer that came with a reset is read, though much waits to be written', async () => {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  sockets.near.write(Buffer.alloc(largeBytes))
  await turns()
  await new Promise<void>((resolve) => sockets.far.write('413 too large', () => resolve()))
  resetSocket(sockets.far)
  await kept.until((one) => one.closed !== undefined)
  assert.deepEqual([kept.text, kept.closed], ['413 too large', 'ECONNRESET'])
})

test('PlainSocket: bytes leave within the call', async () => {
  using sockets = await plainPair()
  const bytes = Buffer.from('<answer>')
  assert.equal(sockets.near.writeNow(bytes, 1, 7), 6)
  bytes.fill('-')
  assert.equal((await readAll(sockets.far, 6)).toString(), 'answer')
})

test('PlainSocket: what the kernel does not take waits, in order, and tells when it has left', async () => {
  using sockets = await plainPair()
  const { near, far } = sockets
  const kept = new Kept()
  near.attach(kept)
  const bytes = numbered(largeBytes)
  const half = largeBytes / 2
  const left: string[] = []
  assert.equal(
    near.write(bytes.subarray(0, half), () => left.push('first')),
    false,
  )
  assert.equal(near.writeNow(bytes, half, largeBytes), 0, 'others wait')
  assert.equal(
    near.write(bytes.subarray(half), () => left.push('second')),
    false,
  )
  assert.ok(near.waitingBytes > half)
  assert.ok((await readAll(far, largeBytes)).equals(bytes))
  await kept.until((one) => one.drains > 0)
  assert.deepEqual(left, ['first', 'second'])
  assert.equal(near.waitingBytes, 0)
  assert.equal(near.writeNow(bytes, 0, 4), 4)
})

test('PlainSocket: what waits leaves before the end, also where the peer has ended', async () => {
  using sockets = await plainPair()
  const { near, far } = sockets
  const kept = new Kept()
  near.attach(kept)
  far.end()
  await kept.until((one) => one.ends === 1)
  const bytes = numbered(largeBytes)
  near.write(bytes)
  near.end()
  assert.equal(near.isClosed, false)
  assert.equal(near.writeNow(bytes, 0, 4), 0, 'nothing goes behind the end')
  const ended = once(far, 'end')
  assert.ok((await readAll(far, largeBytes)).equals(bytes))
  await Promise.all([ended, kept.until((one) => one.closed === '')])
})

test('PlainSocket: what waits where it is closed is told as gone, and then the close', async () => {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  const told: string[] = []
  sockets.near.write(numbered(largeBytes), () => told.push(`gone, ${kept.closed ?? 'open'}`))
  sockets.near.destroy()
  sockets.near.write(Buffer.from('x'), () => told.push('never sent'))
  await kept.until((one) => one.closed !== undefined)
  await new Promise(setImmediate)
  assert.deepEqual(told.toSorted(), ['gone, open', 'never sent'])
})

test('PlainSocket: a writer learns of a reset, and what he could not write is told as gone before the close', async () => {
  using sockets = await plainPair()
  const kept = new Kept()
  sockets.near.attach(kept)
  sockets.near.pauseReading()
  resetSocket(sockets.far)
  const told: string[] = []
  while (!sockets.near.isClosed) {
    told.length = 0
    sockets.near.write(Buffer.from('x'), () => told.push(kept.closed ?? 'open'))
    if (!sockets.near.isClosed) await new Promise(setImmediate)
  }
  await kept.until((one) => one.closed !== undefined)
  assert.match(kept.closed ?? '', /^(?:EPIPE|ECONNRESET)$/u)
  assert.deepEqual(told, ['open'])
})

test('PlainSocket.reset() is an error for the peer', async () => {
  using sockets = await plainPair()
  const failed = once(sockets.far, 'error')
  sockets.far.resume()
  sockets.near.reset()
  const [error] = (await failed) as [NodeJS.ErrnoException] // what an error event carries
  assert.equal(error.code, 'ECONNRESET')
})

test('PlainSocket.connect() sends what was written before, and then what comes is read', async () => {
  using server = await echoServer()
  const socket = new PlainSocket(openTcpSocket({ family: 4 }))
  const kept = new Kept()
  const connected = Promise.withResolvers<string | undefined>()
  socket.connect({ address: '127.0.0.1', port: server.port }, connected.resolve)
  socket.attach(kept)
  assert.equal(socket.writeNow(Buffer.from('x'), 0, 1), 0, 'not yet')
  assert.equal(socket.write(Buffer.from('early')), true)
  socket.end()
  assert.equal(await connected.promise, undefined)
  await kept.until((one) => one.closed !== undefined)
  assert.deepEqual([kept.text, kept.ends, kept.closed], ['early', 1, ''])
})

test('PlainSocket.connect() tells why it failed, and that it was closed meanwhile', async () => {
  const fd = listenTcp({ address: '127.0.0.1', port: 0 })
  const to = localAddress(fd)
  closeFd(fd)
  assert.ok(to !== undefined)
  const refused = Promise.withResolvers<string | undefined>()
  const socket = new PlainSocket(openTcpSocket({ family: 4 }))
  socket.connect(to, refused.resolve)
  assert.equal(await refused.promise, 'ECONNREFUSED')
  assert.equal(socket.isClosed, true)
  using server = await echoServer()
  const closed = Promise.withResolvers<string | undefined>()
  const other = new PlainSocket(openTcpSocket({ family: 4 }))
  other.connect({ address: '127.0.0.1', port: server.port }, closed.resolve)
  other.destroy()
  assert.equal(await closed.promise, 'closed')
})

test('PlainSocket: who attaches to one that is closed is told', async () => {
  const kept = new Kept()
  new PlainSocket(-1).attach(kept)
  await kept.until((one) => one.closed !== undefined)
  using sockets = await plainPair()
  sockets.near.destroy()
  await new Promise(setImmediate)
  const late = new Kept()
  sockets.near.attach(late)
  await late.until((one) => one.closed !== undefined)
})

test('PlainSocket: does nothing once it is closed, also where another has its number', async () => {
  using others = await plainPair()
  // Or the epoll would go with the last socket, and its number be the lowest.
  others.near.attach(new Kept())
  using sockets = await plainPair()
  const before = new Kept()
  sockets.near.attach(before)
  const number = sockets.near.fd
  sockets.far.write('too late')
  sockets.near.destroy()
  const next = new PlainSocket(openWithNumber(number))
  sockets.near.resumeReading()
  assert.equal(sockets.near.writeNow(Buffer.from('x'), 0, 1), 0)
  using server = await echoServer()
  const kept = new Kept()
  next.connect({ address: '127.0.0.1', port: server.port }, () => undefined)
  next.attach(kept)
  next.write(Buffer.from('its own'))
  await kept.until((one) => one.text === 'its own')
  assert.equal(before.text, '')
  next.destroy()
})
