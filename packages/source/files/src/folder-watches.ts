import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { basename, join } from 'node:path'
import { errorText } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import { isHiddenName } from './file-names.ts'

export interface FolderWatchesOptions {
  readonly log: Log
  /** Whether it matters that a file of this name was written to. */
  readonly isRead: (name: string) => boolean
  /** Something may have happened to this manifest, or to a folder of this path. */
  readonly onChange: (path: string) => void
  /** Something in one of the folders may have changed, and nobody knows what. */
  readonly onUnknown: () => void
}

interface Watch {
  readonly identity: string
  readonly watcher: FSWatcher
}

/**
 * Notifications of folders, one by one: Node's recursive watch does not follow links and looks at every file.
 * Notifications only make changes be seen sooner; without them the folder is still looked at regularly.
 */
export class FolderWatches implements Disposable {
  readonly #options: FolderWatchesOptions
  readonly #watches: Map<string, Watch> = new Map()
  #complained: boolean = false

  constructor(options: FolderWatchesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#watches.size
  }

  /** Whether a folder of this path was there when the folders were listed. */
  has(path: string): boolean {
    return this.#watches.has(path)
  }

  /** `identity` is of the folder itself: another one under the same name is watched anew. */
  add(path: string, identity: string): void {
    const present = this.#watches.get(path)
    if (present?.identity === identity) return
    present?.watcher.close()
    this.#watches.delete(path)
    try {
      const watcher = watch(path, (event, name) => this.#happened(path, event, name))
      watcher.on('error', (error) => this.#lost(path, error))
      this.#watches.set(path, { identity, watcher })
    } catch (error) {
      this.#lost(path, error)
    }
  }

  /** Ends the watches of folders that are not among these. */
  retain(paths: ReadonlySet<string>): void {
    for (const [path, { watcher }] of this.#watches) {
      if (paths.has(path)) continue
      watcher.close()
      this.#watches.delete(path)
    }
  }

  [Symbol.dispose](): void {
    this.retain(new Set())
  }

  #happened(folder: string, event: string, name: string | null): void {
    const { isRead, onChange, onUnknown } = this.#options
    // Of the folder itself. Kubernetes puts all files of a volume in place by one rename of `..data`.
    if (name === null || name === basename(folder) || name.startsWith('..')) onUnknown()
    else if (isRead(name)) onChange(join(folder, name))
    // What else is written in the folder, such as a log, is no reason to look; what comes and goes may be a folder.
    else if (event === 'rename' && !isHiddenName(name)) onChange(join(folder, name))
  }

  #lost(path: string, error: unknown): void {
    this.#watches.get(path)?.watcher.close()
    this.#watches.delete(path)
    if (this.#complained) return
    this.#complained = true
    const message = 'a folder sends no notifications; changes in it are seen a few seconds later'
    this.#options.log.warn(message, { path, error: errorText(error) })
  }
}
