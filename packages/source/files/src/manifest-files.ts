import type { Problem } from '@tulle/api'
import type { Clock, Result } from '@tulle/core'
import { keepAll, readDocuments } from './file-state.ts'
import type { FileState, ManifestParser } from './file-state.ts'
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
    let changed = problems.length > 0 || this.#problems.length > 0
    for (const file of files) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other keeps memory and open files bounded
      states.set(file.path, await this.#look(file, this.#states.get(file.path)))
    }
    const listed = new Set(files.map(({ path }) => path))
    for (const [path, before] of this.#states) {
      if (listed.has(path)) continue
      const state = unknown.some((hidden) => isWithin(path, hidden)) ? before : this.#missing(before)
      if (state !== undefined) states.set(path, state)
    }
    for (const [path, state] of states) changed ||= this.#states.get(path) !== state
    changed ||= states.size !== this.#states.size
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
    const state = this.#parse(path, { text: read.value, digest: '', signature: '' }, undefined)
    this.#states = new Map([[path, state]])
  }

  merged(): Merged {
    const { objects, problems } = mergeFiles(this.#states.values())
    return { objects, problems: [...this.#problems, ...problems] }
  }

  async #look(file: FoundFile, before: FileState | undefined): Promise<FileState> {
    if (before?.signature === file.signature) return here(before)
    const read = await readText(file.path, this.#deps.limits.maxFileBytes)
    if (!read.ok) {
      const kept = keepAll(read.error, before?.objects ?? [])
      return { ...kept, path: file.path, signature: file.signature, digest: '', missingSinceMs: undefined }
    }
    if (before?.digest === read.value.digest) return here({ ...before, signature: read.value.signature })
    const state = this.#parse(file.path, read.value, before)
    const emptied = state.objects.length === 0 && state.problems.length === 0
    // Many editors empty a file before they write it.
    return emptied && before !== undefined && before.objects.length > 0
      ? (this.#missing(before) ?? state)
      : state
  }

  #parse(path: string, { text, digest, signature }: ReadText, before: FileState | undefined): FileState {
    const documents = readDocuments(this.#deps.parse(text, path), text, before?.objects ?? [])
    return { ...documents, path, signature, digest, missingSinceMs: undefined }
  }

  /** The same state in doubt; undefined once that has lasted long enough. */
  #missing(before: FileState): FileState | undefined {
    const nowMs = this.#deps.clock.monotonicMs()
    if (before.missingSinceMs === undefined)
      return { ...before, signature: '', digest: '', missingSinceMs: nowMs }
    return nowMs - before.missingSinceMs < this.#deps.limits.quietMs ? before : undefined
  }
}

function here(state: FileState): FileState {
  return state.missingSinceMs === undefined ? state : { ...state, missingSinceMs: undefined }
}

function isWithin(path: string, folder: string): boolean {
  return folder === '.' || path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
