import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import { AllocationsError } from './errors.ts'
import { decodeKept, encodeKept, nothingKept } from './kept.ts'
import type { Kept } from './kept.ts'

/** What the file holds. One that is damaged is put aside under another name, and we begin anew. */
export async function readKept(file: string, log: Log): Promise<Kept> {
  const text = await readText(file)
  if (text === undefined) return nothingKept
  const kept = decodeKept(text)
  if (kept.ok) return kept.value
  const aside = putAside(file)
  log.warn('the file of allotted addresses is damaged: it is put aside, and objects get new addresses', {
    file,
    aside,
    reason: kept.error,
  })
  return nothingKept
}

/**
 * Replaces the file. It is on the disk when this returns: whoever reads it after a crash finds all of the old state
 * or all of the new one. Synchronous, since an address must not be seen before it is kept.
 */
export function writeKept(file: string, kept: Kept): void {
  const draft = `${file}.new`
  try {
    rmSync(draft, { force: true })
    writeDurably(draft, encodeKept(kept))
    renameSync(draft, file)
    syncFolder(dirname(file))
  } catch (error) {
    throw new AllocationsError('ALLOCATIONS_UNWRITABLE', `allotted addresses cannot be kept in ${file}`, {
      cause: error,
      context: { file },
    })
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw new AllocationsError('ALLOCATIONS_UNREADABLE', `allotted addresses cannot be read from ${file}`, {
      cause: error,
      context: { file },
    })
  }
}

/** Never over one that was put aside before. */
function putAside(file: string): string {
  let count = 1
  while (existsSync(`${file}.damaged-${count}`)) count++
  const aside = `${file}.damaged-${count}`
  try {
    renameSync(file, aside)
  } catch (error) {
    throw new AllocationsError('ALLOCATIONS_UNWRITABLE', `${file} is damaged and cannot be put aside`, {
      cause: error,
      context: { file },
    })
  }
  return aside
}

function writeDurably(file: string, text: string): void {
  const fd = openSync(file, 'wx', 0o600)
  try {
    writeFileSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** A rename is on the disk once its folder is. @see fsync(2) */
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
