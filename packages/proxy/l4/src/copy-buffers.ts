import { headroomBytes, SlabPool, trimBatches } from '@tulle/http2'
import { ReceiveSlabs } from '@tulle/tunnel'

const landingBytes = 16_384

/**
 * The buffers of one thread's copy path. All quiet connections read into one landing buffer: a read fills it and
 * its callback empties it within the same call, so that an idle connection owns nothing. Only those whose reads
 * fill it get slabs of their own.
 */
export class CopyBuffers {
  readonly slabs: SlabPool = new SlabPool()
  readonly received: ReceiveSlabs = new ReceiveSlabs()
  readonly landing: Buffer = Buffer.allocUnsafeSlow(landingBytes + headroomBytes)
  readonly landingBody: Buffer = this.landing.subarray(headroomBytes)

  /** Memory of the buffers in use. */
  get heldBytes(): number {
    return this.slabs.takenBytes + this.received.heldBytes
  }

  /** Memory of the buffers that lie free. */
  get freeBytes(): number {
    return this.slabs.freeBytes + this.received.freeBytes
  }

  /** Lets go of what nobody needed since the last call. */
  trim(): void {
    this.slabs.trim()
    this.received.trim()
    trimBatches()
  }

  /** Buffers in use: none while nothing is on its way. */
  get held(): number {
    return this.slabs.taken + this.received.kept
  }
}
