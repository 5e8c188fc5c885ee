import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface PausedServer extends AsyncDisposable {
  readonly port: number
  /** The first connection's other end. */
  readonly accepted: Promise<Socket>
}

/** Accepts on loopback; who connects is not read. */
export async function listenPaused(): Promise<PausedServer> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  const accepted = once(server, 'connection').then(([socket]) => {
    const far = socket as Socket // what a server's event carries
    far.on('error', () => undefined)
    return far
  })
  return {
    port,
    accepted,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

/** Two ends of a connection; neither reads before it is asked to. */
export async function pausedPair(): Promise<{ readonly near: Socket; readonly far: Socket } & Disposable> {
  const server = await listenPaused()
  const near = connect({ host: '127.0.0.1', port: server.port, noDelay: true, allowHalfOpen: true })
  near.pause()
  near.on('error', () => undefined)
  await once(near, 'connect')
  const far = await server.accepted
  // Stops listening at once; resolves when the ends are gone, which their owner sees to.
  void server[Symbol.asyncDispose]()
  return {
    near,
    far,
    [Symbol.dispose]: () => {
      near.destroy()
      far.destroy()
    },
  }
}
