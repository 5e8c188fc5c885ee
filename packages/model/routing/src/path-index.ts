import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { HttpMatch, PathMatch } from '@tulle/traffic'
import { compileConditions, compileText } from './request-match.ts'
import type { RequestTest } from './request-match.ts'
import type { RoutedRequest } from './routed-request.ts'

/** One entry, with the place that precedence gives it. */
export interface IndexedEntry<Rule> {
  readonly order: number
  readonly conditions: RequestTest | undefined
  readonly rule: Rule
}

interface PatternEntry<Rule> extends IndexedEntry<Rule> {
  readonly path: (path: string) => boolean
}

/**
 * Entries in the order of precedence, found by path: what is exact or a prefix by a look into a map for each element of the
 * path, so that a thousand routes cost no more than ten. Patterns are tried in order, and only those that come before what was
 * found already.
 */
export class PathIndex<Rule> {
  readonly #exact: Map<string, IndexedEntry<Rule>[]> = new Map()
  readonly #prefixes: Map<string, IndexedEntry<Rule>[]> = new Map()
  readonly #patterns: PatternEntry<Rule>[] = []
  readonly #anyPath: IndexedEntry<Rule>[] = []
  /** Of the longest prefix: nothing below it is looked up, however many elements a hostile path has. */
  #maxPrefixLength: number = 0
  #size: number = 0

  /** Takes the entry that comes after all taken before. An error says why it can match nothing; it keeps its place. */
  add(match: HttpMatch, rule: Rule): Result<undefined, string> {
    const order = this.#size++
    const conditions = compileConditions(match)
    if (!conditions.ok) return conditions
    return this.#place(match.path, { order, conditions: conditions.value, rule })
  }

  get size(): number {
    return this.#size
  }

  /** The first entry that covers the request. */
  find(request: RoutedRequest): Rule | undefined {
    const { path } = request
    // A look with a text that is a piece of another makes it a text of its own first.
    const exact = this.#exact.size > 0 ? this.#exact.get(path) : undefined
    let best = firstOf(exact, request, undefined)
    best = firstOf(this.#anyPath, request, best)
    if (this.#prefixes.size > 0) best = this.#findPrefix(request, best)
    for (const entry of this.#patterns) {
      if (best !== undefined && entry.order > best.order) break
      if (!entry.path(path) || !holds(entry, request)) continue
      return entry.rule
    }
    return best?.rule
  }

  #place(path: PathMatch | undefined, entry: IndexedEntry<Rule>): Result<undefined, string> {
    if (path === undefined) this.#anyPath.push(entry)
    else if (path.kind === 'exact') listOf(this.#exact, path.path).push(entry)
    else if (path.kind === 'prefix') this.#placePrefix(path.path, entry)
    else {
      const test = compileText(path.pattern)
      if (!test.ok) return err(`path: ${test.error}`)
      this.#patterns.push({ ...entry, path: test.value })
    }
    return ok(undefined)
  }

  /** A final slash says nothing: prefixes go by elements. */
  #placePrefix(path: string, entry: IndexedEntry<Rule>): void {
    const prefix = path.endsWith('/') ? path.slice(0, -1) : path
    if (prefix === '') {
      this.#anyPath.push(entry)
      return
    }
    this.#maxPrefixLength = Math.max(this.#maxPrefixLength, prefix.length)
    listOf(this.#prefixes, prefix).push(entry)
  }

  #findPrefix(request: RoutedRequest, found: IndexedEntry<Rule> | undefined): IndexedEntry<Rule> | undefined {
    const { path } = request
    let best = found
    for (let end = elementEnd(path, 1); end <= this.#maxPrefixLength; end = elementEnd(path, end + 1)) {
      best = firstOf(this.#prefixes.get(path.slice(0, end)), request, best)
      if (end === path.length) break
    }
    return best
  }
}

function elementEnd(path: string, from: number): number {
  const slash = path.indexOf('/', from)
  return slash < 0 ? path.length : slash
}

function listOf<Entry>(map: Map<string, Entry[]>, key: string): Entry[] {
  const known = map.get(key)
  if (known !== undefined) return known
  const made: Entry[] = []
  map.set(key, made)
  return made
}

/** The better of `best` and the first of a list that holds; lists are in order. */
function firstOf<Rule>(
  entries: readonly IndexedEntry<Rule>[] | undefined,
  request: RoutedRequest,
  best: IndexedEntry<Rule> | undefined,
): IndexedEntry<Rule> | undefined {
  if (entries === undefined) return best
  for (const entry of entries) {
    if (best !== undefined && entry.order > best.order) return best
    if (holds(entry, request)) return entry
  }
  return best
}

function holds(entry: IndexedEntry<unknown>, request: RoutedRequest): boolean {
  return entry.conditions === undefined || entry.conditions(request)
}
