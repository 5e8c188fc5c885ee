/** Start-up check of the recipes of node-handles.ts on the Node that runs, over loopback. */
import { systemClock } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { createServer } from 'node:tls'
import type { Server as TlsServer } from 'node:tls'
import { KernelError } from './errors.ts'
import { showFirstBytes } from './first-bytes.ts'
import { adoptFd, connectTlsFd, socketFd, useOnread } from './node-handles.ts'
import { PlainListener } from './plain-listener.ts'
import { listenTcp, localAddress, openTcpSocket } from './sockets.ts'

const loopback = '127.0.0.1'
const deadlineMs = 5000
// A pre-shared key spares the self-test a certificate; what it proves is the plumbing, not the cryptography.
const psk = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const
const pskKey = Buffer.alloc(16, 1)

export interface SelfTestOptions {
  readonly clock?: Clock
}

/** Rejects with KERNEL_NODE_HANDLES when this Node does not do what node-handles.ts relies on. */
export async function nodeHandlesSelfTest(options: SelfTestOptions = {}): Promise<void> {
  const clock = options.clock ?? systemClock
  const expired = Promise.withResolvers<never>()
  using _timer = clock.after(deadlineMs, () => expired.reject(new Error('no answer in time')))
  try {
    await Promise.race([testTls(), expired.promise])
  } catch (cause) {
    const message = `Node ${process.version} does not let sockets be handed over as expected; use Node 24 or 26`
    throw new KernelError('KERNEL_NODE_HANDLES', message, { cause })
  }
}

async function testTls(): Promise<void> {
  const server: TlsServer = createServer({ ...psk, pskCallback: () => pskKey }, (peer) => {
    peer.on('error', failed.reject)
    const onread = reader((text) => peer.end(`${text}!`))
    if (!useOnread(peer, onread)) peer.on('data', (bytes: Buffer) => peer.end(`${bytes.toString()}!`))
  })
  const failed = Promise.withResolvers<never>()
  server.on('tlsClientError', failed.reject)
  const listenerFd = listenTcp({ address: loopback, port: 0 })
  const port = localAddress(listenerFd)?.port ?? 0
  const listener = new PlainListener(listenerFd, {
    onConnection(accepted) {
      const look = showFirstBytes(accepted, {
        onBytes() {
          look[Symbol.dispose]()
          server.emit('connection', adoptFd(accepted.release()))
        },
        onEnd: () => failed.reject(new Error('the caller left')),
      })
    },
    onError: failed.reject,
  })
  const answer = Promise.withResolvers<string>()
  const fd = openTcpSocket({ family: 4 })
  const pskCallback = (): { psk: Buffer; identity: string } => ({ psk: pskKey, identity: 'self-test' })
  const socket = connectTlsFd({
    fd,
    host: loopback,
    port,
    onread: reader(answer.resolve),
    tls: { ...psk, pskCallback, checkServerIdentity: () => undefined },
  })
  try {
    socket.on('error', failed.reject)
    socket.write('tls')
    expect('the descriptor of a TLS socket', socketFd(socket), fd)
    expect('the echo over TLS', await Promise.race([answer.promise, failed.promise]), 'tls!')
  } finally {
    socket.destroy()
    listener.close()
  }
}

function reader(onText: (text: string) => void): {
  buffer: () => Buffer
  callback: (n: number, buffer: Uint8Array) => boolean
} {
  const buffer = Buffer.alloc(64)
  return {
    buffer: () => buffer,
    callback(n) {
      onText(buffer.toString('latin1', 0, n))
      return true
    },
  }
}

function expect(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: expected ${String(expected)}, found ${String(found)}`)
}
