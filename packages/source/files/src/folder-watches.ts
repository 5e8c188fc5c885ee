import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { errorText } from '@tulle/core'
import type { Log } from '@tulle/runtime'

export interface FolderWatchesOptions {
  readonly log: Log
  /** Whether it matters that a file of this name was written to. */
  readonly isRead: (name: string) => boolean
  /** Something in one of the folders may have changed. */
  readonly onChange: () => void
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

  /** `identity` is of the folder itself: another one under the same name is watched anew. */
  add(path: string, identity: string): void {
    const present = this.#watches.get(path)
    if (present?.identity === identity) return
    present?.watcher.close()
    this.#watches.delete(path)
    try {
      const watcher = watch(path, (event, name) => {
        // What else is written in the folder, such as a log, is no reason to look; what comes and goes may be a folder.
        if (event === 'rename' || name === null || this.#options.isRead(name)) this.#options.onChange()
      })
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

  #lost(path: string, error: unknown): void {
    this.#watches.get(path)?.watcher.close()
    this.#watches.delete(path)
    if (this.#complained) return
    this.#complained = true
    const message = 'a folder sends no notifications; changes in it are seen a few seconds later'
    this.#options.log.warn(message, { path, error: errorText(error) })
  }
}
