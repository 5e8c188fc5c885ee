import { compareText } from '@tulle/core'
import type { Engine } from './engine.ts'
import { StoreNode } from './store-node.ts'

/** All of several collections. */
export class JoinNode<V> extends StoreNode<V> {
  readonly #inputs: readonly StoreNode<V>[]
  readonly #dirty: Set<string> = new Set()

  constructor(engine: Engine, name: string, inputs: readonly StoreNode<V>[]) {
    super(engine, name)
    this.#inputs = inputs
    for (const input of inputs) input.addFollower(this)
  }

  override inputChanged(key: string): void {
    this.#dirty.add(key)
    this.engine.enqueue(this)
  }

  override process(): void {
    const keys = [...this.#dirty].toSorted(compareText)
    this.#dirty.clear()
    this.runs += keys.length
    for (const key of keys) this.write(key, this.#owner(key)?.peek(key))
  }

  override lookedAt(key: string): readonly string[] {
    const owner = this.#owner(key)
    return owner === undefined ? [] : [owner.keyWatchers.label(key)]
  }

  #owner(key: string): StoreNode<V> | undefined {
    return this.#inputs.find((input) => input.peek(key) !== undefined)
  }
}
