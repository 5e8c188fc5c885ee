import type { Look } from './collection.ts'
import { CellsNode } from './cells-node.ts'
import type { Engine } from './engine.ts'
import { SortedMap } from './sorted-map.ts'
import type { StoreNode } from './store-node.ts'

/** Each key once. A list, because most have one entry, and maps of one take much memory. */
type Outputs<V> = readonly (readonly [string, V])[]

type Fn<I, V> = (value: I, look: Look, key: string) => Iterable<readonly [string, V]>

/**
 * Any number of keyed values for each key of its input. Where two inputs yield one key, which they should not,
 * the one whose own key comes first has it, whatever the order of events was.
 */
export class DeriveManyNode<I, V> extends CellsNode<V, Outputs<V>> {
  readonly #input: StoreNode<I>
  readonly #fn: Fn<I, V>
  readonly #outputs: Map<string, Outputs<V>> = new Map()
  readonly #claims: Map<string, SortedMap<V>> = new Map()

  constructor(engine: Engine, name: string, input: StoreNode<I>, fn: Fn<I, V>) {
    super(engine, name)
    this.#input = input
    this.#fn = fn
    input.addFollower(this)
  }

  override has(cell: string): boolean {
    return this.#input.peek(cell) !== undefined
  }

  override compute(cell: string, look: Look): Outputs<V> {
    const value = this.#input.peek(cell)
    const outputs = value === undefined ? [] : [...this.#fn(value, look, cell)]
    return outputs.length <= 1 ? outputs : [...new Map(outputs)]
  }

  override emit(cell: string, output: Outputs<V> | undefined): void {
    const before = this.#outputs.get(cell) ?? []
    if (output === undefined || output.length === 0) this.#outputs.delete(cell)
    else this.#outputs.set(cell, output)
    const kept = new Set(output?.map(([key]) => key))
    for (const [key] of before) if (!kept.has(key)) this.#withdraw(key, cell)
    for (const [key, value] of output ?? []) this.#claim(key, cell, value)
  }

  override lookedAt(key: string): readonly string[] {
    return (this.#claims.get(key)?.keys() ?? []).flatMap((cell) => super.lookedAt(cell))
  }

  #claim(key: string, cell: string, value: V): void {
    const claims = this.#claims.get(key) ?? new SortedMap()
    claims.set(cell, value)
    this.#claims.set(key, claims)
    this.#settle(key, claims)
  }

  #withdraw(key: string, cell: string): void {
    const claims = this.#claims.get(key)
    if (claims === undefined) return
    claims.delete(cell)
    if (claims.size === 0) this.#claims.delete(key)
    this.#settle(key, claims)
  }

  #settle(key: string, claims: SortedMap<V>): void {
    const [winner] = claims.keys()
    this.write(key, winner === undefined ? undefined : claims.get(winner))
  }
}
