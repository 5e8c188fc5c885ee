import type { LinkUser } from './stream-link.ts'

/** One side of a splice: what a codec would write to. */
export interface SpliceEnd {
  write(bytes: Uint8Array, done: (() => void) | undefined): boolean
  end(): void
  destroy(): void
  pauseReading(): void
  resumeReading(): void
}

/** What is read on one side is written on the other, as fast as that takes it; each half ends by itself. */
export function forwarding(from: SpliceEnd, to: SpliceEnd): LinkUser {
  return {
    receive: (bytes, start, end) => {
      // The buffer is the reader's own again after this call.
      if (!to.write(Buffer.from(bytes.subarray(start, end)), undefined)) from.pauseReading()
      return false
    },
    onTransportDrain: () => to.resumeReading(),
    onTransportEnd: () => to.end(),
    onTransportClose: () => to.destroy(),
  }
}
