import { status } from '@grpc/grpc-js'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { giveBuffer, takeBuffer } from './assembly-buffers.ts'

/** Bytes that may be held by all who share it. */
export class ByteBudget {
  readonly #maxBytes: number
  #heldBytes: number = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  take(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#maxBytes) return false
    this.#heldBytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes
  }
}

export interface FrameFault {
  readonly code: status
  readonly message: string
}

/**
 * Cuts what arrives into gRPC messages. What is held of one that is not complete counts on a budget; it lies in a
 * buffer that grows with what came, never with what was announced.
 */
export class MessageFrames implements Disposable {
  readonly #maxBytes: number
  readonly #budget: ByteBudget
  #buffer: Buffer | undefined
  /** In the buffer, of messages that are not complete. */
  #heldBytes: number = 0
  /** Holds messages that were handed out. */
  #lent: Buffer | undefined

  constructor(maxBytes: number, budget: ByteBudget) {
    this.#maxBytes = maxBytes
    this.#budget = budget
  }

  /**
   * The messages that are complete now, in memory that is used again after `release`. After an error it takes nothing
   * more.
   */
  push(chunk: Buffer): Result<readonly Uint8Array[], FrameFault> {
    if (this.#heldBytes === 0 && isWhole(chunk)) return this.#only(chunk)
    if (!this.#budget.take(chunk.length)) return err(tooMuch)
    const all = this.#append(chunk)
    const messages: Uint8Array[] = []
    let at = 0
    while (this.#heldBytes - at >= 5) {
      const fault = this.#faultOf(all, at)
      if (fault !== undefined) return err(fault)
      const end = at + 5 + all.readUInt32BE(at + 1)
      if (end > this.#heldBytes) break
      messages.push(all.subarray(at + 5, end))
      at = end
    }
    if (at > 0) this.#keepFrom(at)
    return ok(messages)
  }

  /** What was handed out is not read any more. */
  release(): void {
    if (this.#lent !== undefined) giveBuffer(this.#lent)
    this.#lent = undefined
  }

  [Symbol.dispose](): void {
    this.#budget.give(this.#heldBytes)
    this.#heldBytes = 0
    if (this.#buffer !== undefined) giveBuffer(this.#buffer)
    this.#buffer = undefined
  }

  #append(chunk: Buffer): Buffer {
    const bytes = this.#heldBytes + chunk.length
    let buffer = this.#buffer
    if (buffer === undefined || buffer.length < bytes) {
      const larger = takeBuffer(bytes)
      if (buffer !== undefined) {
        buffer.copy(larger, 0, 0, this.#heldBytes)
        giveBuffer(buffer)
      }
      this.#buffer = buffer = larger
    }
    chunk.copy(buffer, this.#heldBytes)
    this.#heldBytes = bytes
    return buffer
  }

  /** The rest moves out of the buffer in which complete messages are. */
  #keepFrom(at: number): void {
    const rest = this.#heldBytes - at
    this.#budget.give(at)
    const buffer = this.#buffer
    this.#buffer = rest === 0 ? undefined : takeBuffer(rest)
    if (this.#buffer !== undefined) buffer?.copy(this.#buffer, 0, at, this.#heldBytes)
    this.#heldBytes = rest
    this.#lent = buffer
  }

  #only(chunk: Buffer): Result<readonly Uint8Array[], FrameFault> {
    const fault = this.#faultOf(chunk, 0)
    return fault === undefined ? ok([chunk.subarray(5)]) : err(fault)
  }

  #faultOf(bytes: Buffer, at: number): FrameFault | undefined {
    if (bytes[at] !== 0)
      return { code: status.UNIMPLEMENTED, message: 'expected messages that are not compressed' }
    if (bytes.readUInt32BE(at + 1) <= this.#maxBytes) return undefined
    const message = `expected messages of at most ${this.#maxBytes} bytes`
    return { code: status.RESOURCE_EXHAUSTED, message }
  }
}

const tooMuch: FrameFault = {
  code: status.RESOURCE_EXHAUSTED,
  message: 'too many bytes of unfinished requests; try again later',
}

function isWhole(chunk: Buffer): boolean {
  return chunk.length >= 5 && chunk.readUInt32BE(1) === chunk.length - 5
}
