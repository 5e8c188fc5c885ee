/** Of the last seven bytes of a trace id. */
const randomDigits = 14
const range = 2 ** (4 * randomDigits)
/** Half of them each: 56 bits are more than a number holds exactly. */
const halfDigits = randomDigits / 2
const halfRange = 2 ** (4 * halfDigits)

/** Where the traces that are kept begin, as two numbers of 28 bits. */
export interface SamplingThreshold {
  readonly high: number
  readonly low: number
}

/**
 * For a share of all traces, 0–1. Those with the highest random part are kept, so that whoever samples by the same rule with
 * a greater share keeps all that is kept here. @see OpenTelemetry, Trace SDK: consistent probability sampling
 */
export function thresholdOf(share: number): SamplingThreshold {
  const rejected = Math.round((1 - Math.min(1, Math.max(0, share))) * range)
  const high = Math.floor(rejected / halfRange)
  return { high, low: rejected - high * halfRange }
}

/** Whether the trace is one of those that are kept. Every proxy with that share says the same of it. */
export function isDrawn(traceId: string, { high, low }: SamplingThreshold): boolean {
  const start = traceId.length - randomDigits
  const drawn = Number.parseInt(traceId.slice(start, start + halfDigits), 16)
  if (drawn !== high) return drawn > high
  return Number.parseInt(traceId.slice(start + halfDigits), 16) >= low
}
