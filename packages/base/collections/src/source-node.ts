import type { Source } from './collection.ts'
import { StoreNode } from './store-node.ts'

export class SourceNode<V> extends StoreNode<V> implements Source<V> {
  set(key: string, value: V): void {
    this.engine.assertWriting(this.name)
    this.write(key, value)
  }

  delete(key: string): void {
    this.engine.assertWriting(this.name)
    this.write(key, undefined)
  }

  replace(entries: ReadonlyMap<string, V>): void {
    this.engine.assertWriting(this.name)
    for (const key of this.keys()) if (!entries.has(key)) this.write(key, undefined)
    for (const [key, value] of entries) this.write(key, value)
  }

  /** A source has nothing to compute. */
  override process(): boolean {
    return true
  }

  override inputChanged(): void {
    // Nor has it an input.
  }

  override inputBegins(): void {
    // None comes.
  }

  override lookedAt(): readonly string[] {
    return []
  }
}
