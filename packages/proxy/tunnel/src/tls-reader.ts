import type { OnReadOpts } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { useOnread } from '@tulle/kernel'
import { recordBytes } from './receive-slabs.ts'
import type { ReceiveSlab, ReceiveSlabs } from './receive-slabs.ts'

/** Below this a record is no sign of bulk. */
const bulkRecordBytes = 4096

/**
 * Reads a TLS socket, record by record. A quiet session reads into the landing buffer of its thread and owns nothing. After
 * a full record it gets a slab of its own, where records land side by side: the payload of several is then one piece.
 */
export class TlsReader {
  /** The socket must be made with this. */
  readonly onread: OnReadOpts & { readonly buffer: () => Buffer }
  readonly #slabs: ReceiveSlabs
  readonly #receive: (bytes: Buffer, start: number, end: number) => void
  readonly #mayRead: () => boolean
  #slab: ReceiveSlab | undefined
  #slot: number = 0
  #closed: boolean = false

  /** Reading stops where `mayRead` says no, until the socket is resumed. What `receive` refers to beyond the call has to be kept by `slabs.keep`. */
  constructor(
    slabs: ReceiveSlabs,
    receive: (bytes: Buffer, start: number, end: number) => void,
    mayRead: () => boolean,
  ) {
    this.#mayRead = mayRead
    this.#slabs = slabs
    this.#receive = receive
    this.onread = {
      buffer: () => this.#slab?.slots[this.#slot] ?? slabs.landing,
      callback: (length) => this.#onRead(length),
    }
  }

  /** For a socket that a server made, which has read nothing yet. */
  attach(socket: TLSSocket): void {
    socket.once('close', () => this.close())
    // Bytes that came with the end of the handshake, and a Node that takes no buffers: plain events do.
    if (socket.readableLength > 0 || !useOnread(socket, this.onread)) {
      socket.on('data', (bytes: Buffer) => {
        this.#receive(bytes, 0, bytes.length)
        if (!this.#mayRead()) socket.pause()
      })
    }
  }

  /** After the socket's 'close'. */
  close(): void {
    this.#closed = true
    this.#giveBack()
  }

  /** Hot: runs for every TLS record received. */
  #onRead(length: number): boolean {
    const slab = this.#slab
    if (slab === undefined) {
      this.#slabs.passOn(length, this.#receive)
      if (length === recordBytes && !this.#closed) {
        this.#slab = this.#slabs.take()
        this.#slot = 0
      }
      return this.#mayRead()
    }
    const start = this.#slot * recordBytes
    this.#receive(slab.bytes, start, start + length)
    if (this.#slab !== undefined) this.#advance(slab, length)
    return this.#mayRead()
  }

  #advance(slab: ReceiveSlab, length: number): void {
    if (slab.keepers === 1) {
      // Nobody refers to what was read so far.
      this.#slot = 0
      if (length < bulkRecordBytes) this.#giveBack()
      return
    }
    this.#slot++
    if (this.#slot < slab.slots.length) return
    this.#giveBack()
    this.#slab = this.#slabs.take()
    this.#slot = 0
  }

  #giveBack(): void {
    if (this.#slab !== undefined) this.#slabs.give(this.#slab)
    this.#slab = undefined
  }
}
