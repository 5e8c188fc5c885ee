import { status } from '@grpc/grpc-js'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'

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

/** Cuts what arrives into gRPC messages. What is held of one that is not complete counts on a budget. */
export class MessageFrames implements Disposable {
  readonly #maxBytes: number
  readonly #budget: ByteBudget
  #parts: Buffer[] = []
  #heldBytes: number = 0

  constructor(maxBytes: number, budget: ByteBudget) {
    this.#maxBytes = maxBytes
    this.#budget = budget
  }

  /** The messages that are complete now; after an error it takes nothing more. */
  push(chunk: Buffer): Result<readonly Uint8Array[], FrameFault> {
    if (this.#heldBytes === 0 && isWhole(chunk)) return this.#only(chunk)
    if (!this.#budget.take(chunk.length)) return err(tooMuch)
    this.#parts.push(chunk)
    this.#heldBytes += chunk.length
    const messages: Uint8Array[] = []
    for (;;) {
      const head = this.#head()
      if (head === undefined) return ok(messages)
      const fault = this.#faultOf(head)
      if (fault !== undefined) return err(fault)
      const sizeBytes = head.readUInt32BE(1)
      if (this.#heldBytes < 5 + sizeBytes) return ok(messages)
      // Once whole it stays whole: many small messages in one chunk must not be copied once for each.
      const [first = Buffer.alloc(0), ...more] = this.#parts
      const all = more.length === 0 ? first : Buffer.concat(this.#parts)
      messages.push(all.subarray(5, 5 + sizeBytes))
      this.#keep(all.subarray(5 + sizeBytes))
    }
  }

  [Symbol.dispose](): void {
    this.#keep(Buffer.alloc(0))
  }

  #only(chunk: Buffer): Result<readonly Uint8Array[], FrameFault> {
    const fault = this.#faultOf(chunk)
    return fault === undefined ? ok([chunk.subarray(5)]) : err(fault)
  }

  #faultOf(head: Buffer): FrameFault | undefined {
    if (head[0] !== 0)
      return { code: status.UNIMPLEMENTED, message: 'expected messages that are not compressed' }
    if (head.readUInt32BE(1) <= this.#maxBytes) return undefined
    const message = `expected messages of at most ${this.#maxBytes} bytes`
    return { code: status.RESOURCE_EXHAUSTED, message }
  }

  #head(): Buffer | undefined {
    if (this.#heldBytes < 5) return undefined
    const [first = Buffer.alloc(0)] = this.#parts
    if (first.length >= 5) return first
    this.#parts = [Buffer.concat(this.#parts)]
    return this.#parts[0]
  }

  #keep(rest: Buffer): void {
    this.#budget.give(this.#heldBytes - rest.length)
    this.#heldBytes = rest.length
    this.#parts = rest.length === 0 ? [] : [rest]
  }
}

const tooMuch: FrameFault = {
  code: status.RESOURCE_EXHAUSTED,
  message: 'too many bytes of unfinished requests; try again later',
}

function isWhole(chunk: Buffer): boolean {
  return chunk.length >= 5 && chunk.readUInt32BE(1) === chunk.length - 5
}
