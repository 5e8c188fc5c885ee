import type { Look } from './collection.ts'
import { CellsNode } from './cells-node.ts'
import type { Engine } from './engine.ts'
import type { Box } from './singleton-handle.ts'

/** One cell, under the empty key. */
export class SingletonNode<V> extends CellsNode<true, Box<V>, Box<V>> {
  readonly #fn: (look: Look) => V

  constructor(engine: Engine, name: string, fn: (look: Look) => V) {
    super(engine, name)
    this.#fn = fn
    this.markDirty('')
  }

  override inputOf(): true {
    return true
  }

  override compute(_: true, look: Look): Box<V> {
    return { value: this.#fn(look) }
  }

  override emit(cell: string, output: Box<V> | undefined): void {
    this.write(cell, output)
  }
}
