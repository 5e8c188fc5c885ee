import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { PlainListener } from '../plain-listener.ts'
import type { PlainSocket, PlainSocketUser } from '../plain-socket.ts'
import type { ReadyGroup } from '../ready-group.ts'
import { listenTcp, localAddress } from '../sockets.ts'

export interface PlainPair extends Disposable {
  readonly near: PlainSocket
  /** Reads nothing until it is resumed. */
  readonly far: Socket
}

/** Both ends of a connection on loopback: one that is ours, accepted, and one that is Node's. */
export async function plainPair(group?: ReadyGroup): Promise<PlainPair> {
  const fd = listenTcp({ address: '127.0.0.1', port: 0 })
  const port = localAddress(fd)?.port ?? 0
  const accepted = Promise.withResolvers<PlainSocket>()
  const user = { onConnection: accepted.resolve, onError: accepted.reject }
  using _listener = new PlainListener(fd, user, group)
  const far = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true }).pause()
  far.on('error', () => undefined)
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

/** Keeps what comes, and lets tests wait for what they expect. */
export class Kept implements PlainSocketUser {
  readonly bytes: Buffer
  text: string = ''
  ends: number = 0
  drains: number = 0
  /** With what failed, or `''`; undefined: it is open. */
  closed: string | undefined
  #changed: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(room: number = 1024) {
    this.bytes = Buffer.alloc(room)
  }

  onRead(length: number): void {
    this.text += this.bytes.toString('latin1', 0, length)
    this.#tell()
  }

  onEnd(): void {
    this.ends++
    this.#tell()
  }

  onDrain(): void {
    this.drains++
    this.#tell()
  }

  onClose(error: string | undefined): void {
    this.closed = error ?? ''
    this.#tell()
  }

  async until(holds: (kept: this) => boolean): Promise<void> {
    while (!holds(this)) await this.#changed.promise
  }

  #tell(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
