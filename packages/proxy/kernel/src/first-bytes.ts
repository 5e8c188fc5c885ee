/**
 * Looks at the first bytes of an accepted connection and leaves them in the kernel. Whoever owns its descriptor next, such as TLS,
 * then reads all of it itself, into buffers as large as it makes them for what comes from a socket. (Bytes handed to TLS with
 * `unshift` decide the size of one of its two read buffers for as long as the connection lives.)
 */
import { libc } from './libc.ts'
import { EPOLLIN, MSG_DONTWAIT, MSG_PEEK, TCP_ESTABLISHED } from './linux.ts'
import type { PlainSocket } from './plain-socket.ts'
import { unwatchDescriptor, watchDescriptor } from './ready-descriptors.ts'
import type { Watcher } from './ready-group.ts'
import { setReceiveLowWater, tcpState } from './sockets.ts'

/** What a connection can show; more of it cannot be waited for. */
const maxFirstBytes = 32_768

export interface FirstBytesHandlers {
  /** All bytes so far, at most 32 KiB and valid during the call; called again when more are there, until disposed. */
  onBytes(bytes: Buffer): void
  /** The peer has ended or reset the connection; what came before was shown. */
  onEnd(): void
}

/** One a thread: what is in it is looked at within the call. */
const shown: Buffer = Buffer.allocUnsafeSlow(maxFirstBytes)

/**
 * Shows the first bytes of a connection that nobody is attached to. To be disposed before it is attached, released or closed. Throws a
 * KernelError where it is closed, or can't be watched.
 */
export function showFirstBytes(socket: PlainSocket, handlers: FirstBytesHandlers): Disposable {
  return new Look(socket, handlers)
}

class Look implements Watcher, Disposable {
  readonly #handlers: FirstBytesHandlers
  /** -1 once it is disposed. */
  #fd: number
  #seenBytes: number = 0

  constructor({ fd, group }: PlainSocket, handlers: FirstBytesHandlers) {
    this.#fd = fd
    this.#handlers = handlers
    watchDescriptor(fd, EPOLLIN, this, group)
  }

  [Symbol.dispose](): void {
    const fd = this.#fd
    if (fd < 0) return
    this.#fd = -1
    unwatchDescriptor(fd)
    if (this.#seenBytes > 0) setReceiveLowWater(fd, 1)
  }

  onReady(): boolean {
    const length = libc.recv(this.#fd, shown, shown.length, MSG_PEEK | MSG_DONTWAIT)
    if (length > this.#seenBytes) {
      this.#seenBytes = length
      // What is there already would make the socket readable in every turn.
      setReceiveLowWater(this.#fd, length + 1)
      this.#handlers.onBytes(shown.subarray(0, length))
    } else if (tcpState(this.#fd) !== TCP_ESTABLISHED) this.#handlers.onEnd()
    return false
  }
}
