import { objectKey } from '@tulle/api'
import type { AnyObject, Problem } from '@tulle/api'
import { documentIndexer } from './document-index.ts'

/** Reads the documents of one file. */
export type ManifestParser = (
  text: string,
  file: string,
) => { readonly objects: readonly AnyObject[]; readonly problems: readonly Problem[] }

/** An object of a file that is in force. */
export interface HeldObject {
  readonly object: AnyObject
  readonly key: string
  /** Which document of the file it is, from 1. */
  readonly index: number
  /** Whether it is of an earlier version of the file: its document is broken now. */
  readonly outdated: boolean
}

export interface HeldProblem {
  readonly problem: Problem
  /** Keys of the outdated objects that stay in force instead. */
  readonly keeps: readonly string[]
}

/** What one file holds, as far as it is known. */
export interface FileState {
  readonly path: string
  /** Of the file that this was read from; '' makes it be read again. */
  readonly signature: string
  readonly digest: string
  readonly objects: readonly HeldObject[]
  readonly problems: readonly HeldProblem[]
  /** Monotonic time since when the file is gone or empty, which may be a moment of a save. */
  readonly missingSinceMs: number | undefined
}

export interface Documents {
  readonly objects: readonly HeldObject[]
  readonly problems: readonly HeldProblem[]
}

/**
 * The documents of a file's new text. One that was good and is broken now keeps its last good object; it is found
 * by what the problem says of kind and name, and where it can't say that by its place among the documents.
 */
export function readDocuments(
  parsed: ReturnType<ManifestParser>,
  text: string,
  before: readonly HeldObject[],
): Documents {
  const indexOf = documentIndexer(text)
  const objects = parsed.objects.map((object) => ({
    object,
    key: objectKey(object),
    index: indexOf(object.origin.line),
    outdated: false,
  }))
  const matcher = new LastGood(before, objects)
  const problems = parsed.problems.map((problem) => {
    const kept = problem.severity === 'error' ? matcher.keep(problem, indexOf(problem.origin.line)) : []
    return { problem, keeps: kept }
  })
  return { objects: [...objects, ...matcher.kept.values()], problems }
}

/** The same objects for a file that can't be read at all now. */
export function keepAll(problem: Problem, before: readonly HeldObject[]): Documents {
  const objects = before.map((held) => ({ ...held, outdated: true }))
  return { objects, problems: [{ problem, keeps: objects.map(({ key }) => key) }] }
}

/** How problems name an object: `Workload bookstore/books-1`. */
export function objectText({ kind, metadata }: AnyObject): string {
  return `${kind} ${metadata.namespace === '' ? metadata.name : `${metadata.namespace}/${metadata.name}`}`
}

class LastGood {
  readonly kept: Map<string, HeldObject> = new Map()
  /** Documents of the new text that gave an object: what is wrong with them has not cost it. */
  readonly #goodIndexes: ReadonlySet<number>
  readonly #candidates: readonly HeldObject[]

  constructor(before: readonly HeldObject[], now: readonly HeldObject[]) {
    const present = new Set(now.map(({ key }) => key))
    this.#goodIndexes = new Set(now.map(({ index }) => index))
    this.#candidates = before.filter(({ key }) => !present.has(key))
  }

  keep(problem: Problem, index: number): readonly string[] {
    // Beyond a limit nobody knows which documents are broken, and none was looked at.
    const found = limitCodes.has(problem.code) ? this.#candidates : this.#match(problem, index)
    for (const held of found) this.kept.set(held.key, { ...held, outdated: true })
    return found.map(({ key }) => key)
  }

  #match(problem: Problem, index: number): readonly HeldObject[] {
    const named = this.#candidates.filter(({ object }) => objectText(object) === problem.object)
    if (named.length > 0) return named.map((held) => ({ ...held, index }))
    // A document with another name is another object, and not this one broken.
    if (isFullName(problem.object) || this.#goodIndexes.has(index)) return []
    return this.#candidates.filter((held) => held.index === index)
  }
}

/** `Kind name` and not only what could be read of it. */
function isFullName(text: string): boolean {
  return /^\S+ \S+$/u.test(text)
}

/** The documents behind a limit are not told of one by one. */
const limitCodes: ReadonlySet<string> = new Set(['API_MORE_PROBLEMS', 'API_TOO_LARGE'])
