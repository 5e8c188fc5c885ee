import { assert, dataEqual } from '@tulle/core'
import type { Look } from './collection.ts'
import { DirtyKeys } from './dirty-keys.ts'
import type { Budget } from './dirty-keys.ts'
import { Reader } from './reader.ts'
import { StoreNode } from './store-node.ts'

/** A collection that is computed one cell at a time, each by a run that records what it looked at. */
export abstract class CellsNode<I, V, Output> extends StoreNode<V> {
  readonly #dirty: DirtyKeys = new DirtyKeys()
  /** Of cells that look at something, which not all do. */
  readonly #readers: Map<string, Reader> = new Map()
  readonly #compute = (input: I, look: Look, cell: string): Output => this.compute(input, look, cell)

  /** What a cell is computed from; undefined where there is nothing to compute. */
  abstract inputOf(cell: string): I | undefined
  abstract compute(input: I, look: Look, cell: string): Output
  /** Writes what a cell yields; undefined takes back what it yielded. */
  abstract emit(cell: string, output: Output | undefined): void

  markDirty(cell: string): void {
    this.#dirty.add(cell)
    this.engine.enqueue(this)
  }

  override inputChanged(key: string): void {
    this.markDirty(key)
  }

  override inputBegins(keys: readonly string[]): void {
    this.#dirty.addAll(keys)
    this.engine.enqueue(this)
  }

  override process(budget: Budget): boolean {
    // A run may make others of this node dirty, when it is the first to look at something that still waited.
    return this.#dirty.drain(budget, (cell, isFirst) =>
      this.#refresh(cell, isFirst ? undefined : this.#readers.get(cell)),
    )
  }

  override lookedAt(cell: string): readonly string[] {
    return this.#readers.get(cell)?.lookedAt() ?? []
  }

  #refresh(cell: string, known: Reader | undefined): void {
    const input = this.inputOf(cell)
    if (input === undefined) {
      known?.forget()
      this.#readers.delete(cell)
      this.emit(cell, undefined)
      return
    }
    const reader = known ?? new Reader(this, cell)
    try {
      this.emit(cell, this.#run(reader, input))
    } catch (error) {
      this.engine.report(error, `${this.name}: ${cell}`)
    }
    if (!reader.isWatching) this.#readers.delete(cell)
    else if (known === undefined) this.#readers.set(cell, reader)
  }

  #run(reader: Reader, input: I): Output {
    this.runs++
    const output = reader.run(input, this.#compute)
    if (!this.engine.checkPurity) return output
    const again = reader.run(input, this.#compute)
    assert(dataEqual(output, again), 'two runs on the same inputs differ')
    return output
  }
}
