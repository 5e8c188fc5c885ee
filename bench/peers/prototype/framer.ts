/**
 * The least that a tunnel needs, to measure what more costs: frames with an HTTP/2 header over one TLS socket,
 * without flow control, header compression, policy, limits or telemetry. Not for use.
 */
import type { Socket } from 'node:net'

export const headerBytes = 9
export const frameType = { data: 0, open: 1 } as const
export const endFlag = 1

const slabBytes = 128 * 1024
const batchBytes = 64 * 1024
const slabs: Slab[] = []
const batches: Buffer[] = []

/** What Node takes for `onread`. */
export type Slab = Buffer<ArrayBuffer>

/** A recycled buffer with room for a frame header in front of the payload. */
export function takeSlab(): Slab {
  return slabs.pop() ?? Buffer.allocUnsafeSlow(headerBytes + slabBytes)
}

export function giveSlab(slab: Slab): void {
  slabs.push(slab)
}

export interface FramedStream {
  onData(bytes: Buffer, start: number, end: number): void
  onEnd(): void
}

export class Framer {
  readonly streams: Map<number, FramedStream> = new Map()
  readonly #socket: Socket
  readonly #onOpen: (id: number, target: string) => void
  readonly #waiting: Set<() => void> = new Set()
  #batch: Buffer = Buffer.allocUnsafeSlow(batchBytes)
  #batched: number = 0
  #flushing: boolean = false
  #partial: Buffer | undefined
  #stream: FramedStream | undefined
  #flags: number = 0
  #missing: number = 0

  constructor(socket: Socket, onOpen: (id: number, target: string) => void) {
    this.#socket = socket
    this.#onOpen = onOpen
    socket.on('drain', () => {
      const ready = [...this.#waiting]
      this.#waiting.clear()
      for (const resume of ready) resume()
    })
  }

  /** Copies a small payload; all small frames of one event-loop turn leave in one write. */
  sendCopy(
    frame: { readonly type: number; readonly flags: number; readonly id: number },
    payload: Buffer,
  ): void {
    if (this.#batched + headerBytes + payload.length > batchBytes) this.#flush()
    writeHeader(this.#batch, this.#batched, { ...frame, length: payload.length })
    payload.copy(this.#batch, this.#batched + headerBytes)
    this.#batched += headerBytes + payload.length
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  /** Sends a slab as it is. False: the socket is full, and `onRoom` is called when it is not. */
  sendSlab(id: number, slab: Slab, length: number, onRoom: () => void): boolean {
    this.#flush()
    writeHeader(slab, 0, { type: frameType.data, flags: 0, id, length })
    const room = this.#socket.write(slab.subarray(0, headerBytes + length), () => giveSlab(slab))
    if (!room) this.#waiting.add(onRoom)
    return room
  }

  /** Payload goes on to its stream while its frame is still arriving. */
  receive(chunk: Buffer): void {
    const bytes = this.#partial === undefined ? chunk : Buffer.concat([this.#partial, chunk])
    this.#partial = undefined
    let at = 0
    while (at < bytes.length) {
      const next = this.#missing > 0 ? this.#payload(bytes, at) : this.#frame(bytes, at)
      if (next === at) {
        this.#partial = Buffer.from(bytes.subarray(at))
        return
      }
      at = next
    }
  }

  #payload(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#missing)
    this.#stream?.onData(bytes, at, end)
    this.#missing -= end - at
    if (this.#missing === 0 && this.#flags === endFlag) this.#stream?.onEnd()
    return end
  }

  /** The same position: more bytes are needed. */
  #frame(bytes: Buffer, at: number): number {
    if (bytes.length - at < headerBytes) return at
    const length = bytes.readUIntBE(at, 3)
    const type = bytes[at + 3]
    const id = bytes.readUInt32BE(at + 5)
    const start = at + headerBytes
    if (type === frameType.data) {
      this.#stream = this.streams.get(id)
      this.#flags = bytes[at + 4] ?? 0
      this.#missing = length
      if (length === 0 && this.#flags === endFlag) this.#stream?.onEnd()
      return start
    }
    if (bytes.length < start + length) return at
    this.#onOpen(id, bytes.toString('latin1', start, start + length))
    return start + length
  }

  #flush(): void {
    if (this.#batched === 0) return
    const batch = this.#batch
    const view = batch.subarray(0, this.#batched)
    this.#batched = 0
    this.#batch = batches.pop() ?? Buffer.allocUnsafeSlow(batchBytes)
    this.#socket.write(view, () => batches.push(batch))
  }
}

function writeHeader(
  into: Buffer,
  at: number,
  frame: { readonly type: number; readonly flags: number; readonly id: number; readonly length: number },
): void {
  into.writeUIntBE(frame.length, at, 3)
  into[at + 3] = frame.type
  into[at + 4] = frame.flags
  into.writeUInt32BE(frame.id, at + 5)
}
