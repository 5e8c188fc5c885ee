const duration = /^(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}$/u
const parts = /([0-9]{1,5})(h|ms|m|s)/gu
const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

/** A duration of the Gateway API in milliseconds (`1h30m`, `250ms`); undefined where it is none. @see GEP-2257 */
export function parseDurationMs(text: string): number | undefined {
  if (!duration.test(text)) return undefined
  let sum = 0
  for (const [, count = '', unit = ''] of text.matchAll(parts)) sum += Number(count) * (unitMs[unit] ?? 0)
  return sum
}
