import type { AnyObject, Problem } from '@tulle/api'
import type { Change, Collection, Graph } from '@tulle/collections'
import { linkedController } from '@tulle/core'
import type { LinkedController } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import type { Receipts } from '@tulle/xds'

export interface ChangeLogInputs {
  readonly graph: Graph
  readonly objects: Collection<AnyObject>
  readonly problems: Collection<Problem>
  readonly receipts: Receipts
  readonly log: Log
}

/**
 * Says what each save did: which objects changed, what could not be read and where, and after how many
 * milliseconds all nodes ran with it. Of several saves in a row only the last one's spread is told.
 */
export class ChangeLog implements Disposable {
  readonly #inputs: ChangeLogInputs
  readonly #stack: DisposableStack = new DisposableStack()
  #objects: readonly Change<AnyObject>[] = []
  #waiting: LinkedController | undefined

  constructor(inputs: ChangeLogInputs) {
    this.#inputs = inputs
    const { graph, objects, problems } = inputs
    for (const [, problem] of problems.entries()) this.#logProblem(problem)
    this.#stack.use(
      objects.subscribe((changes) => {
        this.#objects = [...this.#objects, ...changes]
      }),
    )
    this.#stack.use(
      problems.subscribe((changes) => {
        for (const change of changes) if (change.after !== undefined) this.#logProblem(change.after)
        const solved = changes.filter((change) => change.after === undefined).length
        if (solved > 0) inputs.log.info('problems solved', { problems: solved })
      }),
    )
    this.#stack.use(graph.onTransaction((revision) => this.#changed(revision)))
    this.#stack.defer(() => this.#waiting?.abort(new Error('the log ends')))
  }

  [Symbol.dispose](): void {
    this.#stack.dispose()
  }

  #changed(revision: number): void {
    const changes = this.#objects
    this.#objects = []
    if (changes.length === 0) return
    const count = (test: (change: Change<AnyObject>) => boolean): number => changes.filter(test).length
    this.#inputs.log.info('objects changed', {
      revision,
      added: count(({ before }) => before === undefined),
      changed: count(({ before, after }) => before !== undefined && after !== undefined),
      removed: count(({ after }) => after === undefined),
      objects: changes.slice(0, 10).map(describeChange),
    })
    void this.#awaitSpread(revision)
  }

  async #awaitSpread(revision: number): Promise<void> {
    this.#waiting?.abort(new Error('a newer change'))
    using life = linkedController(undefined)
    this.#waiting = life
    const { receipts, log } = this.#inputs
    // Rejects only because a newer change took over, or at the end.
    const report = await receipts.applied(revision, { signal: life.signal }).catch(() => undefined)
    if (report === undefined || report.nodes.length === 0) return
    const slowestMs = report.slowestMs === undefined ? undefined : Math.round(report.slowestMs * 10) / 10
    const fields = { revision, nodes: report.nodes.length, slowestMs }
    if (report.everywhere) return log.info('applied everywhere', fields)
    const refusing = report.nodes.filter(({ types }) => types.some(({ rejected }) => rejected.length > 0))
    return log.warn('applied, but for what nodes refuse', {
      ...fields,
      refusing: refusing.slice(0, 10).map(({ node }) => node),
    })
  }

  #logProblem(problem: Problem): void {
    const { origin, object, path, code, message, severity } = problem
    const at = `${origin.file}:${origin.line}:${origin.column}`
    const fields = { at, code, object, path, problem: message }
    if (severity === 'error') this.#inputs.log.error('not accepted', fields)
    else this.#inputs.log.warn('accepted with a warning', fields)
  }
}

function describeChange({ before, after }: Change<AnyObject>): string {
  const object = after ?? before
  if (object === undefined) return ''
  const sign = before === undefined ? '+' : after === undefined ? '-' : '~'
  const { namespace, name } = object.metadata
  return `${sign}${object.kind} ${namespace === '' ? name : `${namespace}/${name}`}`
}
