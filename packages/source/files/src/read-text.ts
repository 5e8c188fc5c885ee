import { hash } from 'node:crypto'
import type { Problem } from '@tulle/api'
import { err, errorCode, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { signatureOf, unreadable } from './list-folder.ts'
import { openFile, openFileNow } from './open-file.ts'
import type { OpenFile } from './open-file.ts'
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

export interface ReadTextOptions {
  readonly maxBytes: number
  /** Whether nothing else has its turn meanwhile. */
  readonly isAlone: boolean
}

/** The text of one file, whole: not half of what somebody is writing, as far as that can be seen. */
export async function readText(path: string, { maxBytes, isAlone }: ReadTextOptions): Promise<ReadOutcome> {
  try {
    await using file = isAlone ? openFileNow(path) : await openFile(path)
    return await readSteady(file, path, maxBytes)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { kind: 'gone' }
    return { kind: 'problem', problem: unreadable(path, error), changedMs: NaN }
  }
}

async function readSteady(file: OpenFile, path: string, maxBytes: number): Promise<ReadOutcome> {
  for (let attempt = 1; ; attempt++) {
    const before = await file.stat()
    const changedMs = Number(before.ctimeMs)
    const fault = !before.isFile()
      ? fileProblem('FILES_UNREADABLE', path, 'expected a file of text')
      : before.size > maxBytes
        ? tooLarge(path, maxBytes)
        : undefined
    if (fault !== undefined) return { kind: 'problem', problem: fault, changedMs }
    const bytes = await readBytes(file, Number(before.size))
    const after = await file.stat()
    const signature = signatureOf(after)
    if (signature !== signatureOf(before) && attempt < maxAttempts) continue
    const text = decodeText(bytes, path)
    if (!text.ok) return { kind: 'problem', problem: text.error, changedMs }
    return { kind: 'text', text: text.value, digest: hash('sha256', bytes), signature, changedMs }
  }
}

async function readBytes(file: OpenFile, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes)
  let filled = 0
  while (filled < sizeBytes) {
    // oxlint-disable-next-line no-await-in-loop -- one piece behind the other
    const count = await file.read(bytes, filled)
    if (count === 0) break
    filled += count
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

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** UTF-8, without its byte order mark. */
export function decodeText(bytes: Uint8Array, path: string): Result<string, Problem> {
  try {
    return ok(utf8.decode(bytes))
  } catch {
    // The decoder's own message says only that the data is not valid.
    return err(fileProblem('FILES_NOT_TEXT', path, 'expected text in UTF-8, found other bytes'))
  }
}
