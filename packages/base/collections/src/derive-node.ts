import type { Look } from './collection.ts'
import { CellsNode } from './cells-node.ts'
import type { Engine } from './engine.ts'
import type { StoreNode } from './store-node.ts'

type Fn<I, V> = (value: I, look: Look, key: string) => V | undefined

/** At most one value for each key of its input. */
export class DeriveNode<I, V> extends CellsNode<V, V | undefined> {
  readonly #input: StoreNode<I>
  readonly #fn: Fn<I, V>

  constructor(engine: Engine, name: string, input: StoreNode<I>, fn: Fn<I, V>) {
    super(engine, name)
    this.#input = input
    this.#fn = fn
    input.addFollower(this)
  }

  override has(cell: string): boolean {
    return this.#input.peek(cell) !== undefined
  }

  override compute(cell: string, look: Look): V | undefined {
    const value = this.#input.peek(cell)
    return value === undefined ? undefined : this.#fn(value, look, cell)
  }

  override emit(cell: string, output: V | undefined): void {
    this.write(cell, output)
  }
}
