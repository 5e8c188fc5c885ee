import type { Problem } from '@tulle/api'
import type { Clock, Result } from '@tulle/core'
import { keepAll, readDocuments } from './file-state.ts'
import type { FileState, HeldObject, ManifestParser } from './file-state.ts'
import type { FoundFile, Listing } from './list-folder.ts'
import type { FilesLimits } from './limits.ts'
import { mergeFiles } from './merge-files.ts'
import type { Merged } from './merge-files.ts'
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

/** What is known of all files, from one look at them to the next. */
export class ManifestFiles {
  readonly #deps: ManifestFilesDeps
  #states: ReadonlyMap<string, FileState> = new Map()
  #problems: readonly Problem[] = []

  constructor(deps: ManifestFilesDeps) {
    this.#deps = deps
  }

  get size(): number {
    return this.#states.size
  }

  /** Whether a file is gone or empty, and it is too early to believe that. */
  get inDoubt(): boolean {
    return [...this.#states.values()].some(({ missingSinceMs }) => missingSinceMs !== undefined)
  }

  /** Reads what has changed; false where nothing has. */
  async update({ files, unknown, problems }: Listing): Promise<boolean> {
    const states = new Map<string, FileState>()
    const listed = new Set(files.map(({ path }) => path))
    const gone = [...this.#states.values()].filter(({ path }) => !listed.has(path))
    const goneByDigest = new Map(gone.map((state) => [state.digest, state]))
    for (const file of files) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other keeps memory and open files bounded
      const state = await this.#look(file, goneByDigest)
      if (state !== undefined) states.set(file.path, state)
    }
    for (const before of gone) {
      const hidden = unknown.some((path) => isWithin(before.path, path))
      const state = hidden ? before : this.#missing(before)
      // Names that come and go behind a limit must not pile up.
      if (state !== undefined && states.size < this.#deps.limits.maxFiles) states.set(before.path, state)
    }
    let changed = problems.length > 0 || this.#problems.length > 0 || states.size !== this.#states.size
    for (const [path, state] of states) changed ||= this.#states.get(path) !== state
    this.#states = states
    this.#problems = problems
    return changed
  }

  /** Takes the one text that there will ever be. */
  take(path: string, read: Result<string, Problem>): void {
    if (!read.ok) {
      this.#problems = [read.error]
      return
    }
    const state = this.#parse(path, { text: read.value, digest: '', signature: '' }, [])
    this.#states = new Map([[path, state]])
  }

  merged(): Merged {
    const { objects, problems } = mergeFiles(this.#states.values())
    return { objects, problems: [...this.#problems, ...problems] }
  }

  async #look(
    { path, signature, problem }: FoundFile,
    goneByDigest: ReadonlyMap<string, FileState>,
  ): Promise<FileState | undefined> {
    const before = this.#states.get(path)
    if (before?.signature === signature) return here(before)
    if (problem !== undefined) return this.#unreadable(problem, signature, before)
    const read = await readText(path, this.#deps.limits.maxFileBytes)
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
    const state = this.#parse(path, text, last?.objects ?? [])
    const emptied = state.objects.length === 0 && state.problems.length === 0
    // Many editors empty a file before they write it.
    return emptied && before !== undefined && before.objects.length > 0
      ? (this.#missing(before) ?? state)
      : state
  }

  #parse(path: string, { text, digest, signature }: ReadText, before: readonly HeldObject[]): FileState {
    const documents = readDocuments(this.#deps.parse(text, path), before)
    return { ...documents, path, signature, digest, missingSinceMs: undefined }
  }

  #unreadable(problem: Problem, signature: string, before: FileState | undefined): FileState {
    const { file: path } = problem.origin
    const kept = keepAll(problem, before?.objects ?? [])
    return { ...kept, path, signature, digest: '', missingSinceMs: undefined }
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

function isWithin(path: string, folder: string): boolean {
  return folder === '.' || path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
