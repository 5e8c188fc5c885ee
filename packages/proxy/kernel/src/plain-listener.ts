import { descriptorLimit, isReservedFd } from './descriptors.ts'
import { kernelError } from './errors.ts'
import { lastErrno, libc } from './libc.ts'
import {
  AF_UNIX,
  EAGAIN,
  EMFILE,
  ENFILE,
  EPOLLIN,
  F_DUPFD_CLOEXEC,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from './linux.ts'
import { PlainSocket } from './plain-socket.ts'
import { unwatchDescriptor, watchDescriptor } from './ready-descriptors.ts'
import type { ReadyGroup, Watcher } from './ready-group.ts'
import { decodeSocketAddress } from './socket-address.ts'
import type { SocketAddress } from './socket-address.ts'
import { setNoDelay } from './sockets.ts'

export interface PlainListenerUser {
  /** Nothing was read of it. The address is the peer's. */
  onConnection(socket: PlainSocket, peer: SocketAddress): void
  /** A connection was closed at once, since the process is about to run out of descriptors. */
  onShed?(): void
  /** The kernel could not hand a connection over. */
  onError(error: Error): void
}

/** Of one look: who floods a port leaves the other connections of the thread their turn. */
const maxAcceptedAtOnce = 8

/** Beyond this a high number would make a table of descriptors that is larger than all else the process has in the kernel. */
const maxTableSize = 65_536
/** One for each of so many threads. */
const spareBelowLimit = 16

/** Where accept4 writes the peer's address: one a thread, as it is read at once. */
const peerAddress = Buffer.alloc(28)
const peerLength = Buffer.alloc(4)

/** As it was when this thread first listened. */
let maxDescriptors: number | undefined
/** Given up for a moment where there is no other descriptor left: who waits in a queue can only be told by a close. */
let spare: number | undefined

/** Accepts on a listening descriptor, past Node. What was accepted outlives it. */
export class PlainListener implements Watcher, Disposable {
  readonly #user: PlainListenerUser
  readonly #group: ReadyGroup | undefined
  #fd: number

  /** Owns the descriptor, also where this throws a KernelError. What it accepts is of the same group. */
  constructor(fd: number, user: PlainListenerUser, group?: ReadyGroup) {
    this.#fd = fd
    this.#user = user
    this.#group = group
    maxDescriptors ??= descriptorLimit()
    try {
      spare ??= openSpare()
      // What it accepts inherits that. @see tcp(7)
      setNoDelay(fd)
      watchDescriptor(fd, EPOLLIN, this, group)
    } catch (error) {
      libc.close(fd)
      throw error
    }
  }

  /** Accepts nothing more. Where another process has the same socket open, connections that wait in it wait on. */
  close(): void {
    const fd = this.#fd
    if (fd < 0) return
    this.#fd = -1
    unwatchDescriptor(fd)
    libc.close(fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  onReady(): boolean {
    for (let accepted = 0; accepted < maxAcceptedAtOnce; accepted++) if (!this.#accept()) return false
    return true
  }

  /** False: nothing waits, or nothing can be had. */
  #accept(): boolean {
    if (this.#fd < 0) return false
    peerLength.writeUInt32LE(peerAddress.length, 0)
    const fd = libc.accept4(this.#fd, peerAddress, peerLength, SOCK_NONBLOCK | SOCK_CLOEXEC)
    if (fd < 0) return this.#onFailure(lastErrno())
    const peer = decodeSocketAddress(peerAddress)
    if (peer === undefined || isReservedFd(fd, maxDescriptors ?? Number.POSITIVE_INFINITY)) {
      libc.close(fd)
      this.#user.onShed?.()
    } else this.#user.onConnection(new PlainSocket(fd, this.#group), peer)
    return true
  }

  #onFailure(errno: number): boolean {
    if (errno === EAGAIN) return false
    if (errno === EMFILE || errno === ENFILE) return this.#shed(errno)
    // A connection that has failed in the queue is told here, once. @see accept(2), "Error handling"
    this.#user.onError(kernelError('accept4', errno))
    return false
  }

  /** Closes one of those that wait. */
  #shed(errno: number): boolean {
    spare ??= openSpare()
    if (spare === undefined) {
      this.#user.onError(kernelError('accept4', errno))
      return false
    }
    libc.close(spare)
    const fd = libc.accept4(this.#fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC)
    if (fd >= 0) libc.close(fd)
    spare = openSpare()
    if (fd >= 0) this.#user.onShed?.()
    return fd >= 0
  }
}

/**
 * Near the limit: who takes its number while it is given up, in another thread, is shed for having it. Undefined where there is no
 * descriptor left.
 */
function openSpare(): number | undefined {
  const low = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
  if (low < 0) return undefined
  const limit = Math.min(maxDescriptors ?? 0, maxTableSize)
  const high = libc.fcntl(low, F_DUPFD_CLOEXEC, Math.max(0, limit - spareBelowLimit))
  if (high < 0) return low
  libc.close(low)
  return high
}
