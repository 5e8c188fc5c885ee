import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode, errorText } from '@tulle/core'
import type { Log } from '@tulle/runtime'

/** Which state of a control plane something belongs to: `LINEAGE/EPOCH/REVISION` in `system_version_info`. */
export interface HistoryPoint {
  /** Whose history: a random name that is made with the control plane's state. */
  readonly lineage: string
  /** Counts the starts of the control plane on that state. */
  readonly epoch: number
  /** Counts the changes since that start. */
  readonly revision: number
}

const format = /^(?<lineage>[A-Za-z0-9-]{1,64})\/(?<epoch>\d{1,15})\/(?<revision>\d{1,15})$/u

/** Undefined for control planes that tell no history: Istio's. */
export function parseHistoryPoint(text: string): HistoryPoint | undefined {
  const { lineage, epoch, revision } = format.exec(text)?.groups ?? {}
  if (lineage === undefined) return undefined
  return { lineage, epoch: Number(epoch), revision: Number(revision) }
}

/**
 * How far the history had come that what is in force belongs to. Content hashes have no order: without this, a control
 * plane that comes back with an older state would undo what was decided since. Another lineage is another history,
 * and taken: that is how an operator who restored a backup on purpose says so.
 */
export class ControlHistory {
  readonly #file: string | undefined
  readonly #log: Log
  #point: HistoryPoint | undefined

  constructor(file: string | undefined, log: Log) {
    this.#file = file
    this.#log = log
    this.#point = file === undefined ? undefined : this.#read(file)
  }

  /** Why this state must not replace what is in force; undefined where it may. */
  refuse(offered: HistoryPoint | undefined): string | undefined {
    const held = this.#point
    if (offered === undefined || held === undefined || offered.lineage !== held.lineage) return undefined
    const isOlder =
      offered.epoch < held.epoch || (offered.epoch === held.epoch && offered.revision < held.revision)
    if (!isOlder) return undefined
    return `the control plane offers an older state (start ${offered.epoch}, change ${offered.revision}) than the one in force (start ${held.epoch}, change ${held.revision}); if that is meant, such as after a backup was restored, remove the file "history" of its state folder and start it again`
  }

  /** What is in force now belongs to this. */
  advance(point: HistoryPoint | undefined): void {
    const before = this.#point
    if (point === undefined) return
    this.#point = point
    if (before?.lineage === point.lineage && before.epoch === point.epoch) return
    if (before !== undefined && before.lineage !== point.lineage)
      this.#log.warn('the control plane has another history; its state is taken over', {
        before: before.lineage,
        after: point.lineage,
      })
    this.#write(point)
  }

  #read(file: string): HistoryPoint | undefined {
    try {
      return parseHistoryPoint(readFileSync(file, 'utf8').trim())
    } catch (error) {
      if (errorCode(error) !== 'ENOENT')
        this.#log.warn('the history in force cannot be read', { file, error: errorText(error) })
      return undefined
    }
  }

  /** Once a start of the control plane: within one, only the newest counts, which the stream's order gives. */
  #write({ lineage, epoch, revision }: HistoryPoint): void {
    const file = this.#file
    if (file === undefined) return
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeFileSync(`${file}.new`, `${lineage}/${epoch}/${revision}\n`, { mode: 0o600 })
      renameSync(`${file}.new`, file)
    } catch (error) {
      this.#log.warn('the history in force was not kept', { file, error: errorText(error) })
    }
  }
}
