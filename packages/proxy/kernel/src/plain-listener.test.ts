import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { duplicateFd } from './listening-sockets.ts'
import { closeFd } from './netns.ts'
import { PlainListener } from './plain-listener.ts'
import type { PlainSocket } from './plain-socket.ts'
import type { SocketAddress } from './socket-address.ts'
import { listenTcp, localAddress } from './sockets.ts'

/** A listener, and what it has accepted. */
function listening(address: string = '127.0.0.1', fd: number = listenTcp({ address, port: 0 })) {
  const port = localAddress(fd)?.port ?? 0
  const accepted: { readonly socket: PlainSocket; readonly peer: SocketAddress }[] = []
  let next = Promise.withResolvers<void>()
  const listener = new PlainListener(fd, {
    onConnection: (socket, peer) => {
      accepted.push({ socket, peer })
      next.resolve()
      next = Promise.withResolvers()
    },
    onError: (error) => next.reject(error),
  })
  return {
    fd,
    port,
    accepted,
    listener,
    until: async (count: number) => {
      while (accepted.length < count) await next.promise
    },
    [Symbol.dispose]: () => {
      listener[Symbol.dispose]()
      for (const { socket } of accepted) socket.destroy()
    },
  }
}

test('PlainListener tells who connects, with IPv4 addresses as such where it listens for both', async () => {
  for (const address of ['127.0.0.1', '::']) {
    using server = listening(address)
    const caller = connect({ host: '127.0.0.1', port: server.port })
    await once(caller, 'connect')
    await server.until(1)
    assert.deepEqual(server.accepted[0]?.peer, { address: '127.0.0.1', port: caller.localPort })
    caller.destroy()
  }
})

test('PlainListener accepts many at once, a part of them in each turn', async () => {
  using server = listening()
  const callers = Array.from({ length: 100 }, () => connect({ host: '127.0.0.1', port: server.port }))
  await server.until(callers.length)
  assert.equal(new Set(server.accepted.map(({ peer }) => peer.port)).size, callers.length)
  for (const caller of callers) caller.destroy()
})

test('PlainListener accepts nothing once it is disposed of, though another has the same socket open', async () => {
  using server = listening()
  const other = duplicateFd(server.fd)
  server.listener[Symbol.dispose]()
  const caller = connect({ host: '127.0.0.1', port: server.port })
  await once(caller, 'connect')
  using successor = listening('127.0.0.1', other)
  await successor.until(1)
  assert.equal(server.accepted.length, 0)
  caller.destroy()
})

test('PlainListener throws for a descriptor that cannot listen, which it has closed then', () => {
  const fd = listenTcp({ address: '127.0.0.1', port: 0 })
  closeFd(fd)
  assert.throws(() => listening('127.0.0.1', fd), { code: 'KERNEL_EBADF' })
})

test('case 39: where no descriptor is left, who comes is closed at once, and served again later', async (t) => {
  const program = fileURLToPath(new URL('testing/full-of-descriptors.ts', import.meta.url))
  const child = spawn('sh', ['-c', 'ulimit -n 80 && exec "$0" "$1"', process.execPath, program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await lines.next()).value)
  const [full, port] = (await line()).split(' ')
  assert.equal(full, 'EMFILE')
  const comeAndBeClosed = async (): Promise<void> => {
    const caller = connect({ host: '127.0.0.1', port: Number(port) }).resume()
    caller.on('error', () => undefined)
    await once(caller, 'close')
  }
  await comeAndBeClosed()
  assert.equal(await line(), 'shed')
  child.stdin.write('free\n')
  assert.equal(await line(), 'freed')
  await comeAndBeClosed()
  assert.equal(await line(), 'accepted')
  child.stdin.end()
  await once(child, 'exit')
})
