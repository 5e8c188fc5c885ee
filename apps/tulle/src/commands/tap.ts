import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { errorCode, linkedController } from '@tulle/core'
import type { Clock, LinkedController } from '@tulle/core'
import { withQuery } from '@tulle/runtime'
import type { TapFilter, TapLine } from '@tulle/waypoint'
import type { Style } from '../output/style.ts'
import { requireRunning } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import { followWaypoints } from './follow-waypoints.ts'
import { tapLine } from './tap-line.ts'

export interface TapOptions {
  readonly state: StateFolder
  readonly filter: TapFilter
  /** Of each waypoint; what is beyond is counted. */
  readonly maxPerSecond: number
  /** Ends after so many requests; 0 = never. */
  readonly count: number
  readonly output: 'table' | 'json'
  readonly style: Style
  readonly clock: Clock
  readonly out: Writable
  readonly onNews: (text: string) => void
  readonly signal: AbortSignal
}

/** `tulle tap`: live requests of all waypoints, a line each. */
export async function tap(options: TapOptions): Promise<void> {
  const { state, filter, maxPerSecond, count, out, clock, onNews } = options
  requireRunning(state)
  using stop = linkedController(options.signal)
  using _closed = endWithReader(out, stop)
  let seen = 0
  await followWaypoints<TapLine>({
    state,
    path: withQuery('/v1/tap', { ...filter, maxPerSecond }),
    clock,
    signal: stop.signal,
    onLine: async (waypoint, line) => {
      if (stop.signal.aborted) return
      await write(out, `${textOf(waypoint, line, options)}\n`)
      if (!('dropped' in line) && ++seen === count) stop.abort()
    },
    onNews,
  })
}

function textOf(waypoint: string, line: TapLine, { output, style }: TapOptions): string {
  if (output === 'json') return JSON.stringify({ waypoint, ...line })
  return 'dropped' in line
    ? style.warn(`… ${line.dropped} more at ${waypoint} (--max-per-second, or filters, show less or more)`)
    : tapLine(line, style)
}

async function write(out: Writable, text: string): Promise<void> {
  if (!out.write(text)) await Promise.race([once(out, 'drain'), once(out, 'close')])
}

/** `tulle tap | head`: a reader that has seen enough is no error. */
export function endWithReader(out: Writable, stop: LinkedController): Disposable {
  const onError = (error: Error): void => {
    stop.abort()
    if (errorCode(error) !== 'EPIPE') throw error
  }
  out.on('error', onError)
  return { [Symbol.dispose]: () => void out.off('error', onError) }
}
