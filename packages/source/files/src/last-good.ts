import { objectKey } from '@tulle/api'
import type { ManifestDocument, Problem } from '@tulle/api'

/** A place among the documents of a file, from 0; several objects at one place stand between it and the next. */
interface Placed {
  readonly key: string
  readonly index: number
}

export interface LastGood<H> {
  /** By key, with their places in the new text. */
  readonly kept: ReadonlyMap<string, H>
  /** Keys of what stays in force because of a problem. */
  readonly keptFor: ReadonlyMap<Problem, readonly string[]>
}

/**
 * Which objects of a file's last version stay in force because their documents are broken now. A broken document
 * is matched by kind and name. Where these are what is broken it stands for what is missing between its neighbours:
 * with a half-written file that may be more than one. A document with another good name is another object.
 */
export function lastGood<H extends Placed>(
  documents: readonly ManifestDocument[],
  before: readonly H[],
): LastGood<H> {
  if (before.length === 0) return nothingKept
  const matcher = new Matcher(documents, before)
  matcher.matchNames()
  matcher.matchPlaces()
  return matcher
}

const nothingKept: LastGood<never> = {
  kept: new Map<string, never>(),
  keptFor: new Map<Problem, readonly string[]>(),
}

/** '' is of the document as a whole: of its syntax, or that it is no object. */
const keyPaths: ReadonlySet<string> = new Set([
  '',
  'apiVersion',
  'kind',
  'metadata',
  'metadata.name',
  'metadata.namespace',
])

/** Whether what is wrong is, or may be, the name under which a document would be known. */
function isOfKey({ path }: Problem): boolean {
  return keyPaths.has(path)
}

interface Broken {
  readonly index: number
  readonly problem: Problem
}

class Matcher<H extends Placed> implements LastGood<H> {
  readonly kept: Map<string, H> = new Map()
  readonly keptFor: Map<Problem, readonly string[]> = new Map()
  readonly #documents: readonly ManifestDocument[]
  readonly #before: ReadonlyMap<string, H>
  /** What the new text does not give and nothing keeps yet. */
  readonly #missing: Map<string, H>

  constructor(documents: readonly ManifestDocument[], before: readonly H[]) {
    this.#documents = documents
    this.#before = new Map(before.map((held) => [held.key, held]))
    this.#missing = new Map(this.#before)
    for (const { objects } of documents) for (const object of objects) this.#missing.delete(objectKey(object))
  }

  matchNames(): void {
    for (const [index, { rejected }] of this.#documents.entries()) {
      for (const { key, problem } of rejected) {
        const held = key === undefined ? undefined : this.#missing.get(key)
        if (held !== undefined) this.#keep([held], { index, problem })
      }
    }
  }

  matchPlaces(): void {
    let after = -1
    let waiting: Broken[] = []
    for (const [index, document] of this.#documents.entries()) {
      const broken = document.rejected
        .filter(({ key, problem }) => !this.keptFor.has(problem) && (key === undefined || isOfKey(problem)))
        .map(({ problem }) => ({ index, problem }))
      const known = this.#indexBefore(document)
      if (known === undefined) {
        waiting.push(...broken)
        continue
      }
      this.#fill(waiting, after, known)
      // A List: what is broken in it was in it.
      this.#fill(broken, known - 0.5, known + 1)
      after = known
      waiting = []
    }
    this.#fill(waiting, after, Infinity)
  }

  #indexBefore({ objects, rejected }: ManifestDocument): number | undefined {
    const named = rejected.flatMap(({ key }) => (key !== undefined && this.kept.has(key) ? [key] : []))
    const keys = [...objects.map((object) => objectKey(object)), ...named]
    return keys.map((key) => this.#before.get(key)?.index).find((index) => index !== undefined)
  }

  #fill(broken: readonly Broken[], after: number, until: number): void {
    if (broken.length === 0) return
    // Documents that were put in another order have nothing between them.
    const end = until > after ? until : Infinity
    const between = [...this.#missing.values()]
      .filter(({ index }) => index > after && index < end)
      .toSorted((a, b) => a.index - b.index)
    const oneEach = between.length === broken.length
    for (const [i, each] of broken.entries()) this.#keep(oneEach ? between.slice(i, i + 1) : between, each)
  }

  #keep(found: readonly H[], { index, problem }: Broken): void {
    for (const [i, held] of found.entries()) {
      this.#missing.delete(held.key)
      this.kept.set(held.key, { ...held, index: index + i / found.length })
    }
    if (found.length > 0) {
      this.keptFor.set(
        problem,
        found.map(({ key }) => key),
      )
    }
  }
}
