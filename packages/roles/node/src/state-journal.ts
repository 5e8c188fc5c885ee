import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import type { ResourceUpdate } from '@tulle/mesh-xds'

/** Before each record: how many bytes it has. */
const headerBytes = 4

/** Updates in the order in which they were applied, each on its way to the disk (or the tmpfs) before the next begins. */
export class StateJournal {
  readonly #fd: number
  #bytes: number = 0

  /** Makes the file. Throws what the file system says. */
  constructor(path: string) {
    this.#fd = openSync(path, 'wx', 0o600)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Throws what the file system says; what was written of it then is no record. */
  append(update: ResourceUpdate): void {
    const record = serialize(update)
    const header = Buffer.alloc(headerBytes)
    header.writeUInt32LE(record.length)
    const bytes = Buffer.concat([header, record])
    for (let from = 0; from < bytes.length;) from += writeSync(this.#fd, bytes, from)
    this.#bytes += bytes.length
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/**
 * Our own file, 0600. A process that is killed may leave a part of its last record, of which nobody was told that it was
 * applied. Throws where there is no such file, or something else in it.
 */
export function readJournal(path: string): readonly ResourceUpdate[] {
  const bytes = readFileSync(path)
  const updates: ResourceUpdate[] = []
  for (let at = 0; at + headerBytes <= bytes.length;) {
    const from = at + headerBytes
    const end = from + bytes.readUInt32LE(at)
    if (end > bytes.length) break
    updates.push(deserialize(bytes.subarray(from, end)) as ResourceUpdate)
    at = end
  }
  return updates
}
