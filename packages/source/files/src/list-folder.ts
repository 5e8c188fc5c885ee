import { statSync } from 'node:fs'
import type { BigIntStats, Dirent } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
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
  /** Why it can't be looked at. */
  readonly problem?: Problem
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

/** Which file or folder it is. Numbers are used again once it is deleted, the time of its birth is not. */
export function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`
}

/** How many names are looked at side by side: the threads that do it are few. */
const lookedAtOnce = 32

class FolderWalk {
  readonly files: FoundFile[] = []
  readonly unknown: string[] = []
  readonly problems: Problem[] = []
  readonly #root: string
  readonly #options: ListOptions
  readonly #seen: Set<string> = new Set()
  readonly #folders: string[] = []
  /** Read last, so that a folder goes by its own name and not by that of a link to it. */
  readonly #links: string[] = []
  #entries: number = 0
  #full: boolean = false

  constructor(root: string, options: ListOptions) {
    this.#root = root
    this.#options = options
  }

  async run(): Promise<void> {
    for (let path: string | undefined = this.#root; path !== undefined; path = this.#next()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other keeps memory and open files bounded
      await this.#folder(path)
      if (this.#full) return
    }
  }

  #next(): string | undefined {
    return this.#folders.pop() ?? this.#links.pop()
  }

  async #folder(path: string): Promise<void> {
    try {
      const identity = identityOf(await stat(path, { bigint: true }))
      if (this.#seen.has(identity)) return
      this.#seen.add(identity)
      this.#options.onFolder(path, identity)
      await this.#list(path, await readdir(path, { withFileTypes: true }))
    } catch (error) {
      // A folder below that is gone is no problem; without the folder itself nothing is known any more.
      if (errorCode(error) === 'ENOENT' && path !== this.#root) return
      this.unknown.push(path)
      this.problems.push(unreadable(path, error))
    }
  }

  async #list(folder: string, all: readonly Dirent[]): Promise<void> {
    const { maxEntries, maxFiles } = this.#options.limits
    const entries = all.filter(isOfInterest).toSorted((a, b) => compareText(a.name, b.name))
    this.#entries += all.length
    if (this.#entries > maxEntries) return this.#stop(`of more than ${maxEntries} names`)
    const pathOf = (entry: Dirent): string => join(folder, entry.name)
    // Backwards, because folders are taken from the end.
    this.#folders.push(
      ...entries
        .filter((entry) => entry.isDirectory())
        .map(pathOf)
        .toReversed(),
    )
    const others = entries.filter((entry) => !entry.isDirectory())
    const links: string[] = []
    for (let i = 0; i < others.length; i += lookedAtOnce) {
      const some = others.slice(i, i + lookedAtOnce)
      // oxlint-disable-next-line no-await-in-loop -- a few at a time
      const found = await Promise.all(
        some.map((entry) => lookAt(pathOf(entry), { isManifest: isManifestName(entry.name) })),
      )
      for (const each of found) {
        if (each === undefined) continue
        if (each.isFolder) links.push(each.path)
        else this.files.push(each)
      }
    }
    this.#links.push(...links.toReversed())
    if (this.files.length > maxFiles) {
      this.files.length = maxFiles
      this.#stop(`of more than ${maxFiles} manifests`)
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

function isOfInterest(entry: Dirent): boolean {
  if (isHiddenName(entry.name)) return false
  return entry.isDirectory() || entry.isSymbolicLink() || isManifestName(entry.name)
}

export interface FoundPath extends FoundFile {
  readonly isFolder: boolean
}

export interface LookOptions {
  readonly isManifest: boolean
  /** Whether nothing else has its turn meanwhile. */
  readonly isAlone?: boolean
}

/** A folder or a manifest; nothing where it is neither, or was deleted meanwhile. */
export async function lookAt(
  path: string,
  { isManifest, isAlone = false }: LookOptions,
): Promise<FoundPath | undefined> {
  try {
    const stats = isAlone ? statSync(path, { bigint: true }) : await stat(path, { bigint: true })
    const isFolder = stats.isDirectory()
    if (!isFolder && !(stats.isFile() && isManifest)) return undefined
    return { path, signature: signatureOf(stats), isFolder }
  } catch (error) {
    if (!isManifest) return undefined
    // A link that points to nothing is there.
    if (errorCode(error) === 'ENOENT' && !(await isThere(path))) return undefined
    const problem = unreadable(path, error)
    return { path, signature: problem.message, problem, isFolder: false }
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch {
    return false
  }
}

export function unreadable(path: string, error: unknown): Problem {
  return fileProblem('FILES_UNREADABLE', path, `can't be read: ${errorText(error)}`)
}
