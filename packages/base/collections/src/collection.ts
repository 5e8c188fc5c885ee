/** One key's step within a transaction; `undefined` stands for "not there". */
export interface Change<V> {
  readonly key: string
  readonly before: V | undefined
  readonly after: V | undefined
}

/** A set of keyed values that tells of its changes. Values are deeply readonly. */
export interface Collection<V> {
  readonly name: string
  readonly size: number
  get(key: string): V | undefined
  /** In key order. */
  entries(): Iterable<readonly [string, V]>
  /** Called once a transaction that changed anything here, after all of it is applied. */
  subscribe(onChanges: (changes: readonly Change<V>[]) => void): Disposable
}

/** A collection written from outside, by exactly one owner, within `graph.transaction`. */
export interface Source<V> extends Collection<V> {
  set(key: string, value: V): void
  delete(key: string): void
  /** Makes the collection exactly this; what stays equal is no change. */
  replace(entries: ReadonlyMap<string, V>): void
}

/** The values of a collection by something that they say of themselves. */
export interface Index<V> {
  readonly name: string
  /** In key order. */
  by(value: string): readonly V[]
}

/** One derived value. */
export interface Singleton<V> {
  readonly name: string
  readonly value: V
  subscribe(onChange: (value: V) => void): Disposable
}

/**
 * The only way in which a derived function may read other collections: what it looked at is recorded for its
 * key, and a change of that runs it again.
 */
export interface Look {
  one<V>(collection: Collection<V>, key: string): V | undefined
  by<V>(index: Index<V>, value: string): readonly V[]
  /** Everything, in key order: any change of the collection runs the function again. */
  all<V>(collection: Collection<V>): readonly V[]
  the<V>(singleton: Singleton<V>): V
}

/**
 * Collections and what is derived from them. Changes made within one transaction are applied together: derived
 * collections run in rank order (longest path from the sources), so each key runs at most once and nobody sees
 * half a change. Derived functions are pure and may run at any time, twice.
 */
export interface Graph {
  source<V>(name: string): Source<V>
  /** One value a key, or none where `fn` returns undefined. */
  derive<I, V>(
    name: string,
    input: Collection<I>,
    fn: (value: I, look: Look, key: string) => V | undefined,
  ): Collection<V>
  /** Any number of keyed values an input; two inputs must not yield the same key. */
  deriveMany<I, V>(
    name: string,
    input: Collection<I>,
    fn: (value: I, look: Look, key: string) => Iterable<readonly [string, V]>,
  ): Collection<V>
  index<V>(name: string, input: Collection<V>, keysOf: (value: V, key: string) => Iterable<string>): Index<V>
  /** All of several collections; where two have a key, the first listed wins. */
  join<V>(name: string, inputs: readonly Collection<V>[]): Collection<V>
  singleton<V>(name: string, fn: (look: Look) => V): Singleton<V>
  /** Applies all changes that `run` makes as one; returns the revision after it. Nested calls join the outer one. */
  transaction(run: () => void): number
  /**
   * As `transaction`, for changes that may be many: other work has its turn between steps of `steps`, and while what
   * depends on them is computed. Meanwhile single values may be old or new, nobody is told of any, and no
   * other transaction may be opened. Those in slices wait for one another.
   */
  transactionInSlices(steps: () => Iterable<void>): Promise<number>
  /** As `transaction`, for who may come at any time: it waits for those in slices. */
  transactionInTurn(run: () => void): Promise<number>
  /** Counts the transactions that changed anything. */
  readonly revision: number
  /** Called after each transaction that changed anything, after all subscribers. */
  onTransaction(run: (revision: number) => void): Disposable
  /** For the admin port: each collection's rank, size and, by key, what was looked at, runs, last change. */
  dump(): GraphDump
}

export interface GraphDump {
  readonly revision: number
  readonly collections: readonly CollectionDump[]
}

export interface CollectionDump {
  readonly name: string
  readonly rank: number
  readonly inputs: readonly string[]
  readonly size: number
  readonly runs: number
  readonly lastChange: number
  readonly entries: Readonly<
    Record<string, { readonly value: unknown; readonly lookedAt: readonly string[] }>
  >
}
