import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { Clock } from '@tulle/core'
import { errorCode, errorText } from '@tulle/core'
import { authorizationType } from '@tulle/mesh-xds'
import type { MeshResource, ResourceUpdate } from '@tulle/mesh-xds'
import type { Log } from '@tulle/runtime'

/** Writing at most this often keeps a burst of changes from being a burst of writes. */
const quietMs = 500
/** After a write that failed. */
const retryMs = 2000
const formatVersion = 1

interface StateFile {
  readonly version: number
  readonly types: readonly (readonly [typeUrl: string, resources: readonly MeshResource[]])[]
}

export interface LastGoodStateOptions {
  readonly folder: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * The resources in force, kept on a tmpfs so that a proxy that is started while the control plane is away serves
 * with what was good last. It is told of the versions, and answers with what is different, removals by name: half a
 * state takes nothing away.
 */
export class LastGoodState {
  readonly #file: string
  readonly #clock: Clock
  readonly #log: Log
  readonly #types: Map<string, Map<string, MeshResource>> = new Map()
  #writing: Disposable | undefined
  #retired: boolean = false
  #failed: boolean = false

  constructor({ folder, clock, log }: LastGoodStateOptions) {
    this.#file = join(folder, 'last-good-state')
    this.#clock = clock
    this.#log = log
  }

  /** What the file has, as updates to apply at once; nothing where there is none or it can't be read. */
  load(): readonly ResourceUpdate[] {
    const state = this.#read()
    for (const [typeUrl, resources] of state?.types ?? []) {
      this.#types.set(typeUrl, new Map(resources.map((resource) => [resource.name, resource])))
    }
    return [...this.#types].map(([typeUrl, resources]) => ({
      typeUrl,
      upserts: [...resources.values()],
      removed: [],
    }))
  }

  /** Notes an update that was applied; the file follows a moment later. */
  applied(update: ResourceUpdate, rejected: ReadonlySet<string>): void {
    const known = this.#types.get(update.typeUrl) ?? new Map<string, MeshResource>()
    this.#types.set(update.typeUrl, known)
    // A policy that was refused is kept as it is, to be refused again: the one before would open what it closes.
    const keepsRefused = update.typeUrl === authorizationType
    for (const resource of update.upserts)
      if (keepsRefused || !rejected.has(resource.name)) known.set(resource.name, resource)
    for (const name of update.removed) known.delete(name)
    this.#flushAfter(quietMs)
  }

  /** The file is another process's from here on: what this one knows is only older. */
  retire(): void {
    this.flush()
    this.#retired = true
    this.#writing?.[Symbol.dispose]()
  }

  flush(): void {
    if (this.#retired) return
    this.#writing?.[Symbol.dispose]()
    this.#writing = undefined
    const state: StateFile = {
      version: formatVersion,
      types: [...this.#types].map(([typeUrl, resources]) => [typeUrl, [...resources.values()]]),
    }
    try {
      writeFileSync(`${this.#file}.new`, serialize(state), { mode: 0o600 })
      renameSync(`${this.#file}.new`, this.#file)
      if (this.#failed) this.#log.info('last good state is kept again', { file: this.#file })
      this.#failed = false
    } catch (error) {
      this.#forget()
      this.#flushAfter(retryMs)
      if (this.#failed) return
      this.#failed = true
      this.#log.warn('last good state was not kept', { file: this.#file, error: errorText(error) })
    }
  }

  #flushAfter(ms: number): void {
    this.#writing ??= this.#clock.after(ms, () => {
      this.#writing = undefined
      this.flush()
    })
  }

  /** The file's state is not the one in force any more: no state closes, an older one may open what was closed. */
  #forget(): void {
    for (const file of [`${this.#file}.new`, this.#file]) {
      try {
        rmSync(file, { force: true })
      } catch (error) {
        this.#log.error('an older state could not be removed', { file, error: errorText(error) })
      }
    }
  }

  #read(): StateFile | undefined {
    try {
      // Our own file, 0600; whatever is wrong with it, an empty state is the answer.
      const state = deserialize(readFileSync(this.#file)) as StateFile
      return state.version === formatVersion ? state : undefined
    } catch (error) {
      if (errorCode(error) !== 'ENOENT')
        this.#log.warn('last good state cannot be read', { file: this.#file, error: errorText(error) })
      return undefined
    }
  }
}
