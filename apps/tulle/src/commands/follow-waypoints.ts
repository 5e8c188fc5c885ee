import { linkedController } from '@tulle/core'
import type { Clock, LinkedController } from '@tulle/core'
import type { List, WaypointView } from '@tulle/status'
import { adminClient } from '../admin-client.ts'
import { CommandError } from '../exit-codes.ts'
import type { StateFolder } from '../state-folder.ts'

export interface Following<T> {
  readonly state: StateFolder
  /** Of the admin API of each waypoint: a route that answers in lines. */
  readonly path: string
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Reading waits for it, so that a reader who is slow makes nothing pile up here. */
  onLine(waypoint: string, line: T): Promise<void>
  /** A waypoint that comes, or does not answer and is asked again. */
  onNews(text: string): void
}

const retryMs = 1000

/** Reads from every waypoint that the mesh has or gets, until the signal aborts. A route that refuses what is asked ends it. */
export async function followWaypoints<T>(following: Following<T>): Promise<void> {
  const { signal, onNews } = following
  using life = linkedController(signal)
  const stop = life.signal
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const running = new Map<string, LinkedController>()
  const reconcile = ({ items }: List<WaypointView>): void => {
    for (const [key, controller] of running) {
      if (items.some((view) => view.key === key)) continue
      controller.abort()
      controller[Symbol.dispose]()
      running.delete(key)
    }
    for (const view of items) {
      if (running.has(view.key)) continue
      const controller = linkedController(stop)
      running.set(view.key, controller)
      readOne(following, view, controller.signal).catch((error: unknown) => failed.reject(error))
    }
    if (items.length === 0) onNews('there is no waypoint: nothing reads requests yet')
  }
  try {
    await Promise.race([watchList(following, stop, reconcile), failed.promise])
  } finally {
    life.abort()
  }
}

/** A control plane that goes away is asked again; one that was never there ends it. */
async function watchList<T>(
  { state, clock, onNews }: Following<T>,
  signal: AbortSignal,
  onList: (list: List<WaypointView>) => void,
): Promise<void> {
  let answered = false
  while (!signal.aborted) {
    try {
      const path = '/v1/waypoints?watch=1'
      for await (const list of adminClient(state.controlSocket).watch<List<WaypointView>>(path, signal)) {
        answered = true
        onList(list)
      }
    } catch (error) {
      if (signal.aborted) return
      if (!answered) throw error
    }
    if (signal.aborted) return
    onNews('the control plane is away: waypoints that come are not seen')
    await clock.sleep(retryMs, { signal }).catch(() => undefined)
  }
}

async function readOne<T>(
  { state, path, clock, onLine, onNews }: Following<T>,
  { key, node }: WaypointView,
  signal: AbortSignal,
): Promise<void> {
  let saidAway = false
  while (!signal.aborted) {
    try {
      const lines = adminClient(state.node(node).adminSocket).watch<T>(path, signal)
      for await (const line of lines) {
        saidAway = false
        await onLine(key, line)
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof CommandError && isRefusal(error)) throw error
      if (!saidAway) onNews(`waypoint ${key} does not answer yet`)
      saidAway = true
    }
    await clock.sleep(retryMs, { signal }).catch(() => undefined)
  }
}

/** It answered, and not with lines. */
function isRefusal({ cause }: CommandError): boolean {
  return Object(cause).code === 'ADMIN_REFUSED'
}
