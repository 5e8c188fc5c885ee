/** A collector that asks for more than this is tried again anyway. */
const maxWaitMs = 60_000

/** How long to wait, in ms; undefined where the field says nothing. @see RFC 9110 §10.2.3 */
export function readRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/u.test(text)) return Math.min(maxWaitMs, Number(text) * 1000)
  const atMs = text.length > 64 ? Number.NaN : Date.parse(text)
  return Number.isNaN(atMs) ? undefined : Math.min(maxWaitMs, Math.max(0, atMs - nowMs))
}
