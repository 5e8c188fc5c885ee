import type { Collection, Graph, Index, Look, Singleton, Source } from './collection.ts'
import { DeriveManyNode } from './derive-many-node.ts'
import { DeriveNode } from './derive-node.ts'
import { Engine } from './engine.ts'
import type { GraphOptions } from './engine.ts'
import type { GraphNode } from './graph-node.ts'
import { IndexNode } from './index-node.ts'
import { JoinNode } from './join-node.ts'
import { SingletonHandle } from './singleton-handle.ts'
import { SingletonNode } from './singleton-node.ts'
import { SourceNode } from './source-node.ts'
import { storeNode } from './store-node.ts'

export function createGraph(options: GraphOptions = {}): Graph {
  return graphOn(new Engine(options))
}

/** A graph on an engine that the caller keeps an eye on. */
export function graphOn(engine: Engine): Graph {
  const add = <N extends GraphNode>(node: N): N => {
    engine.add(node)
    return node
  }
  return {
    source: <V>(name: string): Source<V> => add(new SourceNode<V>(engine, name)),
    derive: <I, V>(
      name: string,
      input: Collection<I>,
      fn: (value: I, look: Look, key: string) => V | undefined,
    ): Collection<V> => add(new DeriveNode(engine, name, storeNode(input, engine), fn)),
    deriveMany: <I, V>(
      name: string,
      input: Collection<I>,
      fn: (value: I, look: Look, key: string) => Iterable<readonly [string, V]>,
    ): Collection<V> => add(new DeriveManyNode(engine, name, storeNode(input, engine), fn)),
    index: <V>(
      name: string,
      input: Collection<V>,
      keysOf: (value: V, key: string) => Iterable<string>,
    ): Index<V> => add(new IndexNode(engine, name, storeNode(input, engine), keysOf)),
    join: <V>(name: string, inputs: readonly Collection<V>[]): Collection<V> =>
      add(
        new JoinNode(
          engine,
          name,
          inputs.map((input) => storeNode(input, engine)),
        ),
      ),
    singleton: <V>(name: string, fn: (look: Look) => V): Singleton<V> =>
      new SingletonHandle(add(new SingletonNode(engine, name, fn))),
    transaction: (run) => engine.transaction(run),
    transactionInSlices: (steps) => engine.transactionInSlices(steps),
    transactionInTurn: (run) => engine.transactionInTurn(run),
    get revision() {
      return engine.revision
    },
    onTransaction: (run) => engine.onTransaction(run),
    dump: () => engine.dump(),
  }
}
