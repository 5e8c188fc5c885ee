import { systemClock } from '@tulle/core'

const pollMs = 20

/** Bounds a hang, nothing else: what goes well takes a small part of it, on a slow and busy machine too. */
export const patienceMs = 60_000

/** As much for one answer, so that whoever asks again for as long as they are patient asks more than once. */
export const answerPatienceMs = 25_000

/** Asks until there is an answer; throws what `describe` says when there was none in time. */
export async function until<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  describe: () => string,
): Promise<T> {
  const deadlineMs = systemClock.monotonicMs() + patienceMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (systemClock.monotonicMs() > deadlineMs) throw new Error(`not within ${patienceMs} ms: ${describe()}`)
    await systemClock.sleep(pollMs)
  }
}

/** The promise's value, or an error when it does not settle in time. */
export async function patiently<T>(what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  using _timer = systemClock.after(patienceMs, () =>
    late.reject(new Error(`${what}: not within ${patienceMs} ms`)),
  )
  return await Promise.race([promise, late.promise])
}
