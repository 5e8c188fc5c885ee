import { flushThisTurn } from '@tulle/core'
import type { Flushable } from '@tulle/core'
import { clientPreface, frameFlag, FrameHeader, frameHeaderBytes, frameType } from './frame.ts'
import { HpackEncoder } from './hpack-encoder.ts'
import { takePendingWrite } from './pending-write.ts'
import type { WriteOwner } from './pending-write.ts'
import type { HeaderList, Transport } from './session-types.ts'
import { slabClassBytes, SlabPool } from './slab-pool.ts'
import { RemoteSettings } from './wire-settings.ts'

/** Header blocks go in frames that every peer takes. */
const maxHeaderFrameBytes = 16_384

/** A batch with less room than this is sent, rather than filled with a sliver of payload. */
const minPieceBytes = 1024

const [smallBatchBytes, largeBatchBytes] = slabClassBytes

/** Also takes a plain Uint8Array, and makes no view on the way as `set` would need. */
const { copy } = Buffer.prototype

/** Batches of all sessions of the thread. */
const batches = new SlabPool()

/** Gives back the memory of batches that nobody needed since the last call. */
export function trimBatches(): void {
  batches.trim()
}

/**
 * The way out: frames of all streams are gathered in one batch, which leaves in one write per turn of the event loop; slabs
 * leave at once behind it, without a copy. Nothing is allocated per frame. A session without anything to say owns no buffer.
 */
export class Sender implements Flushable, WriteOwner {
  readonly remote: RemoteSettings = new RemoteSettings()
  readonly encoder: HpackEncoder = new HpackEncoder()
  /** Session-wide window that the peer gives us; may be spent by `data` and `slab` only. */
  window = 65_535
  /** The transport asked us to wait. */
  blocked = false
  /** Handed to the transport, which is not done with it. */
  bytesInFlight = 0
  /** Frames other than DATA that were added while the transport was full: what a peer can make us queue. */
  controlBytesQueued = 0
  readonly #transport: Transport
  readonly #header: FrameHeader = new FrameHeader()
  #batch: Buffer | undefined
  #at = 0
  #scheduled = false
  #closed = false
  #batchBytes: number = smallBatchBytes
  /** The batch's last frame, if it is DATA: END_STREAM can still be added to it. */
  #lastDataAt = -1
  #lastDataId = 0

  constructor(transport: Transport) {
    this.#transport = transport
  }

  get bytesBuffered(): number {
    return this.bytesInFlight + this.#at
  }

  preface(): void {
    const out = this.#reserve(clientPreface.length)
    this.#at += out.write(clientPreface, this.#at, 'latin1')
  }

  settings(payload: Buffer): void {
    this.#whole(frameType.settings, 0, payload)
  }

  settingsAck(): void {
    this.#begin(0, frameType.settings, frameFlag.ack, 0)
  }

  /** Eight opaque bytes at `bytes[start]`. */
  ping(flags: number, bytes: Buffer, start: number): void {
    const out = this.#begin(8, frameType.ping, flags, 0)
    this.#at += bytes.copy(out, this.#at, start, start + 8)
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#word(this.#begin(4, frameType.windowUpdate, 0, streamId), increment)
  }

  reset(streamId: number, code: number): void {
    this.#word(this.#begin(4, frameType.rstStream, 0, streamId), code)
  }

  goaway(lastStreamId: number, code: number, message: string): void {
    const out = this.#begin(8 + message.length, frameType.goaway, 0, 0)
    this.#word(out, lastStreamId)
    this.#word(out, code)
    this.#at += out.write(message, this.#at, 'latin1')
  }

  headers(streamId: number, headers: HeaderList, endStream: boolean): void {
    const length = this.encoder.encode(headers)
    const block = this.encoder.bytes
    let type: number = frameType.headers
    let flags: number = endStream ? frameFlag.endStream : 0
    let from = 0
    do {
      const piece = Math.min(length - from, maxHeaderFrameBytes)
      if (from + piece === length) flags |= frameFlag.endHeaders
      const out = this.#begin(piece, type, flags, streamId)
      this.#at += block.copy(out, this.#at, from, from + piece)
      from += piece
      type = frameType.continuation
      flags = 0
    } while (from < length)
  }

  /** Copies payload into the batch, in as many frames as it takes; the caller has seen to the windows. */
  data(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    this.window -= end - start
    for (let from = start; from < end;) {
      const left = end - from
      const out = this.#reserve(frameHeaderBytes + Math.min(left, minPieceBytes), frameHeaderBytes + left)
      const piece = Math.min(left, out.length - this.#at - frameHeaderBytes, this.remote.maxFrameBytes)
      this.#lastDataAt = this.#at
      this.#lastDataId = streamId
      this.#header.set(piece, frameType.data, 0, streamId).write(out, this.#at)
      this.#at += frameHeaderBytes
      this.#at += copy.call(bytes, out, this.#at, from, from + piece)
      from += piece
    }
  }

  /** Sends `slab[9, 9 + length)`; the frame header goes into the nine bytes in front. */
  slab(streamId: number, slab: Buffer, length: number, done: () => void): void {
    if (this.#closed) {
      done()
      return
    }
    if (length > this.remote.maxFrameBytes) {
      // There is headroom for one header only.
      this.data(streamId, slab, frameHeaderBytes, frameHeaderBytes + length)
      done()
      return
    }
    this.flush()
    this.window -= length
    this.#header.set(length, frameType.data, 0, streamId).write(slab, 0)
    this.#write(slab, frameHeaderBytes + length, done)
  }

  endStream(streamId: number): void {
    if (this.#lastDataAt >= 0 && this.#lastDataId === streamId && this.#batch !== undefined) {
      this.#batch[this.#lastDataAt + 4] = frameFlag.endStream
      this.#lastDataAt = -1
      return
    }
    this.#begin(0, frameType.data, frameFlag.endStream, streamId)
  }

  /** Hands the batch to the transport. */
  flush(): void {
    const batch = this.#batch
    const bytes = this.#at
    if (batch === undefined) return
    this.#batch = undefined
    this.#at = 0
    this.#lastDataAt = -1
    this.#batchBytes = bytes > smallBatchBytes ? largeBatchBytes : smallBatchBytes
    if (this.#closed) batches.give(batch)
    else this.#write(batch, bytes, undefined)
  }

  flushTurn(): void {
    this.#scheduled = false
    this.flush()
  }

  /** The transport has room again. */
  unblock(): void {
    this.blocked = false
    this.controlBytesQueued = 0
  }

  /** Ends the transport behind what was sent. What is sent later goes nowhere. */
  end(): void {
    if (this.#closed) return
    this.flush()
    this.#closed = true
    this.#transport.end()
  }

  /** Ends the transport at once. */
  destroy(): void {
    this.#closed = true
    this.flush()
    this.#transport.destroy()
  }

  onWritten(bytes: number, batch: Buffer | undefined): void {
    this.bytesInFlight -= bytes
    if (batch !== undefined) batches.give(batch)
  }

  #write(bytes: Buffer, length: number, userDone: (() => void) | undefined): void {
    const from = this.#transport.writeNow?.(bytes, 0, length) ?? 0
    if (from < length) this.#writeLater(bytes.subarray(from, length), bytes, userDone)
    else if (userDone === undefined) batches.give(bytes)
    else userDone()
  }

  #writeLater(bytes: Buffer, batch: Buffer, userDone: (() => void) | undefined): void {
    const write = takePendingWrite(this, bytes.length)
    if (userDone === undefined) write.batch = batch
    else write.userDone = userDone
    this.bytesInFlight += bytes.length
    if (!this.#transport.write(bytes, write.done)) this.blocked = true
  }

  #whole(type: number, flags: number, payload: Buffer): void {
    const out = this.#begin(payload.length, type, flags, 0)
    this.#at += payload.copy(out, this.#at)
  }

  #begin(length: number, type: number, flags: number, streamId: number): Buffer {
    const out = this.#reserve(frameHeaderBytes + length)
    this.#header.set(length, type, flags, streamId).write(out, this.#at)
    this.#at += frameHeaderBytes
    this.#lastDataAt = -1
    if (this.blocked) this.controlBytesQueued += frameHeaderBytes + length
    return out
  }

  /** A batch with room for `bytes` behind `#at`, and for all of `wished` if that is to be had. */
  #reserve(bytes: number, wished: number = bytes): Buffer {
    if (!this.#scheduled) {
      this.#scheduled = true
      flushThisTurn(this)
    }
    const batch = this.#batch
    if (batch !== undefined) {
      const isLarge = batch.length > largeBatchBytes
      if (this.#at + (isLarge ? bytes : wished) <= batch.length) return batch
      if (isLarge) this.flush()
    }
    return this.#nextBatch(wished)
  }

  /** The first batch of a turn, or a large one with what the small one held. */
  #nextBatch(wished: number): Buffer {
    const small = this.#batch
    const fits = small === undefined && wished <= this.#batchBytes
    const next = batches.take(fits ? this.#batchBytes : largeBatchBytes)
    if (small !== undefined) {
      small.copy(next, 0, 0, this.#at)
      batches.give(small)
    }
    this.#batch = next
    return next
  }

  #word(out: Buffer, value: number): void {
    this.#at = out.writeUInt32BE(value, this.#at)
  }
}
