import { systemClock } from '@tulle/core'

/** What a promise becomes within `ms`, or undefined; its timer does not outlive it. */
export async function inTime<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  using _timer = systemClock.after(ms, () => late.resolve(undefined))
  return await Promise.race([promise, late.promise])
}
