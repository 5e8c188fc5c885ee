/** Unix sockets with message boundaries (SOCK_SEQPACKET), which Node does not have, on the event loop. */
import { fchmodSync, rmSync } from 'node:fs'
import { kernelError, KernelError } from './errors.ts'
import { receiveFds, sendFds } from './fd-messages.ts'
import type { FdMessage } from './fd-messages.ts'
import { check, lastErrno, libc, whenReadable } from './libc.ts'
import * as linux from './linux.ts'
import { encodeUnixAddress } from './socket-address.ts'

const socketType = linux.SOCK_SEQPACKET | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC
const backlog = 16

/** One end of a connection. Messages are pulled, so a slow reader holds the peer back. */
export class PacketSocket implements Disposable {
  readonly fd: number
  #open: boolean = true
  #wake: (() => void) | undefined

  constructor(fd: number) {
    this.fd = fd
  }

  get open(): boolean {
    return this.#open
  }

  /** Throws KERNEL_EAGAIN when the peer reads nothing, KERNEL_EPIPE when it is gone. */
  send(bytes: Uint8Array, fds: readonly number[] = []): void {
    if (!this.#open) throw new KernelError('KERNEL_EPIPE', 'the connection was closed on this side')
    sendFds(this.fd, bytes, fds)
  }

  /** The next message; undefined when the peer has ended or this end is disposed. One call at a time. */
  async receive(maxBytes: number): Promise<FdMessage | undefined> {
    while (this.#open) {
      const message = this.#receiveNow(maxBytes)
      if (message === undefined) {
        await this.#readable()
        continue
      }
      // No message of any protocol of ours is empty: this is the end.
      return message.bytes.length === 0 && !message.truncated ? undefined : message
    }
    return undefined
  }

  [Symbol.dispose](): void {
    if (!this.#open) return
    this.#open = false
    this.#wake?.()
    libc.close(this.fd)
  }

  #receiveNow(maxBytes: number): FdMessage | undefined {
    try {
      return receiveFds(this.fd, maxBytes)
    } catch (error) {
      // The peer closed with messages of ours unread: an end like any other.
      if (error instanceof KernelError && error.code === 'KERNEL_ECONNRESET') {
        return { bytes: Buffer.alloc(0), fds: [], truncated: false }
      }
      throw error
    }
  }

  /** The poll ends before the descriptor is closed: the loop must never watch a number that is used again. */
  #readable(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        poll[Symbol.dispose]()
        this.#wake = undefined
        resolve()
      }
      const poll = whenReadable(this.fd, wake)
      this.#wake = wake
    })
  }
}

export function connectPackets(path: string): PacketSocket {
  const fd = check('socket(AF_UNIX)', libc.socket(linux.AF_UNIX, socketType, 0))
  const address = encodeUnixAddress(path)
  if (libc.connect(fd, address, address.length) === -1) {
    const errno = lastErrno()
    libc.close(fd)
    throw kernelError('connect', errno, path)
  }
  return new PacketSocket(fd)
}

/** Listens at `path` (0600, replacing what a dead process left there) until disposed, which removes the path. */
export function listenPackets(path: string, onConnection: (socket: PacketSocket) => void): Disposable {
  const fd = check('socket(AF_UNIX)', libc.socket(linux.AF_UNIX, socketType, 0))
  try {
    rmSync(path, { force: true })
    // bind(2) makes the file with the socket's own permissions, so it is never open to others.
    fchmodSync(fd, 0o600)
    const address = encodeUnixAddress(path)
    check('bind', libc.bind(fd, address, address.length), path)
    check('listen', libc.listen(fd, backlog), path)
  } catch (error) {
    libc.close(fd)
    throw error
  }
  const poll = whenReadable(fd, () => {
    const accepted = libc.accept4(fd, null, null, linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC)
    // A peer that gave up before it was accepted is nobody's trouble.
    if (accepted !== -1) onConnection(new PacketSocket(accepted))
  })
  return {
    [Symbol.dispose]: () => {
      poll[Symbol.dispose]()
      libc.close(fd)
      rmSync(path, { force: true })
    },
  }
}
