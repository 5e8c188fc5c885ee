import { DirtyKeys } from './dirty-keys.ts'
import type { Budget } from './dirty-keys.ts'
import type { Engine } from './engine.ts'
import { StoreNode } from './store-node.ts'

/** All of several collections. */
export class JoinNode<V> extends StoreNode<V> {
  readonly #inputs: readonly StoreNode<V>[]
  readonly #dirty: DirtyKeys = new DirtyKeys()

  constructor(engine: Engine, name: string, inputs: readonly StoreNode<V>[]) {
    super(engine, name)
    this.#inputs = inputs
    for (const input of inputs) input.addFollower(this)
  }

  override inputChanged(key: string): void {
    this.#dirty.add(key)
    this.engine.enqueue(this)
  }

  override inputBegins(keys: readonly string[]): void {
    this.#dirty.addAll(keys)
    this.engine.enqueue(this)
  }

  override process(budget: Budget): boolean {
    return this.#dirty.drain(budget, (key) => {
      this.runs++
      this.write(key, this.#valueOf(key))
    })
  }

  override lookedAt(key: string): readonly string[] {
    const owner = this.#owner(key)
    return owner === undefined ? [] : [owner.keyWatchers.label(key)]
  }

  #valueOf(key: string): V | undefined {
    for (const input of this.#inputs) {
      const value = input.peek(key)
      if (value !== undefined) return value
    }
    return undefined
  }

  #owner(key: string): StoreNode<V> | undefined {
    return this.#inputs.find((input) => input.peek(key) !== undefined)
  }
}
