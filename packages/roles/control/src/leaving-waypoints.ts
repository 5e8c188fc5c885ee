import type { Change, Collection, Graph, Source } from '@tulle/collections'
import type { Clock } from '@tulle/core'
import { waypointNode } from '@tulle/mesh'
import type { Waypoint, Workload } from '@tulle/mesh'
import { addressType } from '@tulle/mesh-xds'
import type { Receipts } from '@tulle/xds'
import { laggards } from './spread.ts'

export interface LeavingWaypointsDeps {
  readonly graph: Graph
  readonly clock: Clock
  readonly waypoints: Collection<Waypoint>
  /** The waypoints that lead to a workload, by its uid. */
  readonly leads: Collection<readonly string[]>
  readonly workloads: Collection<Workload>
  readonly receipts: Pick<Receipts, 'nodes' | 'subscribe'>
  /** What this keeps, together with whoever finds them ready. */
  readonly ready: Source<true>
  /** What this keeps. */
  readonly ending: Source<true>
  readonly ledBefore: Source<readonly string[]>
  /** How long what runs through a waypoint may take to finish. */
  readonly drainMs: number
}

/** A node that does not answer is not waited for longer before a waypoint ends that it may still send callers to. */
const spreadMs = 10_000
/** A process that was to end, and has not, is forgotten after its time and this much more. */
const graceMs = 5000

/**
 * A waypoint leaves in steps, so that no request is lost: nobody is sent to it any more; when all nodes know that, its process
 * is told to end; and when that is gone, so is the waypoint. Until then workloads let it in, as they do for a while where it
 * stays and something else is led past it from now on.
 */
export function followLeavingWaypoints(deps: LeavingWaypointsDeps): Disposable {
  return new LeavingWaypoints(deps)
}

interface Leaving {
  /** At which nobody is sent to it. */
  readonly revision: number
  isLate: boolean
  readonly timer: Disposable
}

class LeavingWaypoints implements Disposable {
  readonly #deps: LeavingWaypointsDeps
  readonly #leaving: Map<string, Leaving> = new Map()
  readonly #overdue: Map<string, Disposable> = new Map()
  /** By uid: what is looked at again then. */
  readonly #lettingGo: Map<string, Disposable> = new Map()
  readonly #stack: DisposableStack = new DisposableStack()

  constructor(deps: LeavingWaypointsDeps) {
    this.#deps = deps
    const { graph, leads, receipts } = deps
    graph.transaction(() => {
      for (const [uid, keys] of leads.entries()) deps.ledBefore.set(uid, keys)
    })
    this.#stack.use(leads.subscribe((changes) => this.#onLeads(changes)))
    this.#stack.use(graph.onTransaction(() => this.#look()))
    this.#stack.use(receipts.subscribe(() => this.#look()))
  }

  [Symbol.dispose](): void {
    this.#stack.dispose()
    for (const { timer } of this.#leaving.values()) timer[Symbol.dispose]()
    for (const timers of [this.#overdue, this.#lettingGo])
      for (const timer of timers.values()) timer[Symbol.dispose]()
  }

  #look(): void {
    const { waypoints, ready, ending } = this.#deps
    const told: string[] = []
    const gone: string[] = []
    for (const key of this.#leaving.keys()) if (waypoints.get(key)?.leaving !== 'finishing') this.#forget(key)
    for (const [key] of ready.entries()) {
      const waypoint = waypoints.get(key)
      if (waypoint === undefined || (ending.get(key) !== undefined && this.#hasEnded(key, waypoint)))
        gone.push(key)
      else if (waypoint.leaving === 'finishing' && this.#mayEnd(key)) told.push(key)
    }
    if (told.length === 0 && gone.length === 0) return
    this.#change(() => {
      for (const key of told) if (waypoints.get(key)?.leaving === 'finishing') this.#tellToEnd(key)
      for (const key of gone) {
        ready.delete(key)
        ending.delete(key)
        this.#overdue.get(key)?.[Symbol.dispose]()
        this.#overdue.delete(key)
      }
    })
  }

  /** Whether every node has applied that nobody is sent there, or has had its time. */
  #mayEnd(key: string): boolean {
    const { clock, graph, receipts, waypoints, workloads } = this.#deps
    let leaving = this.#leaving.get(key)
    if (leaving === undefined) {
      const timer = clock.after(spreadMs, () => {
        made.isLate = true
        this.#look()
      })
      const made = { revision: graph.revision, isLate: false, timer }
      leaving = made
      this.#leaving.set(key, made)
    }
    if (leaving.isLate) return true
    // Waypoints send nobody to waypoints.
    const others = new Set(Array.from(waypoints.entries(), ([, waypoint]) => waypointNode(waypoint)))
    const behind = laggards({ graph, workloads, receipts }, addressType, leaving.revision)
    return behind.every(({ node }) => others.has(node))
  }

  #tellToEnd(key: string): void {
    const { clock, drainMs, ending } = this.#deps
    ending.set(key, true)
    const overdue = clock.after(drainMs + graceMs, () => {
      this.#overdue.delete(key)
      this.#look()
    })
    this.#overdue.set(key, overdue)
  }

  #hasEnded(key: string, waypoint: Waypoint): boolean {
    if (!this.#overdue.has(key)) return true
    const node = waypointNode(waypoint)
    return !this.#deps.receipts.nodes().some((receipt) => receipt.node === node && receipt.connected)
  }

  #forget(key: string): void {
    this.#leaving.get(key)?.timer[Symbol.dispose]()
    this.#leaving.delete(key)
  }

  #onLeads(changes: readonly Change<readonly string[]>[]): void {
    const { clock, drainMs, ledBefore, leads } = this.#deps
    const uids = changes.map(({ key }) => key)
    for (const uid of uids) {
      this.#lettingGo.get(uid)?.[Symbol.dispose]()
      const letGo = (): void => {
        this.#lettingGo.delete(uid)
        this.#change(() => setOrDelete(ledBefore, uid, leads.get(uid)))
      }
      this.#lettingGo.set(uid, clock.after(drainMs, letGo))
    }
    this.#change(() => {
      for (const uid of uids) {
        const all = new Set([...(ledBefore.get(uid) ?? []), ...(leads.get(uid) ?? [])])
        setOrDelete(ledBefore, uid, all.size === 0 ? undefined : [...all])
      }
    })
  }

  /** Receipts and timers come at any time, also while objects are read in slices. */
  #change(run: () => void): void {
    void this.#deps.graph.transactionInTurn(run)
  }
}

function setOrDelete<V>(source: Source<V>, key: string, value: V | undefined): void {
  if (value === undefined) source.delete(key)
  else source.set(key, value)
}
