import { systemClock } from '@tulle/core'

const pollMs = 20

/** Asks until there is an answer; throws what `describe` says when there was none in time. */
export async function until<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  { withinMs, describe }: { readonly withinMs: number; readonly describe: () => string },
): Promise<T> {
  const deadlineMs = systemClock.monotonicMs() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (systemClock.monotonicMs() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${describe()}`)
    await systemClock.sleep(pollMs)
  }
}

/** The promise's value, or an error when it does not settle in time. */
export async function within<T>(withinMs: number, what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  using _timer = systemClock.after(withinMs, () =>
    late.reject(new Error(`${what}: not within ${withinMs} ms`)),
  )
  return await Promise.race([promise, late.promise])
}
