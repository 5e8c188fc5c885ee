import { headroomBytes, slabClassBytes } from '@tulle/http2'
import type { PlainSocket, PlainSocketUser } from '@tulle/kernel'
import type { CopyBuffers } from './copy-buffers.ts'

/** Where a reader's bytes go. Nothing here throws. */
export interface Sink {
  /** Bytes that it takes now; the reader waits for its own `resume` when there is no room. */
  room(): number
  /** Whether it may keep what it is handed; copies only, otherwise. */
  takesSlabs(): boolean
  /** Takes a copy of `bytes[start, end)`, at most `room()` of them. */
  copy(bytes: Buffer, start: number, end: number): void
  /** Takes `slab[headroom, headroom + length)`. True: it keeps the slab and gives it back to the pool itself. */
  take(slab: Buffer, length: number): boolean
  /** Nothing more will come. */
  end(): void
  /** The socket is closed in both directions, by a failure if one is named. */
  onSocketClose(error: string | undefined): void
}

/** Reads below this are copied: handing over a whole slab would cost more. */
const handOverBytes = 4096

/** Slabs of all readers and writes of a thread: beyond this, reads go through the landing buffer and are copied. */
const maxSlabBytes = 64 * 1024 * 1024

/**
 * Reads a socket into recycled buffers that grow with the stream: the shared landing buffer, then 64 KiB, then
 * 256 KiB slabs, and back whenever a read would have had room in a smaller one. Hot: no allocation a chunk but the view
 * of a slab.
 */
export class SocketReader implements PlainSocketUser {
  readonly #buffers: CopyBuffers
  readonly #sink: Sink
  #socket: PlainSocket | undefined
  /** Undefined: the next read lands in the shared buffer. */
  #slab: Buffer | undefined
  #view: Buffer
  #grown: boolean = false
  #slabBytes: number = slabClassBytes[1]
  /** What was read beyond the sink's room. */
  #stash: Buffer | undefined
  #stashStart: number = 0
  #stashEnd: number = 0
  #ended: boolean = false
  #closed: boolean = false
  receivedBytes: number = 0
  reads: number = 0

  constructor(buffers: CopyBuffers, sink: Sink) {
    this.#buffers = buffers
    this.#sink = sink
    this.#view = buffers.landingBody
  }

  /** A socket of which nothing was read, which is read from now on. */
  attach(socket: PlainSocket): void {
    this.#socket = socket
    socket.attach(this)
  }

  /** The sink has room again. */
  resume(): void {
    if (this.#closed) return
    if (this.#stash !== undefined && !this.#unstash(this.#stash)) return
    if (this.#ended) this.#sink.end()
    else if (this.#sink.room() > 0) this.#socket?.resumeReading()
  }

  close(): void {
    this.#closed = true
    this.#socket?.pauseReading()
    if (this.#stash !== undefined) this.#buffers.slabs.give(this.#stash)
    this.#stash = undefined
    this.#dropSlab()
  }

  onRead(length: number): void {
    if (this.#closed) return
    this.receivedBytes += length
    this.reads++
    if (length > this.#sink.room()) {
      this.#socket?.pauseReading()
      this.#stashRead(length)
      return
    }
    const slab = this.#slab
    this.#learn(length)
    if (slab === undefined) {
      this.#sink.copy(this.#buffers.landing, headroomBytes, headroomBytes + length)
    } else if (length < handOverBytes) {
      this.#sink.copy(slab, headroomBytes, headroomBytes + length)
      // The stream may say nothing more for hours.
      this.#dropSlab()
    } else if (this.#sink.take(slab, length)) this.#slab = undefined
    if (this.#sink.room() === 0) this.#socket?.pauseReading()
  }

  onEnd(): void {
    if (this.#closed) return
    this.#ended = true
    // Taken for the read that found the end.
    this.#dropSlab()
    if (this.#stash === undefined) this.#sink.end()
  }

  onDrain(): void {
    // The writer knows of each of its pieces.
  }

  onClose(error: string | undefined): void {
    this.#sink.onSocketClose(error)
  }

  /** Of the read that comes next. */
  get bytes(): Buffer {
    const { slabs } = this.#buffers
    const room = this.#grown && !this.#closed && this.#sink.takesSlabs() ? this.#sink.room() : 0
    if (room < handOverBytes || (this.#slab === undefined && slabs.takenBytes > maxSlabBytes)) {
      this.#dropSlab()
      this.#view = this.#buffers.landingBody
      return this.#view
    }
    this.#slab ??= slabs.take(this.#slabBytes)
    this.#view = this.#slab.subarray(headroomBytes, headroomBytes + Math.min(this.#slabBytes, room))
    return this.#view
  }

  /**
   * A buffer of its own is chosen right before it is filled, so it costs nobody anything while little comes: as long as a read
   * would not have had room in the landing buffer, the next one will not either.
   */
  #learn(length: number): void {
    this.#grown = length === this.#view.length || length >= this.#buffers.landingBody.length
    if (length === slabClassBytes[1]) this.#slabBytes = slabClassBytes[2]
    else if (length < slabClassBytes[1] && length < this.#view.length) this.#slabBytes = slabClassBytes[1]
  }

  /** Small reads land in a buffer that is wider than the sink's room. */
  #stashRead(length: number): void {
    const end = headroomBytes + length
    this.#learn(length)
    let stash = this.#slab
    this.#slab = undefined
    if (stash === undefined) {
      stash = this.#buffers.slabs.take(length)
      this.#buffers.landing.copy(stash, headroomBytes, headroomBytes, end)
    }
    this.#stash = stash
    this.#stashStart = headroomBytes
    this.#stashEnd = end
    this.#unstash(stash)
  }

  /** True when nothing is left. */
  #unstash(stash: Buffer): boolean {
    const room = this.#sink.room()
    const whole = this.#stashEnd - headroomBytes
    if (this.#stashStart === headroomBytes && whole >= handOverBytes && whole <= room) {
      this.#stash = undefined
      if (!this.#sink.take(stash, whole)) this.#buffers.slabs.give(stash)
      return true
    }
    const length = Math.min(room, this.#stashEnd - this.#stashStart)
    if (length > 0) {
      this.#sink.copy(stash, this.#stashStart, this.#stashStart + length)
      this.#stashStart += length
    }
    if (this.#stashStart < this.#stashEnd) return false
    this.#buffers.slabs.give(stash)
    this.#stash = undefined
    return true
  }

  #dropSlab(): void {
    if (this.#slab !== undefined) this.#buffers.slabs.give(this.#slab)
    this.#slab = undefined
  }
}
