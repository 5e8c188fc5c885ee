import { flushThisTurn } from '@tulle/core'
import type { Flushable } from '@tulle/core'
import { slabClassBytes, SlabPool, takePendingWrite } from '@tulle/http2'
import type { Transport, WriteOwner } from '@tulle/http2'

import type { Deadline } from './deadline.ts'

/** A batch with less room than this is sent, rather than filled with a sliver of payload. */
const minPieceBytes = 1024

/** Payload of fewer bytes is cheaper to copy than to write by itself. */
const minSliceBytes = 16 * 1024

const [smallBatchBytes, largeBatchBytes] = slabClassBytes

/** What `sendable` says while nothing holds the transport up. */
const roomyBytes = 256 * 1024

/** Also takes a plain Uint8Array, and makes no view on the way as `set` would need. */
const { copy } = Buffer.prototype

/** Batches of all connections of the thread. */
const batches = new SlabPool()

/** Gives back the memory of batches that no HTTP/1 connection of the thread needed since the last call. */
export function trimHttp1Batches(): void {
  batches.trim()
}

/**
 * The way out: heads and payload of one turn of the event loop leave in one write; large payload leaves at once behind them,
 * without a copy. Nothing is allocated per piece. A connection without anything to say owns no buffer.
 */
export class Output implements Flushable, WriteOwner {
  /** The transport asked us to wait. */
  blocked = false
  /** Handed to the transport since the beginning of the connection. */
  bytesHandedOver = 0
  #bytesInFlight = 0
  readonly #transport: Transport
  readonly #stall: Deadline
  readonly #stallTimeoutMs: number
  #batch: Buffer | undefined
  #at = 0
  #scheduled = false
  #closed = false
  #batchBytes: number = smallBatchBytes

  /** `stall` passes when the peer takes nothing for so long. */
  constructor(transport: Transport, stall: Deadline, stallTimeoutMs: number) {
    this.#transport = transport
    this.#stall = stall
    this.#stallTimeoutMs = stallTimeoutMs
  }

  /** What has not left yet. */
  get bytesBuffered(): number {
    return this.#bytesInFlight + this.#at
  }

  get sendable(): number {
    return this.blocked || this.#closed ? 0 : roomyBytes
  }

  /** Text whose characters are octets. */
  text(text: string): void {
    const out = this.#reserve(text.length)
    if (out.length - this.#at >= text.length) this.#at += out.write(text, this.#at, 'latin1')
    else this.copy(Buffer.from(text, 'latin1'), 0, text.length)
  }

  /**
   * Pieces of such a text, each from a start to an end, in order. The text is written up to the last of them at once, and what is
   * between them closed up: V8 hands a text as it lies in memory out many times faster than a piece of one.
   */
  runs(text: string, runs: readonly number[]): void {
    const length = runs[runs.length - 1] ?? 0
    const out = this.#reserve(length)
    const base = this.#at
    if (out.length - base < length) {
      for (let i = 0; i < runs.length; i += 2) this.text(text.slice(runs[i], runs[i + 1]))
      return
    }
    out.write(text, base, length, 'latin1')
    let at = base
    for (let i = 0; i < runs.length; i += 2) {
      const from = base + (runs[i] ?? 0)
      const to = base + (runs[i + 1] ?? 0)
      if (from !== at) out.copyWithin(at, from, to)
      at += to - from
    }
    this.#at = at
  }

  copy(bytes: Uint8Array, start: number, end: number): void {
    for (let from = start; from < end;) {
      const left = end - from
      const out = this.#reserve(Math.min(left, minPieceBytes), left)
      const piece = Math.min(left, out.length - this.#at)
      this.#at += copy.call(bytes, out, this.#at, from, from + piece)
      from += piece
    }
  }

  /** Payload that may leave without a copy; `done` when it may be reused. */
  slice(bytes: Buffer, start: number, end: number, done: () => void): void {
    if (this.#closed) done()
    else if (end - start < minSliceBytes) {
      this.copy(bytes, start, end)
      done()
    } else {
      this.flush()
      this.#write(bytes, start, end, done)
    }
  }

  /** The line in front of a chunk (RFC 9112 §7.1). */
  chunkSize(bytes: number): void {
    const out = this.#reserve(maxChunkSizeBytes)
    let at = this.#at
    let shift = 28
    while (shift > 0 && bytes >>> shift === 0) shift -= 4
    for (; shift >= 0; shift -= 4) out[at++] = hexDigits[(bytes >>> shift) & 0xf] ?? 0
    out[at++] = 0x0d
    out[at++] = 0x0a
    this.#at = at
  }

  lineEnd(): void {
    const out = this.#reserve(2)
    out[this.#at++] = 0x0d
    out[this.#at++] = 0x0a
  }

  /** Hands the batch to the transport. */
  flush(): void {
    const batch = this.#batch
    const bytes = this.#at
    if (batch === undefined) return
    this.#batch = undefined
    this.#at = 0
    this.#batchBytes = bytes > smallBatchBytes ? largeBatchBytes : smallBatchBytes
    if (this.#closed || bytes === 0) batches.give(batch)
    else this.#write(batch, 0, bytes, undefined)
  }

  flushTurn(): void {
    this.#scheduled = false
    this.flush()
  }

  /** The transport has room again. */
  unblock(): void {
    this.blocked = false
    this.#stall.clear()
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
    this.#bytesInFlight -= bytes
    if (batch !== undefined) batches.give(batch)
    if (this.blocked && !this.#closed) this.#stall.set(this.#stallTimeoutMs)
  }

  #write(bytes: Buffer, start: number, end: number, userDone: (() => void) | undefined): void {
    this.bytesHandedOver += end - start
    const from = start + (this.#transport.writeNow?.(bytes, start, end) ?? 0)
    if (from < end) this.#writeLater(bytes, from, end, userDone)
    else if (userDone === undefined) batches.give(bytes)
    else userDone()
  }

  #writeLater(bytes: Buffer, start: number, end: number, userDone: (() => void) | undefined): void {
    const write = takePendingWrite(this, end - start)
    if (userDone === undefined) write.batch = bytes
    else write.userDone = userDone
    this.#bytesInFlight += end - start
    if (!this.#transport.write(bytes.subarray(start, end), write.done)) {
      this.blocked = true
      this.#stall.set(this.#stallTimeoutMs)
    }
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
}

/** Eight digits and a line end. */
const maxChunkSizeBytes = 10

const hexDigits: Uint8Array = Buffer.from('0123456789abcdef')
