import type { Problem } from '@tulle/api'
import type { Clock, Result } from '@tulle/core'
import { keepAll, readDocuments } from './file-state.ts'
import type { FileState, ManifestParser } from './file-state.ts'
import type { FoundFile, Listing } from './list-folder.ts'
import type { FilesLimits } from './limits.ts'
import { MergedFiles } from './merge-files.ts'
import type { MergedChanges } from './merge-files.ts'
import { isReadAlone } from './others-turn.ts'
import { readText } from './read-text.ts'
import type { ReadText } from './read-text.ts'

export interface ManifestFilesDeps {
  readonly parse: ManifestParser
  readonly clock: Clock
  readonly limits: FilesLimits
}

/**
 * How old a file must be so that its signature tells versions of it apart: time stamps of file systems move in
 * steps, and a second write within one step leaves no trace.
 */
const settledMs = 2000

/** What a file held until now, under this name or a former one. */
type Before = Pick<FileState, 'objects' | 'documents'>

const nothingBefore: Before = { objects: [], documents: [] }

/** One file, and what stands there now; nothing where it is gone. */
export interface LookedAt {
  readonly path: string
  readonly found: FoundFile | undefined
  /** Whether it has been left alone for so long that what is there is meant. */
  readonly calm: boolean
}

/** What is known of all files, from one look at them to the next. */
export class ManifestFiles {
  readonly #deps: ManifestFilesDeps
  readonly #states: Map<string, FileState> = new Map()
  readonly #merged: MergedFiles = new MergedFiles()
  /** Files that are gone or empty, where it is too early to believe that. */
  readonly #inDoubt: Set<string> = new Set()
  #problems: readonly Problem[] = []

  constructor(deps: ManifestFilesDeps) {
    this.#deps = deps
  }

  get size(): number {
    return this.#states.size
  }

  /** How many objects are in force. */
  get objects(): number {
    return this.#merged.size
  }

  /** Whether a file is gone or empty, and it is too early to believe that. */
  get inDoubt(): boolean {
    return this.#inDoubt.size > 0
  }

  /** Reads what has changed; false where nothing has. */
  async update({ files, unknown, problems }: Listing): Promise<boolean> {
    // Nothing is served yet, and all of them have to be read.
    const isFirst = this.#states.size === 0
    const listed = new Set(files.map(({ path }) => path))
    const gone = [...this.#states.values()].filter(({ path }) => !listed.has(path))
    const goneByDigest = new Map(gone.map((state) => [state.digest, state]))
    let changed = problems.length > 0 || this.#problems.length > 0
    for (const [i, file] of files.entries()) {
      const isAlone = isFirst && isReadAlone(i)
      // oxlint-disable-next-line no-await-in-loop -- one after the other keeps memory and open files bounded
      changed = this.#keep(file.path, await this.#look(file, goneByDigest, isAlone)) || changed
    }
    for (const before of gone) {
      const hidden = unknown.some((path) => isWithin(before.path, path))
      const state = hidden ? before : this.#missing(before)
      // Names that come and go behind a limit must not pile up.
      const kept = this.#states.size <= this.#deps.limits.maxFiles ? state : undefined
      changed = this.#keep(before.path, kept) || changed
    }
    this.#problems = problems
    return changed
  }

  /** Whether there is room for another file, so that it may be looked at without the others. */
  hasRoomFor(path: string): boolean {
    const { maxFiles, maxEntries } = this.#deps.limits
    return this.#states.has(path) || this.#states.size < Math.min(maxFiles, maxEntries)
  }

  /**
   * Reads some files of which the kernel told, without the others: what was just written on this machine lies in its
   * memory. One that seems half written is left as it was, and comes back in `doubtful`, unless it
   * has been so for a while.
   */
  async updateSome(some: readonly LookedAt[]): Promise<{ changed: boolean; doubtful: readonly string[] }> {
    const gone = some.flatMap(({ path, found }) =>
      found === undefined ? (this.#states.get(path) ?? []) : [],
    )
    const goneByDigest = new Map(gone.map((state) => [state.digest, state]))
    const doubtful: string[] = []
    let changed = false
    for (const [i, { path, found, calm }] of some.entries()) {
      if (found === undefined) continue
      const before = this.#states.get(path)
      // oxlint-disable-next-line no-await-in-loop -- one after the other keeps memory and open files bounded
      const after = await this.#look(found, goneByDigest, isReadAlone(i))
      if (!calm && isDoubtful(before, after)) doubtful.push(path)
      else changed = this.#keep(path, after) || changed
    }
    for (const before of gone) changed = this.#keep(before.path, this.#missing(before)) || changed
    return { changed, doubtful }
  }

  /** Takes the one text that there will ever be. */
  take(path: string, read: Result<string, Problem>): void {
    if (read.ok)
      this.#keep(path, this.#parse(path, { text: read.value, digest: '', signature: '' }, nothingBefore))
    else this.#problems = [read.error]
  }

  /** What may have changed of the objects in force since this was asked the last time, by `objectKey`. */
  takeChanges(): MergedChanges {
    return this.#merged.takeChanges()
  }

  problems(): readonly Problem[] {
    return [...this.#problems, ...this.#merged.problems()]
  }

  #keep(path: string, state: FileState | undefined): boolean {
    const before = this.#states.get(path)
    if (before === state) return false
    this.#merged.replace(before, state)
    if (state === undefined) this.#states.delete(path)
    else this.#states.set(path, state)
    if (state?.missingSinceMs === undefined) this.#inDoubt.delete(path)
    else this.#inDoubt.add(path)
    return true
  }

  async #look(
    { path, signature, problem }: FoundFile,
    goneByDigest: ReadonlyMap<string, FileState>,
    isAlone: boolean = false,
  ): Promise<FileState | undefined> {
    const before = this.#states.get(path)
    if (before?.signature === signature) return here(before)
    if (problem !== undefined) return this.#unreadable(problem, signature, before)
    const read = await readText(path, { maxBytes: this.#deps.limits.maxFileBytes, isAlone })
    if (read.kind === 'gone') return before === undefined ? undefined : this.#missing(before)
    if (read.kind === 'problem') return this.#unreadable(read.problem, this.#trusted(read, signature), before)
    const text = { ...read, signature: this.#trusted(read, read.signature) }
    if (before?.digest !== text.digest) return this.#readAgain(path, text, before, goneByDigest)
    return here(before.signature === text.signature ? before : { ...before, signature: text.signature })
  }

  #readAgain(
    path: string,
    text: ReadText,
    before: FileState | undefined,
    goneByDigest: ReadonlyMap<string, FileState>,
  ): FileState {
    // A file that was renamed takes along what its broken documents were once.
    const last = before ?? goneByDigest.get(text.digest)
    const state = this.#parse(path, text, {
      objects: last?.objects ?? [],
      documents: before?.documents ?? [],
    })
    const emptied = state.objects.length === 0 && state.problems.length === 0
    // Many editors empty a file before they write it.
    return emptied && before !== undefined && before.objects.length > 0
      ? (this.#missing(before) ?? state)
      : state
  }

  #parse(path: string, { text, digest, signature }: ReadText, before: Before): FileState {
    const manifests = this.#deps.parse(text, path, { known: before.documents })
    const { objects, problems } = readDocuments(manifests, before.objects)
    const { documents } = manifests
    const ended = text.endsWith('\n') || text.endsWith('}')
    return { objects, problems, documents, path, signature, digest, ended, missingSinceMs: undefined }
  }

  #unreadable(problem: Problem, signature: string, before: FileState | undefined): FileState {
    const { file: path } = problem.origin
    const kept = keepAll(problem, before?.objects ?? [])
    const { documents } = before ?? nothingBefore
    return { ...kept, documents, path, signature, digest: '', ended: true, missingSinceMs: undefined }
  }

  #trusted({ changedMs }: { readonly changedMs: number }, signature: string): string {
    return Math.abs(this.#deps.clock.nowMs() - changedMs) >= settledMs ? signature : ''
  }

  /** The same state in doubt; undefined once that has lasted long enough. */
  #missing(before: FileState): FileState | undefined {
    const nowMs = this.#deps.clock.monotonicMs()
    if (before.missingSinceMs === undefined) return { ...before, signature: '', missingSinceMs: nowMs }
    return nowMs - before.missingSinceMs < this.#deps.limits.missingMs ? before : undefined
  }
}

function here(state: FileState): FileState {
  return state.missingSinceMs === undefined ? state : { ...state, missingSinceMs: undefined }
}

/** Whether a text may be the first part of what somebody is writing. */
function isDoubtful(before: FileState | undefined, after: FileState | undefined): boolean {
  if (after === undefined || after === before) return false
  if (!after.ended || after.problems.length > 0 || after.missingSinceMs !== undefined) return true
  if (before === undefined) return after.objects.length === 0
  const keys = new Set(after.objects.map(({ key }) => key))
  return before.objects.some(({ key }) => !keys.has(key))
}

function isWithin(path: string, folder: string): boolean {
  return folder === '.' || path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
