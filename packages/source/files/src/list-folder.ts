import type { BigIntStats, Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Problem } from '@tulle/api'
import { compareText, errorCode, errorText } from '@tulle/core'
import { isHiddenName, isManifestName } from './file-names.ts'
import type { FilesLimits } from './limits.ts'
import { fileProblem } from './problems.ts'

export interface FoundFile {
  /** As the user gave the folder, with the path below it. */
  readonly path: string
  /** Changes whenever the file does, or becomes another one. */
  readonly signature: string
}

export interface Listing {
  /** By path. */
  readonly files: readonly FoundFile[]
  /** Paths that could not be looked into: what was below them may still be there. */
  readonly unknown: readonly string[]
  readonly problems: readonly Problem[]
}

export interface ListOptions {
  readonly limits: FilesLimits
  /** Told of each folder before it is read, so that a watch misses nothing. `identity` tells folders of one name apart. */
  readonly onFolder: (path: string, identity: string) => void
}

/**
 * The manifests of a folder and all folders below it. Symbolic links are followed; a folder that was seen already
 * is not read again, which also ends loops. What can't be read is a problem and does not stop the rest.
 */
export async function listFolder(root: string, options: ListOptions): Promise<Listing> {
  const walk = new FolderWalk(root, options)
  await walk.run()
  const files = walk.files.toSorted((a, b) => compareText(a.path, b.path))
  return { files, unknown: walk.unknown, problems: walk.problems }
}

/** A file or folder in one text: it changes with the content, and with what stands under the name. */
export function signatureOf(stats: BigIntStats): string {
  return `${identityOf(stats)}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`
}

export function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}`
}

class FolderWalk {
  readonly files: FoundFile[] = []
  readonly unknown: string[] = []
  readonly problems: Problem[] = []
  readonly #root: string
  readonly #options: ListOptions
  readonly #seen: Set<string> = new Set()
  readonly #waiting: string[] = []
  #entries: number = 0
  #full: boolean = false

  constructor(root: string, options: ListOptions) {
    this.#root = root
    this.#options = options
  }

  async run(): Promise<void> {
    this.#waiting.push(this.#root)
    for (let folder = this.#waiting.pop(); folder !== undefined; folder = this.#waiting.pop()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other keeps memory and open files bounded
      await this.#folder(folder)
      if (this.#full) return
    }
  }

  async #folder(path: string): Promise<void> {
    try {
      const identity = identityOf(await stat(path, { bigint: true }))
      if (this.#seen.has(identity)) return
      this.#seen.add(identity)
      this.#options.onFolder(path, identity)
      const entries = await readdir(path, { withFileTypes: true })
      for (const entry of entries.toSorted((a, b) => compareText(a.name, b.name))) {
        await this.#entry(join(path, entry.name), entry)
        if (this.#full) return
      }
    } catch (error) {
      // A folder below that is gone is no problem; without the folder itself nothing is known any more.
      if (errorCode(error) === 'ENOENT' && path !== this.#root) return
      this.unknown.push(path)
      this.problems.push(unreadable(path, error))
    }
  }

  async #entry(path: string, entry: Dirent): Promise<void> {
    const { maxEntries, maxFiles } = this.#options.limits
    if (++this.#entries > maxEntries) return this.#stop(`of more than ${maxEntries} names`)
    if (isHiddenName(entry.name)) return
    if (entry.isDirectory()) this.#waiting.push(path)
    if (entry.isDirectory() || !(entry.isSymbolicLink() || isManifestName(entry.name))) return
    try {
      const stats = await stat(path, { bigint: true })
      if (stats.isDirectory()) this.#waiting.push(path)
      if (!stats.isFile() || !isManifestName(entry.name)) return
      if (this.files.length >= maxFiles) return this.#stop(`of more than ${maxFiles} manifests`)
      this.files.push({ path, signature: signatureOf(stats) })
    } catch (error) {
      // Gone since the folder was read, or a link that points to nothing.
      if (errorCode(error) === 'ENOENT') return
      if (!isManifestName(entry.name)) return
      this.unknown.push(path)
      this.problems.push(unreadable(path, error))
    }
  }

  #stop(what: string): void {
    const message = `expected a folder of manifests, found one ${what}; the rest of it is not read`
    this.problems.push(fileProblem('FILES_TOO_MANY', this.#root, message))
    // What was read earlier must not go because something else came before it.
    this.unknown.push(this.#root)
    this.#full = true
  }
}

export function unreadable(path: string, error: unknown): Problem {
  return fileProblem('FILES_UNREADABLE', path, `can't be read: ${errorText(error)}`)
}
