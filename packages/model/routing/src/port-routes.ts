import type { HttpEntry, PortTraffic, Routes } from '@tulle/traffic'
import { PathIndex } from './path-index.ts'

/** An entry that can match nothing. */
export interface RoutesProblem {
  readonly entry: HttpEntry
  readonly why: string
}

interface IndexedRoutes<Rule> {
  readonly index: PathIndex<Rule>
  readonly entries: readonly HttpEntry[]
}

/** Who decides about requests to one port: the routes of the caller's namespace, else those of the service's own. */
export class PortRoutes<Rule> {
  readonly problems: readonly RoutesProblem[]
  readonly #producer: IndexedRoutes<Rule> | undefined
  readonly #consumers: ReadonlyMap<string, IndexedRoutes<Rule>>

  /** `ruleOf` says what a request is to find that an entry covers. */
  constructor({ producer, consumers }: PortTraffic, ruleOf: (entry: HttpEntry) => Rule) {
    const problems: RoutesProblem[] = []
    const indexOf = (routes: Routes | undefined): IndexedRoutes<Rule> | undefined => {
      // Routes of another kind say nothing of requests.
      if (routes?.kind !== 'http') return undefined
      const index = new PathIndex<Rule>()
      for (const entry of routes.entries) {
        const added = index.add(entry.match, ruleOf(entry))
        if (!added.ok) problems.push({ entry, why: added.error })
      }
      return { index, entries: routes.entries }
    }
    this.#producer = indexOf(producer)
    const indexes = new Map<string, IndexedRoutes<Rule>>()
    for (const [namespace, routes] of consumers) {
      const indexed = indexOf(routes)
      if (indexed !== undefined) indexes.set(namespace, indexed)
    }
    this.#consumers = indexes
    this.problems = problems
  }

  /** Undefined: nobody wrote any, and requests go to the service's own endpoints. Else where none matches, nothing does. */
  of(callerNamespace: string): PathIndex<Rule> | undefined {
    return this.#decisiveFor(callerNamespace)?.index
  }

  /** The entries of the same, in the order of precedence. */
  entriesOf(callerNamespace: string): readonly HttpEntry[] {
    return this.#decisiveFor(callerNamespace)?.entries ?? []
  }

  #decisiveFor(callerNamespace: string): IndexedRoutes<Rule> | undefined {
    if (this.#consumers.size === 0) return this.#producer
    return this.#consumers.get(callerNamespace) ?? this.#producer
  }
}
