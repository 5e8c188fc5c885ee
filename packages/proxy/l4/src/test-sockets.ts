import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { listenTcp, localAddress, PlainListener } from '@tulle/kernel'
import type { PlainSocket, PlainSocketUser } from '@tulle/kernel'

/** Both ends of a connection on loopback. */
export interface Pair extends Disposable {
  readonly near: PlainSocket
  /** Reads nothing until it is resumed. */
  readonly far: Socket
}

export async function connectedPair(): Promise<Pair> {
  const fd = listenTcp({ address: '127.0.0.1', port: 0 })
  const port = localAddress(fd)?.port ?? 0
  const accepted = Promise.withResolvers<PlainSocket>()
  using _listener = new PlainListener(fd, { onConnection: accepted.resolve, onError: accepted.reject })
  const far = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true }).pause()
  await once(far, 'connect')
  const near = await accepted.promise
  return {
    near,
    far,
    [Symbol.dispose]: () => {
      near.destroy()
      far.destroy()
    },
  }
}

/** Throws away what comes, and lets tests wait for the end and the close. */
export class Watched implements PlainSocketUser {
  readonly bytes: Buffer = Buffer.alloc(4096)
  readonly ended: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly closed: PromiseWithResolvers<string | undefined> = Promise.withResolvers()

  onRead(): void {
    // Nobody needs it.
  }

  onEnd(): void {
    this.ended.resolve()
  }

  onDrain(): void {
    // The writer's own affair.
  }

  onClose(error: string | undefined): void {
    this.closed.resolve(error)
  }
}
