import { objectKey } from '@tulle/api'
import type { AnyObject, ManifestDocument, Manifests, Problem } from '@tulle/api'
import { lastGood } from './last-good.ts'

/** Reads the documents of one file; those that are as in an earlier text of it need not be read again. */
export type ManifestParser = (
  text: string,
  file: string,
  options: { readonly known: readonly ManifestDocument[] },
) => Manifests

/** An object of a file that is in force. */
export interface HeldObject {
  readonly object: AnyObject
  readonly key: string
  /** Where its document stands in the file. */
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
  /** Of the text; '' where there is none. */
  readonly digest: string
  readonly objects: readonly HeldObject[]
  readonly problems: readonly HeldProblem[]
  /** What the text was read into. */
  readonly documents: readonly ManifestDocument[]
  /** Whether the text ends as texts do: with the end of a line, or of a JSON value. */
  readonly ended: boolean
  /** Monotonic time since when the file is gone or empty, which may be a moment of a save. */
  readonly missingSinceMs: number | undefined
}

export interface Documents {
  readonly objects: readonly HeldObject[]
  readonly problems: readonly HeldProblem[]
}

/** The documents of a file's new text; one that was good and is broken now keeps its last good object. */
export function readDocuments(
  { objects, problems, documents }: Manifests,
  before: readonly HeldObject[],
): Documents {
  const [first] = problems
  // Refused as a whole: none of its documents was looked at.
  if (documents.length === 0 && first !== undefined) return keepAll(first, before)
  const indexOf = new Map(documents.flatMap((document, i) => document.objects.map((object) => [object, i])))
  const held = objects.map((object) => {
    return { object, key: objectKey(object), index: indexOf.get(object) ?? 0, outdated: false }
  })
  const { kept, keptFor } = lastGood(documents, before)
  const shown = new Set(problems)
  // Of the problems beyond a limit the last one speaks.
  const unsaid = [...keptFor].flatMap(([problem, keys]) => (shown.has(problem) ? [] : keys))
  return {
    objects: [...held, ...Array.from(kept.values(), (object) => ({ ...object, outdated: true }))],
    problems: problems.map((problem, i) => ({
      problem,
      keeps: [...(keptFor.get(problem) ?? []), ...(i === problems.length - 1 ? unsaid : [])],
    })),
  }
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
