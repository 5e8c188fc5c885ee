import type { CollectionDump } from './collection.ts'
import type { Budget } from './dirty-keys.ts'

/** Anything with a place in the order of work. */
export interface GraphNode {
  readonly name: string
  /** Longest path from the sources. */
  rank: number
  /** What it is computed from: its inputs, and every collection that it ever looked at. */
  readonly uses: Set<GraphNode>
  readonly usedBy: Set<GraphNode>
  /** The revision of its last change. */
  lastChange: number
  /** Brings as many of its keys up to date as the budget allows; everything it uses is already. Whether all of them are. */
  process(budget: Budget): boolean
  /** Told that this key of an input is another now. */
  inputChanged(key: string): void
  /** Told of a new input that has these keys, each once. */
  inputBegins(keys: readonly string[]): void
  /** Ends a transaction: whom to tell, or undefined where nothing changed. */
  takeNews(): readonly (() => void)[] | undefined
  /** Takes back what the transaction wrote so far. */
  rollBack(): void
  dump(): CollectionDump
}

/** Whether `from` is computed from `to`, or is it. */
export function dependsOn(from: GraphNode, to: GraphNode, seen: Set<GraphNode> = new Set()): boolean {
  if (from === to) return true
  if (from.rank <= to.rank || seen.has(from)) return false
  seen.add(from)
  for (const other of from.uses) if (dependsOn(other, to, seen)) return true
  return false
}

/** Moves a node, and all that use it, so far back that each comes after what it uses. */
export function raiseRank(node: GraphNode, rank: number): void {
  if (node.rank >= rank) return
  node.rank = rank
  for (const reader of node.usedBy) raiseRank(reader, rank + 1)
}
