/**
 * Looks at the first bytes of an accepted connection and leaves them in the kernel. Whoever owns the socket next, such
 * as TLS, then reads all of it itself, into buffers as large as it makes them for what comes from a socket. (Bytes
 * handed to TLS with `unshift` decide the size of one of its two read buffers for as long as the connection lives.)
 *
 * Node tells that a socket is readable without reading it where its read buffer is empty: libuv asks for a buffer,
 * gets none, and says ENOBUFS, https://docs.libuv.org/en/v1.x/stream.html#c.uv_read_cb.
 */
import type { Socket } from 'node:net'
import { libc } from './libc.ts'
import * as linux from './linux.ts'
import { readableHandle } from './node-handles.ts'
import type { ReadableHandle } from './node-handles.ts'
import { setReceiveLowWater, tcpState } from './sockets.ts'

/** What a connection can show; more of it cannot be waited for. */
const maxFirstBytes = 32_768

export interface FirstBytesHandlers {
  /** All bytes so far, at most 32 KiB and valid during the call; called again when more are there, until disposed. */
  onBytes(bytes: Buffer): void
  /** The peer has ended or reset the connection; what came before was shown. */
  onEnd(): void
}

/** Not of length zero itself: Node tells a pointer to nothing from no pointer. */
const noRoom: Buffer = Buffer.alloc(8).subarray(0, 0)
/** For streams whose bytes somebody else reads. */
const roomForEnd = Buffer.alloc(1)
/** One a thread: what is in it is looked at within the call. */
const shown: Buffer = Buffer.allocUnsafeSlow(maxFirstBytes)

/**
 * Shows the first bytes of a paused socket that has read nothing. To be disposed before anybody else reads the socket
 * or destroys it; what reads it then is a TLS server. Throws a KernelError where the socket is closed,
 * or where this Node keeps its handle elsewhere.
 */
export function showFirstBytes(paused: Socket, handlers: FirstBytesHandlers): Disposable {
  const look = new Look(readableHandle(paused), handlers)
  look.start()
  return look
}

class Look implements Disposable {
  readonly #handle: ReadableHandle
  readonly #handlers: FirstBytesHandlers
  readonly #onread: unknown
  #seenBytes: number = 0
  #open: boolean = true

  constructor(handle: ReadableHandle, handlers: FirstBytesHandlers) {
    this.#handle = handle
    this.#handlers = handlers
    this.#onread = handle.onread
  }

  start(): void {
    this.#handle.useUserBuffer(noRoom)
    this.#handle.onread = () => this.#onReadable()
    this.#handle.readStart()
  }

  [Symbol.dispose](): void {
    if (!this.#open) return
    this.#open = false
    const { fd } = this.#handle
    if (fd < 0) return
    this.#handle.readStop()
    this.#handle.onread = this.#onread
    // Without room a stream meets an error (ENOBUFS) in place of its end.
    this.#handle.useUserBuffer(roomForEnd)
    if (this.#seenBytes > 0) setReceiveLowWater(fd, 1)
  }

  #onReadable(): void {
    const { fd } = this.#handle
    if (!this.#open || fd < 0) return
    const length = libc.recv(fd, shown, shown.length, linux.MSG_PEEK | linux.MSG_DONTWAIT)
    if (length > this.#seenBytes) {
      this.#seenBytes = length
      // What is there already would make the socket readable in every turn.
      setReceiveLowWater(fd, length + 1)
      this.#handlers.onBytes(shown.subarray(0, length))
    } else if (tcpState(fd) !== linux.TCP_ESTABLISHED) this.#handlers.onEnd()
  }
}
