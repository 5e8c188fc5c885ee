import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, Socket } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { closeFd } from './netns.ts'
import { nodeHandlesSelfTest } from './node-handles-self-test.ts'
import { connectTcpFd, connectTlsFd, resetSocket, socketFd, useOnread } from './node-handles.ts'
import { listenTcp, localAddress, openTcpSocket, setKeepAlive, setUserTimeout } from './sockets.ts'

const loopback = '127.0.0.1'

test('nodeHandlesSelfTest passes on this Node', () => nodeHandlesSelfTest())

test('nodeHandlesSelfTest passes in a worker thread', async () => {
  const module = fileURLToPath(new URL('node-handles-self-test.ts', import.meta.url))
  const code = `import(${JSON.stringify(module)}).then((m) => m.nodeHandlesSelfTest())`
  const worker = new Worker(code, { eval: true })
  const [exitCode] = await once(worker, 'exit')
  assert.equal(exitCode, 0)
})

test('useOnread gives the socket of a server recycled buffers, and leaves alone what has no fields for them', async () => {
  const listener = listenTcp({ address: loopback, port: 0 })
  const port = localAddress(listener)?.port ?? 0
  const buffers = [Buffer.alloc(4), Buffer.alloc(4)]
  const texts: string[] = []
  const ended = Promise.withResolvers<void>()
  let next = 0
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (accepted) => {
    const callback = (length: number, bytes: Uint8Array): boolean => {
      texts.push(Buffer.from(bytes.subarray(0, length)).toString())
      return true
    }
    const onread = { buffer: () => buffers[next++ % 2] ?? Buffer.alloc(4), callback }
    assert.ok(useOnread(accepted, onread))
    accepted.on('data', () => assert.fail('the bytes belong to the callback'))
    accepted.on('end', () => ended.resolve())
    accepted.on('close', () => server.close())
    accepted.resume()
    assert.equal(useOnread(new Socket(), onread), false, 'nothing is below it')
    accepted.end()
  }).listen({ fd: listener })
  const client = connectTcpFd({ fd: openTcpSocket({ family: 4 }), host: loopback, port })
  client.end('eight by')
  await ended.promise
  assert.deepEqual(texts.join(''), 'eight by')
  assert.ok(texts.every((text) => text.length <= 4))
})

test('connectTcpFd reports a refused connection as an error event', async () => {
  const listener = listenTcp({ address: loopback, port: 0 })
  const port = localAddress(listener)?.port ?? 0
  closeFd(listener)
  const socket = connectTcpFd({ fd: openTcpSocket({ family: 4 }), host: loopback, port })
  const [error] = await once(socket, 'error')
  assert.equal(error.code, 'ECONNREFUSED')
  assert.equal(socketFd(socket), -1)
})

test('connectTcpFd and connectTlsFd refuse names, and close the descriptor', () => {
  for (const connect of [connectTcpFd, connectTlsFd]) {
    const fd = openTcpSocket({ family: 4 })
    assert.throws(() => connect({ fd, host: 'localhost', port: 1, tls: {} }), { code: 'KERNEL_EINVAL' })
    assert.throws(() => localAddress(fd), { code: 'KERNEL_EBADF' })
  }
})

test('resetSocket shows at the peer as ECONNRESET, and the listener does not count moved sockets', async () => {
  const listener = listenTcp({ address: loopback, port: 0 })
  const port = localAddress(listener)?.port ?? 0
  const failed = Promise.withResolvers<Error & { code?: string }>()
  const server = createServer((socket) => {
    socket.resume()
    socket.on('error', failed.resolve)
    setKeepAlive(socketFd(socket), { idleMs: 180_000, intervalMs: 20_000, probes: 9 })
    setUserTimeout(socketFd(socket), 30_000)
    resetSocket(client)
  }).listen({ fd: listener })
  const bindTo = { address: loopback, port: 0 }
  const client = connectTcpFd({ fd: openTcpSocket({ family: 4, bindTo }), host: loopback, port })
  assert.equal((await failed.promise).code, 'ECONNRESET')
  server.close()
  await once(server, 'close')
})

test('listenTcp lets several listeners share a port only with reusePort', () => {
  const first = listenTcp({ address: '::1', port: 0, reusePort: true })
  const port = localAddress(first)?.port ?? 0
  const second = listenTcp({ address: '::1', port, reusePort: true })
  assert.throws(() => listenTcp({ address: '::1', port }), { code: 'KERNEL_EADDRINUSE' })
  for (const fd of [first, second]) closeFd(fd)
})
