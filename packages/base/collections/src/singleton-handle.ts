import { assert } from '@tulle/core'
import type { Singleton } from './collection.ts'
import type { Engine } from './engine.ts'
import type { StoreNode } from './store-node.ts'

/** Keeps undefined apart from absent. */
export interface Box<V> {
  readonly value: V
}

/** One derived value, seen from outside: a store with the empty key alone. */
export class SingletonHandle<V> implements Singleton<V> {
  readonly store: StoreNode<Box<V>>

  constructor(store: StoreNode<Box<V>>) {
    this.store = store
  }

  get name(): string {
    return this.store.name
  }

  get value(): V {
    return this.#unbox(this.store.get(''))
  }

  /** As `value`, for the engine's own use. */
  peek(): V {
    return this.#unbox(this.store.peek(''))
  }

  subscribe(onChange: (value: V) => void): Disposable {
    return this.store.subscribe((changes) => {
      for (const { after } of changes) if (after !== undefined) onChange(after.value)
    })
  }

  #unbox(box: Box<V> | undefined): V {
    assert(box !== undefined, `${this.name} has no value, because its function threw`)
    return box.value
  }
}

/** The handle of a singleton that this graph made. */
export function singletonHandle<V>(singleton: Singleton<V>, engine: Engine): SingletonHandle<V> {
  assert(singleton instanceof SingletonHandle, `${singleton.name} was not made by a graph`)
  assert(singleton.store.engine === engine, `${singleton.name} was made by another graph`)
  return singleton
}
