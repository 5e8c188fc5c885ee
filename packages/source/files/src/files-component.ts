import type { ApiCollections, Problem } from '@tulle/api'
import type { Collection, Graph, Source } from '@tulle/collections'
import { assert, errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { Component, Log } from '@tulle/runtime'
import { createApiSources } from './api-sources.ts'
import type { ApiSources } from './api-sources.ts'
import type { ManifestParser } from './file-state.ts'
import { FolderWatches } from './folder-watches.ts'
import { filesLimits } from './limits.ts'
import type { FilesLimits } from './limits.ts'
import { ManifestFiles } from './manifest-files.ts'
import { manifestOrigin } from './manifest-origin.ts'
import type { ManifestOrigin } from './manifest-origin.ts'
import { keyProblems } from './problems.ts'
import { QuietTimer } from './quiet-timer.ts'
import { readStream } from './read-stream.ts'

export interface FilesOptions {
  /** A folder, a file, or `-` for standard input. */
  readonly path: string
  readonly graph: Graph
  readonly clock: Clock
  readonly log: Log
  /** Ends the watching when it aborts. */
  readonly signal?: AbortSignal
  readonly limits?: Partial<FilesLimits>
  /** What `-` reads; standard input by default. */
  readonly stdin?: AsyncIterable<Uint8Array>
}

export interface FilesSource extends Component {
  readonly api: ApiCollections
  /** What could not be read, by `file:line:column:code`. */
  readonly problems: Collection<Problem>
  /** Resolves when everything has been read once; rejects where there is nothing to read. */
  readonly ready: Promise<void>
  /** Looks at everything again, now; the revision that holds all that was written before the call. */
  sync(): Promise<number>
}

/** Keeps collections equal to what is written in a folder. Each look at it is one transaction. */
export class FilesComponent implements FilesSource {
  readonly problems: Collection<Problem>
  readonly ready: Promise<void>
  readonly #options: FilesOptions
  readonly #limits: FilesLimits
  readonly #sources: ApiSources
  readonly #problems: Source<Problem>
  readonly #files: ManifestFiles
  readonly #watches: FolderWatches
  readonly #quiet: QuietTimer
  readonly #becomeReady: PromiseWithResolvers<void> = Promise.withResolvers()
  #origin: ManifestOrigin | undefined
  #rescans: Disposable | undefined
  /** The second look at what is gone or empty. */
  #doubt: Disposable | undefined
  #running: Promise<void> = Promise.resolve()
  /** A look that was asked for and has not begun: it sees all that was written before now. */
  #next: Promise<void> | undefined
  readonly #ending: AbortController = new AbortController()

  constructor(options: FilesOptions, parse: ManifestParser) {
    const { graph, clock, log } = options
    this.#options = options
    this.#limits = { ...filesLimits, ...options.limits }
    this.#sources = createApiSources(graph)
    this.#problems = graph.source('problems')
    this.problems = this.#problems
    this.#files = new ManifestFiles({ parse, clock, limits: this.#limits })
    this.#watches = new FolderWatches({
      log,
      isRead: (name) => this.#origin?.kind === 'files' && this.#origin.isRead(name),
      onChange: () => this.#quiet.poke(),
    })
    const { quietMs, maxQuietMs } = this.#limits
    this.#quiet = new QuietTimer({ clock, quietMs, maxQuietMs, run: () => this.#lookSoon() })
    this.ready = this.#becomeReady.promise
    // Who waits for `start` alone learns of a failure there.
    this.ready.catch(() => undefined)
  }

  get api(): ApiCollections {
    return this.#sources.collections
  }

  async start(signal: AbortSignal): Promise<void> {
    try {
      const { path, stdin, clock } = this.#options
      this.#endWith(this.#options.signal)
      this.#endWith(signal)
      this.#origin = await manifestOrigin(path, stdin ?? process.stdin)
      this.#ending.signal.throwIfAborted()
      if (this.#origin.kind === 'files') {
        this.#rescans = clock.every(this.#limits.rescanMs, () => this.#lookSoon())
      }
      await this.#look()
      this.#ending.signal.throwIfAborted()
      this.#becomeReady.resolve()
    } catch (error) {
      this.#stop()
      this.#becomeReady.reject(error)
      throw error
    }
  }

  async sync(): Promise<number> {
    const { clock } = this.#options
    await this.ready
    await this.#look()
    // A file that is gone is believed at a second look; who asks wants to know of it now.
    const { missingMs, maxQuietMs } = this.#limits
    const deadlineMs = clock.monotonicMs() + missingMs + maxQuietMs
    while (this.#files.inDoubt && !this.#ending.signal.aborted && clock.monotonicMs() < deadlineMs) {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      await clock.sleep(missingMs)
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      await this.#look()
    }
    return this.#options.graph.revision
  }

  drain(): Promise<void> {
    this.#stop()
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    await this.#running.catch(() => undefined)
  }

  #endWith(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) this.#stop(signal.reason)
    else signal?.addEventListener('abort', () => this.#stop(signal.reason), { once: true })
  }

  #stop(reason?: unknown): void {
    this.#ending.abort(reason)
    this.#rescans?.[Symbol.dispose]()
    this.#doubt?.[Symbol.dispose]()
    this.#quiet[Symbol.dispose]()
    this.#watches[Symbol.dispose]()
  }

  #lookSoon(): void {
    this.#look().catch((error: unknown) => {
      this.#options.log.error('manifests were not read', { error: errorText(error) })
    })
  }

  /** A look that begins after this call; those who ask before it begins share it. */
  #look(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#lookNow()
      })
    this.#running = this.#next
    return this.#next
  }

  async #lookNow(): Promise<void> {
    if (this.#ending.signal.aborted) return
    assert(this.#origin !== undefined, 'a look comes after the start')
    if (this.#origin.kind === 'stream') await this.#lookAtStream(this.#origin)
    else await this.#lookAtFiles(this.#origin)
  }

  async #lookAtStream(origin: ManifestOrigin & { kind: 'stream' }): Promise<void> {
    // A pipe gives what it has once; sync finds nothing new.
    if (this.#files.size > 0 || this.#problems.size > 0) return
    const { maxFileBytes } = this.#limits
    const read = await readStream(origin.open(), origin.name, {
      maxBytes: maxFileBytes,
      signal: this.#ending.signal,
    })
    if (this.#ending.signal.aborted) return
    this.#files.take(origin.name, read)
    this.#publish()
  }

  async #lookAtFiles(origin: ManifestOrigin & { kind: 'files' }): Promise<void> {
    const folders = new Set<string>()
    const listing = await origin.list({
      limits: this.#limits,
      onFolder: (path, identity) => {
        folders.add(path)
        if (!this.#ending.signal.aborted) this.#watches.add(path, identity)
      },
    })
    this.#watches.retain(folders)
    const changed = await this.#files.update(listing)
    if (this.#ending.signal.aborted) return
    if (changed) this.#publish()
    this.#doubt?.[Symbol.dispose]()
    this.#doubt = undefined
    if (!this.#files.inDoubt) return
    this.#doubt = this.#options.clock.after(this.#limits.missingMs, () => this.#lookSoon())
  }

  #publish(): void {
    const { graph, log } = this.#options
    const { objects, problems } = this.#files.merged()
    const before = graph.revision
    const revision = graph.transaction(() => {
      this.#sources.replace(objects)
      this.#problems.replace(keyProblems(problems))
    })
    if (revision === before) return
    const counts = { files: this.#files.size, objects: objects.size, problems: problems.length }
    log.debug('manifests read', { ...counts, revision })
  }
}
