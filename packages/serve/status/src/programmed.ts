import type { AnyObject, Condition } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import type { NodeReceipts, RevisionProgress } from './control-state.ts'

/** What an object became, and when it last changed. */
export interface ProgrammedSubject {
  readonly accepted: boolean
  readonly resourceNames: readonly string[]
  /** The revision of the last change of it or of its conditions. */
  readonly revision: number
}

/** Whether the nodes run with an object as it is now, by their own word. */
export function programmedCondition(subject: ProgrammedSubject, progress: RevisionProgress): Condition {
  const { nodes, slowestMs, answered } = progress
  if (!subject.accepted) return condition('False', 'NotAccepted', 'the object is not accepted')
  if (nodes.length === 0) return condition('Unknown', 'NoNodes', 'no node proxy is connected')
  const rejections = nodes.flatMap(({ node, types }) =>
    types
      .flatMap((type) => type.rejected)
      .filter(({ name }) => subject.resourceNames.includes(name))
      .map(({ reason }) => `${node}: ${reason}`),
  )
  if (rejections.length > 0) return condition('False', 'Rejected', `refused by ${rejections.join(', ')}`)
  const applied = nodes.filter((node) => node.appliedRevision >= subject.revision).length
  const counted = `applied on ${applied} of ${nodes.length} nodes`
  if (!answered) return condition('False', 'Pending', counted)
  const message = slowestMs === undefined ? counted : `${counted}, slowest ${formatMs(slowestMs)}`
  return condition('True', 'Applied', message)
}

function condition(status: Condition['status'], reason: string, message: string): Condition {
  return { type: 'Programmed', status, reason, message }
}

/** `0.4 ms`, `12 ms`, `1.4 s`. */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`
}

/** Keeps the revision at which each object, or what the mesh says of it, last changed. */
export class ChangeRevisions implements Disposable {
  readonly #revisions: Map<string, number> = new Map()
  readonly #stack: DisposableStack = new DisposableStack()

  constructor(graph: Graph, objects: Collection<AnyObject>, conditions: Collection<readonly Condition[]>) {
    for (const [key] of objects.entries()) this.#revisions.set(key, graph.revision)
    this.#stack.use(
      objects.subscribe((changes) => {
        for (const { key, after } of changes) {
          if (after === undefined) this.#revisions.delete(key)
          else this.#revisions.set(key, graph.revision)
        }
      }),
    )
    this.#stack.use(
      conditions.subscribe((changes) => {
        for (const { key, after } of changes) {
          if (after !== undefined) this.#revisions.set(key, graph.revision)
          else if (objects.get(key) === undefined) this.#revisions.delete(key)
        }
      }),
    )
  }

  of(objectKey: string): number {
    return this.#revisions.get(objectKey) ?? 0
  }

  [Symbol.dispose](): void {
    this.#stack.dispose()
  }
}

/** The progress of each revision, looked up once: many objects share few of them. */
export function progressLookup(receipts: NodeReceipts): (revision: number) => RevisionProgress {
  const known = new Map<number, RevisionProgress>()
  return (revision) => {
    const found = known.get(revision) ?? receipts.report(revision)
    known.set(revision, found)
    return found
  }
}
