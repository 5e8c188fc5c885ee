import { getSystemErrorName } from 'node:util'
import { errorCode } from '@tulle/core'
import { lastErrno, libc } from './libc.ts'
import {
  EAGAIN,
  ECONNRESET,
  EINPROGRESS,
  EINTR,
  EPIPE,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SHUT_WR,
} from './linux.ts'
import { changeWatch, forgetDescriptor, unwatchDescriptor, watchDescriptor } from './ready-descriptors.ts'
import type { ReadyGroup, Watcher } from './ready-group.ts'
import { encodeSocketAddress } from './socket-address.ts'
import type { SocketAddress } from './socket-address.ts'
import { setResetOnClose, socketError } from './sockets.ts'

/** Where a socket's bytes land, and who is told what becomes of it. Nothing here throws. */
export interface PlainSocketUser {
  /** The buffer of the next read. */
  readonly bytes: Uint8Array
  /** So many bytes were read into it. */
  onRead(length: number): unknown
  /** The peer has ended its side: nothing more comes. Once. */
  onEnd(): void
  /** All that waited to be written has left. */
  onDrain(): void
  /** Nothing comes or goes any more: once, behind everything else, with the name of the errno if something failed. */
  onClose(error: string | undefined): void
}

/** Bytes that the kernel did not take at once. */
interface Waiting {
  readonly bytes: Uint8Array
  from: number
  readonly done: (() => void) | undefined
}

/** What waits beyond this is a reason to pause. */
const highWaterBytes = 64 * 1024

/**
 * A TCP connection without TLS, on a descriptor that Node knows nothing of: a socket of Node costs its making, its end, two calls
 * into JavaScript for a read and an object for a write. Half-open connections are allowed: each side ends by itself, and when both
 * have, it closes.
 */
export class PlainSocket implements Watcher {
  readonly group: ReadyGroup | undefined
  /** -1 when it is closed. */
  #fd: number
  #user: PlainSocketUser | undefined
  #onConnected: ((error: string | undefined) => void) | undefined
  #isReading: boolean = true
  /** EPOLLIN, EPOLLOUT, both, or neither, where errors are told; undefined: it is not watched. */
  #watchedFor: number | undefined
  #isReadEnded: boolean = false
  #isEnding: boolean = false
  #isWriteEnded: boolean = false
  #waiting: Waiting[] = []
  #waitingBytes: number = 0
  #error: string | undefined
  /** Its close has been told. */
  #isOver: boolean

  /** Of a connection that is there, of which nobody has read, or which `connect` makes; owns the descriptor. -1: closed. */
  constructor(fd: number, group?: ReadyGroup) {
    this.#fd = fd
    this.group = group
    this.#isOver = fd < 0
  }

  /** -1 when it is closed. */
  get fd(): number {
    return this.#fd
  }

  get isClosed(): boolean {
    return this.#fd < 0
  }

  /** Bytes that wait to be written. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /**
   * Connects, and calls back once, later: without an error, or with the name of the errno, or `closed` where somebody has closed it
   * meanwhile. It is closed in both cases.
   */
  connect(to: SocketAddress, onConnected: (error: string | undefined) => void): void {
    const address = encodeSocketAddress(to.address, to.port)
    const errno = libc.connect(this.#fd, address, address.length) === 0 ? 0 : lastErrno()
    this.#onConnected = onConnected
    // Where that is settled at once, the descriptor is ready in the next turn, as it is later otherwise.
    if (errno === 0 || errno === EINPROGRESS || errno === EINTR) this.#watch()
    else process.nextTick(() => this.#settle(errno))
  }

  /** Whom it serves from now on; reads at once. */
  attach(user: PlainSocketUser): void {
    this.#user = user
    if (this.#isOver) process.nextTick(() => user.onClose(this.#error))
    else this.#watch()
  }

  resumeReading(): void {
    if (this.#isReading) return
    this.#isReading = true
    this.#watch()
  }

  /** What comes meanwhile waits in the kernel. */
  pauseReading(): void {
    // It is watched until something comes: most pauses are over by then.
    this.#isReading = false
  }

  /**
   * How many of the bytes have left; 0 while others wait, which come first. What has not left is for `write`. A failure closes
   * the socket.
   */
  writeNow(bytes: Uint8Array, start: number, end: number): number {
    if (this.#waitingBytes > 0 || this.#isEnding || this.isClosed || this.#onConnected !== undefined) return 0
    return this.#send(start === 0 ? bytes : bytes.subarray(start), end - start)
  }

  /**
   * What the kernel does not take now waits, and the bytes must stay as they are until `done`: they have left, or never will. False:
   * so much waits that the writer should pause until `onDrain`.
   */
  write(bytes: Uint8Array, done?: () => void): boolean {
    const from = this.writeNow(bytes, 0, bytes.length)
    const hasLeft = from === bytes.length && this.#waiting.length === 0
    if (hasLeft || this.#isEnding || this.#isOver) {
      if (done !== undefined) process.nextTick(done)
      return true
    }
    // Where it is closed, but that was not told yet, it is told of with what waits.
    this.#waiting.push({ bytes, from, done })
    this.#waitingBytes += bytes.length - from
    this.#watch()
    return this.isClosed || this.#waitingBytes < highWaterBytes
  }

  /** What waits still leaves, and then a FIN. */
  end(): void {
    if (this.#isEnding || this.isClosed) return
    this.#isEnding = true
    if (this.#waitingBytes === 0 && this.#onConnected === undefined) this.#endWriting()
  }

  /** Closes it: what waits is lost. */
  destroy(error?: string): void {
    const fd = this.#fd
    if (fd < 0) return
    this.#error = error
    this.#fd = -1
    if (this.#watchedFor !== undefined) forgetDescriptor(fd)
    this.#watchedFor = undefined
    libc.close(fd)
    process.nextTick(() => this.#onClosed())
  }

  /** Closes it with RST: the peer sees an error. */
  reset(): void {
    if (this.isClosed) return
    setResetOnClose(this.#fd)
    this.destroy()
  }

  /** Gives the descriptor away; -1 where it is closed. Of a connection that nobody was attached to, and that is at its end with that. */
  release(): number {
    const fd = this.#fd
    this.#fd = -1
    this.#isOver = true
    return fd
  }

  onReady(events: number): boolean {
    if (this.#onConnected !== undefined) {
      this.#settle(socketError(this.#fd))
      return false
    }
    const isReading = this.#user !== undefined && this.#isReading && !this.#isReadEnded
    // What a peer has sent before it failed is read first; the reader meets the failure behind that.
    const isWriting = (events & EPOLLOUT) !== 0 && !(isReading && (events & EPOLLERR) !== 0)
    if (isWriting) this.#sendWaiting()
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) === 0 || this.isClosed) return false
    return isReading ? this.#read() : this.#notReading(events)
  }

  #read(): boolean {
    const user = this.#user
    if (user === undefined) return false
    const { bytes } = user
    const room = bytes.length
    const length = libc.recv(this.#fd, bytes, room, MSG_DONTWAIT)
    if (length > 0) {
      user.onRead(length)
      return length === room
    }
    const errno = length === 0 ? 0 : lastErrno()
    if (errno === EAGAIN || errno === EINTR) return false
    if (errno !== 0) this.#fail(errno)
    else {
      this.#isReadEnded = true
      user.onEnd()
      if (this.#isWriteEnded) this.destroy()
    }
    return true
  }

  /** Something was told of a socket that is not read: bytes or an end, which wait, or that it has failed. */
  #notReading(events: number): boolean {
    // What a peer has sent before it failed is still to be read, if anybody will.
    const isOver = (events & (EPOLLERR | EPOLLHUP)) !== 0 && (this.#isReadEnded || this.#waitingBytes > 0)
    if (isOver) this.#fail(resetError(socketError(this.#fd)))
    else this.#watch()
    return false
  }

  #settle(errno: number): void {
    const onConnected = this.#onConnected
    if (onConnected === undefined || this.isClosed) return
    if (errno !== 0) {
      this.#fail(errno)
      return
    }
    this.#onConnected = undefined
    if (this.#waitingBytes > 0) this.#sendWaiting()
    else if (this.#isEnding) this.#endWriting()
    onConnected(undefined)
    this.#watch()
  }

  #send(bytes: Uint8Array, length: number): number {
    const left = libc.send(this.#fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL)
    if (left >= 0) return left
    const errno = lastErrno()
    if (errno !== EAGAIN && errno !== EINTR) this.#fail(errno)
    return 0
  }

  #sendWaiting(): void {
    let left = 0
    const waiting = this.#waiting
    for (const one of waiting) {
      const length = one.bytes.length - one.from
      const sent = this.#send(one.from === 0 ? one.bytes : one.bytes.subarray(one.from), length)
      this.#waitingBytes -= sent
      one.from += sent
      if (sent < length) break
      left++
    }
    if (this.isClosed) return
    const done = waiting.splice(0, left)
    if (waiting.length === 0) {
      if (this.#isEnding) this.#endWriting()
      if (!this.isClosed) this.#watch()
    }
    for (const one of done) one.done?.()
    if (this.#waitingBytes === 0 && !this.#isEnding && !this.isClosed) this.#user?.onDrain()
  }

  /** Where the peer has ended before, closing says FIN just as well. Of a reset the reader is told, behind what came before it. */
  #endWriting(): void {
    this.#isWriteEnded = true
    if (this.#isReadEnded) this.destroy()
    else libc.shutdown(this.#fd, SHUT_WR)
  }

  #fail(errno: number): void {
    this.destroy(errnoName(errno))
  }

  #onClosed(): void {
    const [onConnected, waiting] = [this.#onConnected, this.#waiting]
    this.#isOver = true
    this.#onConnected = undefined
    this.#waiting = []
    this.#waitingBytes = 0
    onConnected?.(this.#error ?? 'closed')
    for (const { done } of waiting) done?.()
    this.#user?.onClose(this.#error)
  }

  /** Watches for what is wanted now. A failure to do so closes the socket. */
  #watch(): void {
    if (this.isClosed) return
    const wanted = this.#wanted()
    if (wanted === this.#watchedFor) return
    if (wanted === undefined) unwatchDescriptor(this.#fd)
    else if (this.#watchedFor !== undefined) changeWatch(this.#fd, wanted)
    else {
      try {
        watchDescriptor(this.#fd, wanted, this, this.group)
      } catch (error) {
        this.destroy(errorCode(error))
        return
      }
    }
    this.#watchedFor = wanted
  }

  #wanted(): number | undefined {
    if (this.#onConnected !== undefined) return EPOLLOUT
    const reading = this.#user !== undefined && this.#isReading && !this.#isReadEnded ? EPOLLIN : 0
    const writing = this.#waitingBytes > 0 ? EPOLLOUT : 0
    // Behind the peer's end only a reset can come, which is to be told though nobody writes.
    return reading === 0 && writing === 0 && !this.#isReadEnded ? undefined : reading | writing
  }
}

/** Of a reset behind its end, the kernel says EPIPE, or nothing. */
function resetError(errno: number): number {
  return errno === 0 || errno === EPIPE ? ECONNRESET : errno
}

function errnoName(errno: number): string {
  return getSystemErrorName(-errno)
}
