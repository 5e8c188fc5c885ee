import { assert } from '@tulle/core'
import type { GraphDump } from './collection.ts'
import type { Budget } from './dirty-keys.ts'
import { dependsOn, raiseRank } from './graph-node.ts'
import type { GraphNode } from './graph-node.ts'
import { NewsQueue } from './news-queue.ts'

/** Takes what a derived function or a subscriber threw; `where` names it. */
export type Report = (error: unknown, where: string) => void

/** Settings of a graph. */
export interface GraphOptions {
  /**
   * What a derived function or a subscriber threw, which is always a bug. All others still run, and a key whose
   * function threw keeps its former value. By default the error is thrown on, outside of the transaction,
   * which ends the process.
   */
  readonly onError?: Report
  /** Runs every derived function twice and reports one that answers differently: for tests. */
  readonly checkPurity?: boolean
}

/**
 * The order of work. Writing marks what depends on it as pending; the end of a transaction processes what is
 * pending, lowest rank first, and only then tells subscribers.
 */
export class Engine {
  readonly report: Report
  readonly checkPurity: boolean
  /** How many look-ups are recorded: a leak test wants zero. */
  dependencies: number = 0
  readonly #nodes: GraphNode[] = []
  readonly #pending: Set<GraphNode> = new Set()
  readonly #touched: Set<GraphNode> = new Set()
  readonly #listeners: Set<(revision: number) => void> = new Set()
  readonly #news: NewsQueue
  #state: 'idle' | 'writing' | 'committing' = 'idle'
  /** Whether a transaction goes on over several turns of the event loop. */
  #slicing: boolean = false
  /** Sliced transactions come one after the other. */
  #slices: Promise<unknown> = Promise.resolve()
  /** How many derived functions are on the stack. */
  #running: number = 0
  #revision: number = 0

  constructor(options: GraphOptions) {
    this.report = options.onError ?? throwOn
    this.checkPurity = options.checkPurity ?? false
    this.#news = new NewsQueue(this.report)
  }

  get revision(): number {
    return this.#revision
  }

  /** Adds a node that was just made, and computes it from what its inputs hold already. */
  add(node: GraphNode): void {
    assert(this.#state === 'idle', `${node.name} is made between transactions, not within one`)
    this.#nodes.push(node)
    node.process(noLimit())
    node.takeNews()
    node.lastChange = this.#revision
    this.#touched.delete(node)
    this.#pending.delete(node)
  }

  /** Notes that `node` reads `other`: it comes behind it, and the first time `other` is brought up to date at once. */
  use(node: GraphNode, other: GraphNode): void {
    if (node.uses.has(other)) return
    assert(!dependsOn(other, node), `${node.name} looks at ${other.name}, which is derived from it`)
    node.uses.add(other)
    other.usedBy.add(node)
    raiseRank(node, other.rank + 1)
    this.#settle(other, new Set())
  }

  enqueue(node: GraphNode): void {
    this.#pending.add(node)
  }

  touch(node: GraphNode): void {
    this.#touched.add(node)
  }

  assertWriting(name: string): void {
    assert(this.#running === 0, `a derived function wrote to ${name}`)
    assert(this.#state === 'writing', `${name} may be written within graph.transaction only`)
  }

  assertReadable(name: string): void {
    assert(this.#running === 0, `a derived function read ${name} other than through look`)
  }

  /** A derived function begins: until its end, nothing may be written. */
  beginRun(): void {
    this.#running++
  }

  endRun(): void {
    this.#running--
  }

  transaction(run: () => void): number {
    assert(this.#running === 0, 'a derived function opened a transaction')
    assert(
      this.#state !== 'committing' && !this.#slicing,
      'a transaction was opened while another one is applied',
    )
    if (this.#state === 'writing') {
      run()
      return this.#revision
    }
    this.#state = 'writing'
    try {
      run()
    } catch (error) {
      for (const node of this.#touched) node.rollBack()
      throw error
    } finally {
      this.#commit()
    }
    const revision = this.#revision
    this.#news.tellAll()
    return revision
  }

  /** @see Graph.transactionInSlices */
  transactionInSlices(steps: () => Iterable<void>): Promise<number> {
    const done = this.#slices.then(() => this.#slice(steps))
    this.#slices = done.catch(() => undefined)
    return done
  }

  /** @see Graph.transactionInTurn */
  transactionInTurn(run: () => void): Promise<number> {
    return this.transactionInSlices(function* oneStep() {
      run()
      yield
    })
  }

  async #slice(steps: () => Iterable<void>): Promise<number> {
    assert(this.#state === 'idle', 'a transaction was opened while another one is applied')
    this.#slicing = true
    try {
      this.#state = 'writing'
      let left = sliceKeys
      for (const _ of steps()) {
        if (--left > 0) continue
        left = sliceKeys
        // oxlint-disable-next-line no-await-in-loop -- the others' turn
        await nextTurn()
      }
    } catch (error) {
      for (const node of this.#touched) node.rollBack()
      this.#slicing = false
      this.#commit()
      this.#news.tellAll()
      throw error
    }
    this.#state = 'committing'
    // oxlint-disable-next-line no-await-in-loop -- the others' turn
    while (!this.#process({ left: sliceKeys })) await nextTurn()
    this.#slicing = false
    this.#publishAll()
    const revision = this.#revision
    this.#news.tellAll()
    return revision
  }

  onTransaction(run: (revision: number) => void): Disposable {
    const listener = (revision: number): void => run(revision)
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  dump(): GraphDump {
    return { revision: this.#revision, collections: this.#nodes.map((node) => node.dump()) }
  }

  #commit(): void {
    this.#state = 'committing'
    this.#process(noLimit())
    this.#publishAll()
  }

  /** Brings up to `maxKeys` keys up to date, lowest rank first; whether all of them are. */
  #process(budget: Budget): boolean {
    for (let node = this.#lowest(); node !== undefined; node = this.#lowest()) {
      this.#pending.delete(node)
      if (node.process(budget)) continue
      this.#pending.add(node)
      return false
    }
    return true
  }

  #publishAll(): void {
    const before = this.#revision
    for (const node of this.#touched) this.#publish(node, before + 1)
    this.#touched.clear()
    this.#state = 'idle'
    if (this.#revision === before) return
    const revision = this.#revision
    for (const listener of this.#listeners) {
      const tell = (): void => (this.#listeners.has(listener) ? listener(revision) : undefined)
      this.#news.push('a transaction listener', tell)
    }
  }

  #publish(node: GraphNode, revision: number): void {
    const news = node.takeNews()
    if (news === undefined) return
    node.lastChange = revision
    this.#revision = revision
    for (const tell of news) this.#news.push(`a subscriber of ${node.name}`, tell)
  }

  #lowest(): GraphNode | undefined {
    let lowest: GraphNode | undefined
    for (const node of this.#pending) if (lowest === undefined || node.rank < lowest.rank) lowest = node
    return lowest
  }

  /** Brings a node and all it uses up to date out of turn: its new reader can't wait. */
  #settle(node: GraphNode, seen: Set<GraphNode>): void {
    if (seen.has(node)) return
    seen.add(node)
    for (const other of node.uses) this.#settle(other, seen)
    if (this.#pending.delete(node)) node.process(noLimit())
  }
}

/** A few milliseconds of work: what else a process does must not wait longer. */
const sliceKeys = 400

function noLimit(): Budget {
  return { left: Infinity }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function throwOn(error: unknown, where: string): void {
  queueMicrotask(() => {
    throw new Error(`${where} threw`, { cause: error })
  })
}
