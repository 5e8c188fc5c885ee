import { http2Error } from '@tulle/http2'

/** How a connection ended: `undefined` is both sides saying so, else a short stable word or Node's error code. */
export type PipeError = string | undefined

/** A connection that copies, as its owner sees it. */
export interface Pipe {
  /** Payload from the side that called, and the other way. */
  readonly requestBytes: number
  readonly responseBytes: number
  /** Pieces that these came in. */
  readonly chunks: number
  /** Ends it with RST on both sides; `onDone` follows. */
  abort(reason: string): void
}

const names: Readonly<Record<number, string>> = {
  [http2Error.noError]: 'closed',
  [http2Error.cancel]: 'reset-by-peer',
  [http2Error.connectError]: 'reset-by-peer',
  [http2Error.refusedStream]: 'refused-stream',
  // What a session of ours ends with when one side of it is revoked.
  [http2Error.inadequateSecurity]: 'revoked',
}

/** The word for an HTTP/2 error code that ended a tunnel. */
export function resetReason(code: number): string {
  return names[code] ?? `http2-error-${code}`
}
