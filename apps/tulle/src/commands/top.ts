import type { Writable } from 'node:stream'
import { linkedController } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { EdgeLine } from '@tulle/waypoint'
import type { Style } from '../output/style.ts'
import { requireRunning } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import { followWaypoints } from './follow-waypoints.ts'
import { endWithReader } from './tap.ts'
import { EdgeWindow, topTable } from './top-edges.ts'

export interface TopOptions {
  readonly state: StateFolder
  readonly windowMs: number
  /** One answer over the whole window, then the end. */
  readonly once: boolean
  readonly output: 'table' | 'json'
  readonly style: Style
  readonly clock: Clock
  readonly out: Writable
  /** Of a terminal that is drawn anew each time; undefined: what comes goes below what was. */
  readonly screenRows: number | undefined
  readonly onNews: (text: string) => void
  readonly signal: AbortSignal
}

const refreshMs = 1000
/** Cursor home, and clear what is below. @see ECMA-48, CUP and ED */
const home = '\u001B[H\u001B[J'

/** `tulle top`: who calls whom, how often, how well and how fast, each second anew. */
export async function top(options: TopOptions): Promise<void> {
  const { state, windowMs, once, out, clock, onNews } = options
  requireRunning(state)
  const window = new EdgeWindow(windowMs)
  using stop = linkedController(options.signal)
  using _closed = endWithReader(out, stop)
  const show = (): void => void out.write(textOf(window, options))
  using _refresh = once ? clock.after(windowMs + refreshMs, () => stop.abort()) : clock.every(refreshMs, show)
  await followWaypoints<EdgeLine>({
    state,
    path: `/v1/edges?intervalMs=${refreshMs}`,
    clock,
    signal: stop.signal,
    onLine: async (waypoint, line) => {
      window.add(waypoint, line)
      if (once && window.spanMs >= windowMs) stop.abort()
    },
    onNews,
  })
  if (once) show()
}

function textOf(window: EdgeWindow, { output, style, screenRows }: TopOptions): string {
  const rows = window.rows()
  const { othersPerSecond } = window
  if (output === 'json')
    return `${JSON.stringify({ windowMs: Math.round(window.spanMs), othersPerSecond, edges: rows })}\n`
  const shown = screenRows === undefined ? rows : rows.slice(0, Math.max(1, screenRows - 3))
  const more = [
    ...(shown.length < rows.length ? [`${rows.length - shown.length} more edges`] : []),
    ...(othersPerSecond === 0 ? [] : [`${othersPerSecond} requests a second of edges that are not shown`]),
  ]
  const text = [topTable(shown, style), ...more.map((line) => style.dim(line))].join('\n')
  return screenRows === undefined ? `${text}\n` : `${home}${text}\n`
}
