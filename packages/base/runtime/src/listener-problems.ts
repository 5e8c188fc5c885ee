import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { Log } from './log.ts'

export interface ListenerProblems {
  /** The kernel could not hand a connection over. */
  onError(error: Error): void
  /** A connection was closed at once, since the process is about to run out of descriptors. */
  onShed(): void
}

/** Each of thousands of connections may come to this. */
const sayEveryMs = 1000

/** Says in the log what goes wrong where connections are accepted, once a second at most, and how often it came. */
export function listenerProblems(log: Log, clock: Clock): ListenerProblems {
  let saidMs = Number.NEGATIVE_INFINITY
  let times = 0
  const say = (message: string, error: string): void => {
    times++
    const nowMs = clock.monotonicMs()
    if (nowMs - saidMs < sayEveryMs) return
    log.error(message, { error, times })
    saidMs = nowMs
    times = 0
  }
  return {
    onError: (error) => say('listener failed', errorText(error)),
    onShed: () => say('connections are closed unseen', 'the process is about to run out of descriptors'),
  }
}
