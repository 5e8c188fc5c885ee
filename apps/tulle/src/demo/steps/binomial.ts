/** The least probable outcome that is still put down to chance: a run of the demo has five of them. */
const improbable = 1e-6

/** Whether so many of `calls` may well have gone where `share` of them should. */
export function isPlausible(hits: number, calls: number, share: number): boolean {
  if (share <= 0 || share >= 1) return hits === Math.round(calls * share)
  let below = 0
  let above = 0
  for (let k = 0; k <= calls; k++) {
    const chance = Math.exp(logChance(k, calls, share))
    if (k <= hits) below += chance
    if (k >= hits) above += chance
  }
  return Math.min(below, above) > improbable
}

/** The logarithm of the binomial distribution. */
function logChance(k: number, n: number, p: number): number {
  let sum = k * Math.log(p) + (n - k) * Math.log1p(-p)
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i)
  return sum
}
