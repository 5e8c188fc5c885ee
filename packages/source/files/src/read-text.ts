import { hash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { Problem } from '@tulle/api'
import { err, errorCode, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { signatureOf, unreadable } from './list-folder.ts'
import { fileProblem } from './problems.ts'

export interface ReadText {
  readonly text: string
  readonly digest: string
  /** Of the moment that the text is from. */
  readonly signature: string
}

export type ReadOutcome =
  | (ReadText & { readonly kind: 'text'; readonly changedMs: number })
  /** `changedMs`: when the file was changed, since the epoch, and NaN where that is not known. */
  | { readonly kind: 'problem'; readonly problem: Problem; readonly changedMs: number }
  /** It was there a moment ago. */
  | { readonly kind: 'gone' }

/** How often a file that changes while it is read is read again at once. */
const maxAttempts = 3

/** The text of one file, whole: not half of what somebody is writing, as far as that can be seen. */
export async function readText(path: string, maxBytes: number): Promise<ReadOutcome> {
  try {
    // Without O_NONBLOCK the opening of a pipe without a writer never ends.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    return await readSteady(file, path, maxBytes)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { kind: 'gone' }
    return { kind: 'problem', problem: unreadable(path, error), changedMs: NaN }
  }
}

async function readSteady(file: FileHandle, path: string, maxBytes: number): Promise<ReadOutcome> {
  for (let attempt = 1; ; attempt++) {
    const before = await file.stat({ bigint: true })
    const changedMs = Number(before.ctimeMs)
    const fault = !before.isFile()
      ? fileProblem('FILES_UNREADABLE', path, 'expected a file of text')
      : before.size > maxBytes
        ? tooLarge(path, maxBytes)
        : undefined
    if (fault !== undefined) return { kind: 'problem', problem: fault, changedMs }
    const bytes = await readBytes(file, Number(before.size))
    const after = await file.stat({ bigint: true })
    const signature = signatureOf(after)
    if (signature !== signatureOf(before) && attempt < maxAttempts) continue
    const text = decodeText(bytes, path)
    if (!text.ok) return { kind: 'problem', problem: text.error, changedMs }
    return { kind: 'text', text: text.value, digest: hash('sha256', bytes), signature, changedMs }
  }
}

async function readBytes(file: FileHandle, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes)
  let filled = 0
  while (filled < sizeBytes) {
    const { bytesRead } = await file.read(bytes, filled, sizeBytes - filled, filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

export function tooLarge(path: string, maxBytes: number): Problem {
  return fileProblem(
    'FILES_TOO_LARGE',
    path,
    `expected at most ${maxBytes} bytes; split it into several files`,
  )
}

/** UTF-8, without its byte order mark. */
export function decodeText(bytes: Uint8Array, path: string): Result<string, Problem> {
  try {
    return ok(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // The decoder's own message says only that the data is not valid.
    return err(fileProblem('FILES_NOT_TEXT', path, 'expected text in UTF-8, found other bytes'))
  }
}
