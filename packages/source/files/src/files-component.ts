import { basename } from 'node:path'
import type { ApiCollections, Problem } from '@tulle/api'
import type { Collection, Graph, Source } from '@tulle/collections'
import { assert, errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { Component, Log } from '@tulle/runtime'
import { createApiSources } from './api-sources.ts'
import type { ApiSources } from './api-sources.ts'
import { ChangeHints } from './change-hints.ts'
import type { Hint } from './change-hints.ts'
import type { ManifestParser } from './file-state.ts'
import { FolderWatches } from './folder-watches.ts'
import { filesLimits } from './limits.ts'
import type { FilesLimits } from './limits.ts'
import { lookAt } from './list-folder.ts'
import { ManifestFiles } from './manifest-files.ts'
import type { LookedAt } from './manifest-files.ts'
import { manifestOrigin } from './manifest-origin.ts'
import type { ManifestOrigin } from './manifest-origin.ts'
import { isReadAlone } from './others-turn.ts'
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
  /** What changes after the first look waits until this ends. To be called before the start. */
  pause(): Disposable
  /** Looks at everything again, now; the revision that holds all that was written before the call. */
  sync(): Promise<number>
}

/**
 * Keeps collections equal to what is written in a folder. Each look at it is one transaction. Where a notification
 * says which file has changed, that one alone is looked at.
 */
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
  readonly #hints: ChangeHints
  readonly #becomeReady: PromiseWithResolvers<void> = Promise.withResolvers()
  #origin: ManifestOrigin | undefined
  #rescans: Disposable | undefined
  /** The second look at what is gone or empty. */
  #doubt: Disposable | undefined
  #running: Promise<void> = Promise.resolve()
  /** Files are read, and what they say is published, by one look at a time; the folder is listed meanwhile. */
  #reading: Promise<void> = Promise.resolve()
  /** Whether everything has been read once. */
  #isFollowing: boolean = false
  #resumed: Promise<void> = Promise.resolve()
  #resume: () => void = () => undefined
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
      onChange: (path) => this.#hints.poke(path),
      onUnknown: () => this.#quiet.poke(),
    })
    const { settleMs, quietMs, maxQuietMs } = this.#limits
    this.#hints = new ChangeHints({
      clock,
      settleMs,
      quietMs,
      maxQuietMs,
      run: (due) => this.#lookAtSomeSoon(due),
    })
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
      const beganMs = clock.monotonicMs()
      await this.#look()
      this.#ending.signal.throwIfAborted()
      if (this.#origin.kind === 'files') this.#rescanAfter(clock.monotonicMs() - beganMs)
      this.#becomeReady.resolve()
    } catch (error) {
      this.#stop()
      this.#becomeReady.reject(error)
      throw error
    }
  }

  pause(): Disposable {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#resumed = promise
    this.#resume = resolve
    return { [Symbol.dispose]: () => resolve() }
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
    await this.#reading
  }

  #endWith(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) this.#stop(signal.reason)
    else signal?.addEventListener('abort', () => this.#stop(signal.reason), { once: true })
  }

  #stop(reason?: unknown): void {
    this.#ending.abort(reason)
    this.#resume()
    this.#rescans?.[Symbol.dispose]()
    this.#doubt?.[Symbol.dispose]()
    this.#quiet[Symbol.dispose]()
    this.#hints[Symbol.dispose]()
    this.#watches[Symbol.dispose]()
  }

  #lookSoon(): void {
    this.#look().catch((error: unknown) => this.#failed(error))
  }

  #failed(error: unknown): void {
    this.#options.log.error('manifests were not read', { error: errorText(error) })
  }

  #lookAtSomeSoon(due: readonly Hint[]): void {
    this.#exclusively(() => this.#lookAtSome(due)).catch((error: unknown) => this.#failed(error))
  }

  #exclusively(run: () => Promise<void>): Promise<void> {
    const done = this.#reading.then(() => (this.#isFollowing ? this.#resumed : undefined)).then(run)
    this.#reading = done.catch(() => undefined)
    return done
  }

  #rescanAfter(tookMs: number): void {
    const { clock } = this.#options
    if (this.#ending.signal.aborted) return
    this.#rescans = clock.after(Math.max(this.#limits.rescanMs, 100 * tookMs), () => {
      const beganMs = clock.monotonicMs()
      void this.#look()
        .catch((error: unknown) => this.#failed(error))
        .then(() => this.#rescanAfter(clock.monotonicMs() - beganMs))
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
    await this.#publish()
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
    await this.#exclusively(async () => {
      const changed = await this.#files.update(listing)
      if (this.#ending.signal.aborted) return
      if (changed) await this.#publish()
      this.#isFollowing = true
      this.#lookAgainWhereInDoubt()
    })
  }

  /** The files that notifications name, without the others: a folder of thousands costs no more than a small one. */
  async #lookAtSome(due: readonly Hint[]): Promise<void> {
    const origin = this.#origin
    if (this.#ending.signal.aborted || origin?.kind !== 'files') return
    const some: LookedAt[] = []
    for (const [i, { path, calm }] of due.entries()) {
      const isManifest = origin.isRead(basename(path))
      // oxlint-disable-next-line no-await-in-loop -- few, and in order
      const found = await lookAt(path, { isManifest, isAlone: isReadAlone(i) })
      const isFolder = found?.isFolder === true || this.#watches.has(path)
      // What a folder brings or takes along, and where limits end, only the whole shows.
      if (isFolder || (found !== undefined && !this.#files.hasRoomFor(path))) this.#quiet.poke()
      else if (isManifest) some.push({ path, found, calm })
    }
    const { changed, doubtful } = await this.#files.updateSome(some)
    if (this.#ending.signal.aborted) return
    for (const path of doubtful) this.#hints.doubt(path)
    if (changed) await this.#publish()
    this.#lookAgainWhereInDoubt()
  }

  #lookAgainWhereInDoubt(): void {
    this.#doubt?.[Symbol.dispose]()
    this.#doubt = undefined
    if (!this.#files.inDoubt) return
    this.#doubt = this.#options.clock.after(this.#limits.missingMs, () => this.#lookSoon())
  }

  async #publish(): Promise<void> {
    const { graph, log } = this.#options
    const before = graph.revision
    const changes = this.#files.takeChanges()
    const problems = this.#files.problems()
    const sources = this.#sources
    const publishedProblems = this.#problems
    const revision = await graph.transactionInSlices(function* steps() {
      for (const [key, object] of changes) yield sources.apply(key, object)
      yield publishedProblems.replace(keyProblems(problems))
    })
    if (revision === before) return
    const counts = { files: this.#files.size, objects: this.#files.objects, problems: problems.length }
    log.debug('manifests read', { ...counts, revision })
  }
}
