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
export class DeriveManyNode<I, V> extends CellsNode<I, V, Outputs<V>> {
  readonly #input: StoreNode<I>
  readonly #fn: Fn<I, V>
  /** What each cell yields: a text where that is one key, as it is for most. */
  readonly #keysOf: Map<string, string | readonly string[]> = new Map()
  /** Who yields each key: the cell, whose value is the one in force, or several with what each of them yields. */
  readonly #claims: Map<string, string | SortedMap<V>> = new Map()

  constructor(engine: Engine, name: string, input: StoreNode<I>, fn: Fn<I, V>) {
    super(engine, name)
    this.#input = input
    this.#fn = fn
    input.addFollower(this)
  }

  override inputOf(cell: string): I | undefined {
    return this.#input.peek(cell)
  }

  override compute(value: I, look: Look, cell: string): Outputs<V> {
    const outputs = [...this.#fn(value, look, cell)]
    return outputs.length <= 1 ? outputs : [...new Map(outputs)]
  }

  override emit(cell: string, output: Outputs<V> = []): void {
    const before = this.#keysOf.get(cell)
    const after = keysOf(output)
    if (before !== undefined && before !== after) this.#withdrawOthers(cell, before, output)
    if (after === undefined) this.#keysOf.delete(cell)
    else this.#keysOf.set(cell, after)
    for (const [key, value] of output) this.#claim(key, cell, value)
  }

  override lookedAt(key: string): readonly string[] {
    const claims = this.#claims.get(key) ?? []
    const cells = typeof claims === 'string' ? [claims] : claims instanceof SortedMap ? claims.keys() : claims
    return cells.flatMap((cell) => super.lookedAt(cell))
  }

  #withdrawOthers(cell: string, before: string | readonly string[], output: Outputs<V>): void {
    const kept = new Set(output.map(([key]) => key))
    for (const key of typeof before === 'string' ? [before] : before)
      if (!kept.has(key)) this.#withdraw(key, cell)
  }

  #claim(key: string, cell: string, value: V): void {
    const holder = this.#claims.get(key)
    if (holder === undefined || holder === cell) {
      if (holder === undefined) this.#claims.set(key, cell)
      this.write(key, value)
      return
    }
    const claims = typeof holder === 'string' ? this.#contest(key, holder) : holder
    claims.set(cell, value)
    this.#settle(key, claims)
  }

  #contest(key: string, holder: string): SortedMap<V> {
    const claims = new SortedMap<V>()
    const value = this.peek(key)
    if (value !== undefined) claims.set(holder, value)
    this.#claims.set(key, claims)
    return claims
  }

  #withdraw(key: string, cell: string): void {
    const holder = this.#claims.get(key)
    if (holder === cell) {
      this.#claims.delete(key)
      this.write(key, undefined)
    } else if (holder instanceof SortedMap) {
      holder.delete(cell)
      this.#settle(key, holder)
      const [only] = holder.keys()
      if (holder.size === 1 && only !== undefined) this.#claims.set(key, only)
    }
  }

  #settle(key: string, claims: SortedMap<V>): void {
    const [winner] = claims.keys()
    this.write(key, winner === undefined ? undefined : claims.get(winner))
  }
}

function keysOf(output: readonly (readonly [string, unknown])[]): string | readonly string[] | undefined {
  return output.length > 1 ? output.map(([key]) => key) : output[0]?.[0]
}
