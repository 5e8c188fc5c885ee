import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { open } from 'node:fs/promises'

/** A file that is read, with or without other work having its turn meanwhile. */
export interface OpenFile extends AsyncDisposable {
  stat(): BigIntStats | Promise<BigIntStats>
  /** Fills `bytes` from `at` on with what stands there in the file; how many came, 0 at its end. */
  read(bytes: Uint8Array, at: number): number | Promise<number>
}

/** Without O_NONBLOCK the opening of a pipe without a writer never ends. */
const flags = constants.O_RDONLY | constants.O_NONBLOCK

export async function openFile(path: string): Promise<OpenFile> {
  const file = await open(path, flags)
  return {
    stat: () => file.stat({ bigint: true }),
    read: async (bytes, at) => (await file.read(bytes, at, bytes.length - at, at)).bytesRead,
    [Symbol.asyncDispose]: () => file.close(),
  }
}

/** For small files: each way to another thread and back takes longer than the reading. */
export function openFileNow(path: string): OpenFile {
  const fd = openSync(path, flags)
  return {
    stat: () => fstatSync(fd, { bigint: true }),
    read: (bytes, at) => readSync(fd, bytes, at, bytes.length - at, at),
    [Symbol.asyncDispose]: () => {
      closeSync(fd)
      return Promise.resolve()
    },
  }
}
