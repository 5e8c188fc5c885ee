import type { Clock } from '@tulle/core'
import { compareText } from '@tulle/core'
import type { AdsStream } from './ads-stream.ts'
import type { AppliedReport, NodeReceipt, Receipts, RevisionReceipt } from './receipt-types.ts'

const maxRevisions = 10_000
const maxGoneNodes = 1000

interface NodeEntry {
  readonly node: string
  /** Open streams, oldest first: the newest one speaks for the node. */
  readonly streams: AdsStream[]
  sinceMs: number
  /** The graph's revision when the newest stream was opened: how fast older ones spread says nothing. */
  openedAt: number
  appliedRevision: number
  /** The last word of a node that went. */
  last: NodeReceipt | undefined
  /** Kept from one stream to the next: a node that comes back without confirming anything is silent all the time. */
  unconfirmedSinceMs: number | undefined
  readonly appliedAtMs: Map<string, number>
}

interface RevisionEntry {
  readonly madeAtMs: number
  readonly madeMonotonicMs: number
  appliedNodes: number
  slowestMs: number
}

/** Keeps what nodes acknowledged. A node is one entry, however many streams it opens. */
export class ReceiptBook implements Receipts {
  readonly #clock: Clock
  readonly #nodes: Map<string, NodeEntry> = new Map()
  readonly #revisions: Map<number, RevisionEntry> = new Map()
  readonly #listeners: Set<() => void> = new Set()
  readonly #onApplied: (seconds: number) => void
  #revision: number
  #notifyDue: boolean = false

  /** `onApplied` hears of each acknowledgement of a revision, and how long after it that came. */
  constructor(clock: Clock, revision: number, onApplied: (seconds: number) => void = () => undefined) {
    this.#clock = clock
    this.#revision = revision
    this.#onApplied = onApplied
  }

  /** A transaction was applied; call before the streams take stock. */
  made(revision: number): void {
    this.#revision = revision
    const entry = { madeAtMs: this.#clock.nowMs(), madeMonotonicMs: this.#clock.monotonicMs() }
    this.#revisions.set(revision, { ...entry, appliedNodes: 0, slowestMs: 0 })
    for (const old of this.#revisions.keys()) {
      if (this.#revisions.size <= maxRevisions) break
      this.#revisions.delete(old)
    }
  }

  /** Returns the streams of this node that are open already, oldest first. */
  opened(node: string, stream: AdsStream): readonly AdsStream[] {
    const entry = this.#nodes.get(node) ?? newEntry(node)
    const others = [...entry.streams]
    entry.streams.push(stream)
    entry.sinceMs = this.#clock.nowMs()
    entry.openedAt = this.#revision
    entry.appliedRevision = 0
    entry.appliedAtMs.clear()
    entry.last = undefined
    this.#nodes.set(node, entry)
    this.#notify()
    return others
  }

  closed(node: string, stream: AdsStream): void {
    const entry = this.#nodes.get(node)
    const at = entry?.streams.indexOf(stream) ?? -1
    if (entry === undefined || at < 0) return
    if (entry.streams.length === 1) {
      entry.last = { ...this.#receiptOf(entry), connected: false, sinceMs: this.#clock.nowMs() }
    }
    entry.streams.splice(at, 1)
    const current = entry.streams.at(-1)
    if (current !== undefined) entry.appliedRevision = current.appliedRevision
    this.#forgetOldest()
    this.#notify()
  }

  acknowledged(node: string, stream: AdsStream, typeUrl: string): void {
    const entry = this.#nodes.get(node)
    if (entry?.streams.at(-1) === stream) entry.appliedAtMs.set(typeUrl, this.#clock.nowMs())
  }

  progressed(node: string, stream: AdsStream): void {
    const entry = this.#nodes.get(node)
    if (entry === undefined || entry.streams.at(-1) !== stream) return
    const from = Math.max(entry.appliedRevision, entry.openedAt, this.#revision - maxRevisions)
    const to = stream.appliedRevision
    const nowMs = this.#clock.monotonicMs()
    for (let revision = from + 1; revision <= to; revision++) {
      const spread = this.#revisions.get(revision)
      if (spread === undefined) continue
      spread.appliedNodes++
      const tookMs = nowMs - spread.madeMonotonicMs
      spread.slowestMs = Math.max(spread.slowestMs, tookMs)
      this.#onApplied(tookMs / 1000)
    }
    if (stream.isConfirmed) entry.unconfirmedSinceMs = undefined
    else entry.unconfirmedSinceMs ??= this.#clock.nowMs()
    entry.appliedRevision = Math.max(entry.appliedRevision, to)
    this.#notify()
  }

  nodes(): readonly NodeReceipt[] {
    return [...this.#nodes.values()]
      .map((entry) => this.#receiptOf(entry))
      .toSorted((a, b) => compareText(a.node, b.node))
  }

  revision(revision: number): RevisionReceipt | undefined {
    const entry = this.#revisions.get(revision)
    if (entry === undefined) return undefined
    const { madeAtMs, appliedNodes, slowestMs } = entry
    return { revision, madeAtMs, appliedNodes, slowestMs }
  }

  report(revision: number): AppliedReport {
    const nodes = this.nodes().filter((receipt) => receipt.connected)
    const answered = revision <= this.#revision && this.#laggard(revision) === undefined
    const everywhere = answered && ![...this.#nodes.values()].some(refuses)
    const spread = this.#revisions.get(revision)
    const slowestMs = spread === undefined || spread.appliedNodes === 0 ? undefined : spread.slowestMs
    return { revision, answered, everywhere, nodes, slowestMs }
  }

  applied(revision: number, options: { readonly signal: AbortSignal }): Promise<AppliedReport> {
    const { signal } = options
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        subscription[Symbol.dispose]()
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = (): void => {
        settle()
        reject(signal.reason as Error)
      }
      let laggard: NodeEntry | undefined
      const look = (): void => {
        // Asked at every acknowledgement of every node: most of the time the one that was late still is.
        if (laggard !== undefined && isBehind(laggard, revision)) return
        laggard = this.#laggard(revision)
        if (laggard !== undefined || revision > this.#revision) return
        settle()
        resolve(this.report(revision))
      }
      const subscription = this.subscribe(look)
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
      else look()
    })
  }

  subscribe(onChange: () => void): Disposable {
    const listener = (): void => onChange()
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** A connected node that has not applied a revision. */
  #laggard(revision: number): NodeEntry | undefined {
    for (const entry of this.#nodes.values()) if (isBehind(entry, revision)) return entry
    return undefined
  }

  #receiptOf(entry: NodeEntry): NodeReceipt {
    const stream = entry.streams.at(-1)
    if (stream === undefined) {
      return entry.last ?? { node: entry.node, connected: false, sinceMs: 0, appliedRevision: 0, types: [] }
    }
    const types = stream.types.map(({ typeUrl, subscription, sentRevision, appliedRevision }) => ({
      typeUrl,
      subscription: subscription.mode,
      sentRevision,
      appliedRevision,
      appliedAtMs: entry.appliedAtMs.get(typeUrl) ?? 0,
      rejected: subscription.rejected,
    }))
    const { node, sinceMs, unconfirmedSinceMs } = entry
    return {
      node,
      connected: true,
      sinceMs,
      appliedRevision: stream.appliedRevision,
      ...(unconfirmedSinceMs === undefined ? {} : { unconfirmedSinceMs }),
      types,
    }
  }

  /** Nodes that went are listed for a while; in what order, the map knows: a node that comes back keeps its place. */
  #forgetOldest(): void {
    const gone = [...this.#nodes.values()].filter((entry) => entry.streams.length === 0)
    for (const entry of gone.slice(0, Math.max(0, gone.length - maxGoneNodes))) this.#nodes.delete(entry.node)
  }

  /** Once a turn of the event loop: a thousand nodes acknowledge together. */
  #notify(): void {
    if (this.#notifyDue || this.#listeners.size === 0) return
    this.#notifyDue = true
    setImmediate(() => {
      this.#notifyDue = false
      for (const listener of this.#listeners) listener()
    })
  }
}

function isBehind({ streams }: NodeEntry, revision: number): boolean {
  const current = streams.at(-1)
  return current !== undefined && current.appliedRevision < revision
}

/** What a node refused does not hold there, whatever it acknowledged: it is closed, or as before. */
function refuses({ streams }: NodeEntry): boolean {
  return streams.at(-1)?.types.some(({ subscription }) => subscription.hasRejected) === true
}

function newEntry(node: string): NodeEntry {
  return {
    node,
    streams: [],
    sinceMs: 0,
    openedAt: 0,
    appliedRevision: 0,
    last: undefined,
    unconfirmedSinceMs: undefined,
    appliedAtMs: new Map(),
  }
}
