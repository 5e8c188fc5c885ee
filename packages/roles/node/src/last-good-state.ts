import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { Clock } from '@tulle/core'
import { errorCode, errorText } from '@tulle/core'
import { authorizationType } from '@tulle/mesh-xds'
import type { MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import type { Log } from '@tulle/runtime'
import { readJournal, StateJournal } from './state-journal.ts'

/** After a write that failed. */
const retryMs = 2000
/** A journal that is longer than this, and than the state that it began with, is replaced by a state of its own. */
const minJournalBytes = 1024 * 1024
const formatVersion = 2
const fileName = 'last-good-state'

interface StateFile {
  readonly version: number
  /** The file with what was applied since. */
  readonly journal: string
  readonly types: readonly (readonly [typeUrl: string, resources: readonly MeshResource[]])[]
}

export interface LastGoodStateOptions {
  readonly folder: string
  readonly clock: Clock
  readonly log: Log
  /** Another process keeps it until `flush`. */
  readonly isKeptElsewhere?: boolean
}

/**
 * The resources in force, kept on a tmpfs so that a proxy that is started while the control plane is away serves
 * with what was good last. It is told of the versions, and answers with what is different, removals by name: half a
 * state takes nothing away.
 *
 * A state and a journal of what was applied since: what a node has told the control plane that it applied is there,
 * whenever it is killed. An older state may open what was closed.
 */
export class LastGoodState {
  readonly #folder: string
  readonly #file: string
  readonly #clock: Clock
  readonly #log: Log
  readonly #types: Map<string, Map<string, MeshResource>> = new Map()
  #isKeptElsewhere: boolean
  /** Absent until something is to be kept, and while that fails. */
  #journal: StateJournal | undefined
  #stateBytes: number = 0
  #retrying: Disposable | undefined

  constructor({ folder, clock, log, isKeptElsewhere = false }: LastGoodStateOptions) {
    this.#folder = folder
    this.#file = join(folder, fileName)
    this.#clock = clock
    this.#log = log
    this.#isKeptElsewhere = isKeptElsewhere
  }

  /** What the files have, as updates to apply at once; nothing where there are none or they can't be read. */
  load(): readonly ResourceUpdate[] {
    this.#read()
    return [...this.#types].map(([typeUrl, resources]) => ({
      typeUrl,
      upserts: [...resources.values()],
      removed: [],
    }))
  }

  /** Keeps an update that was applied: it is there when this returns. */
  applied({ typeUrl, upserts, removed }: ResourceUpdate, rejected: ReadonlySet<string>): void {
    // A policy that was refused is kept as it is, to be refused again: the one before would open what it closes.
    const keepsRefused = typeUrl === authorizationType
    const kept = upserts.filter(({ name }) => keepsRefused || !rejected.has(name))
    const update = { typeUrl, upserts: kept, removed }
    this.#note(update)
    if (this.#isKeptElsewhere || this.#retrying !== undefined) return
    const journal = this.#journal
    if (journal === undefined || journal.bytes > Math.max(minJournalBytes, this.#stateBytes)) {
      this.flush()
      return
    }
    try {
      journal.append(update)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The files are another process's from here on: what this one knows is only older. */
  retire(): void {
    this.#isKeptElsewhere = true
    this.#retrying?.[Symbol.dispose]()
  }

  /** Writes all of it anew; it is this process that keeps it from here on. */
  flush(): void {
    this.#isKeptElsewhere = false
    this.#retrying?.[Symbol.dispose]()
    const hasFailed = this.#retrying !== undefined
    this.#retrying = undefined
    try {
      this.#write()
      if (hasFailed) this.#log.info('last good state is kept again', { file: this.#file })
    } catch (error) {
      this.#fail(error, hasFailed)
    }
  }

  #note({ typeUrl, upserts, removed }: ResourceUpdate): void {
    const known = this.#types.get(typeUrl) ?? new Map<string, MeshResource>()
    this.#types.set(typeUrl, known)
    for (const resource of upserts) known.set(resource.name, resource)
    for (const name of removed) known.delete(name)
  }

  #write(): void {
    const name = `${fileName}.${randomBytes(8).toString('hex')}`
    const journal = new StateJournal(join(this.#folder, name))
    this.#journal?.close()
    this.#journal = journal
    const state: StateFile = {
      version: formatVersion,
      journal: name,
      types: [...this.#types].map(([typeUrl, resources]) => [typeUrl, [...resources.values()]]),
    }
    const bytes = serialize(state)
    this.#stateBytes = bytes.length
    writeFileSync(`${this.#file}.new`, bytes, { mode: 0o600 })
    renameSync(`${this.#file}.new`, this.#file)
    this.#removeOthers(name)
  }

  #fail(error: unknown, isKnown: boolean = false): void {
    this.#forget()
    this.#retrying = this.#clock.after(retryMs, () => this.flush())
    if (isKnown) return
    this.#log.warn('last good state was not kept', { file: this.#file, error: errorText(error) })
  }

  /** The files' state is not the one in force any more: no state closes, an older one may open what was closed. */
  #forget(): void {
    this.#journal?.close()
    this.#journal = undefined
    try {
      rmSync(this.#file, { force: true })
      this.#removeOthers(undefined)
    } catch (error) {
      const fields = { file: this.#file, error: errorText(error) }
      this.#log.error('an older state could not be removed', fields)
    }
  }

  /** Journals of states before this one, and what a process that was killed had begun to write. */
  #removeOthers(journal: string | undefined): void {
    for (const name of readdirSync(this.#folder))
      if (name.startsWith(`${fileName}.`) && name !== journal)
        rmSync(join(this.#folder, name), { force: true })
  }

  #read(): void {
    try {
      // Our own files, 0600; whatever is wrong with them, an empty state is the answer.
      const state = deserialize(readFileSync(this.#file)) as StateFile
      if (state.version !== formatVersion) return
      const since = readJournal(join(this.#folder, basename(state.journal)))
      for (const [typeUrl, upserts] of state.types) this.#note({ typeUrl, upserts, removed: [] })
      for (const update of since) this.#note(update)
    } catch (error) {
      this.#types.clear()
      if (errorCode(error) === 'ENOENT' && !existsSync(this.#file)) return
      this.#log.warn('last good state cannot be read', { file: this.#file, error: errorText(error) })
    }
  }
}
