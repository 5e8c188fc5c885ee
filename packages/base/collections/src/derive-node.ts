import type { Look } from './collection.ts'
import { CellsNode } from './cells-node.ts'
import type { Engine } from './engine.ts'
import type { StoreNode } from './store-node.ts'

type Fn<I, V> = (value: I, look: Look, key: string) => V | undefined

/** At most one value for each key of its input. */
export class DeriveNode<I, V> extends CellsNode<I, V, V | undefined> {
  readonly #input: StoreNode<I>
  readonly #fn: Fn<I, V>

  constructor(engine: Engine, name: string, input: StoreNode<I>, fn: Fn<I, V>) {
    super(engine, name)
    this.#input = input
    this.#fn = fn
    input.addFollower(this)
  }

  override inputOf(cell: string): I | undefined {
    return this.#input.peek(cell)
  }

  override compute(value: I, look: Look, cell: string): V | undefined {
    return this.#fn(value, look, cell)
  }

  override emit(cell: string, output: V | undefined): void {
    this.write(cell, output)
  }
}
