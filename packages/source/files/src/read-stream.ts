import type { Problem } from '@tulle/api'
import { err } from '@tulle/core'
import type { Result } from '@tulle/core'
import { unreadable } from './list-folder.ts'
import { decodeText, tooLarge } from './read-text.ts'

export interface StreamOptions {
  readonly maxBytes: number
  /** Ends the reading; what came until then is the text. */
  readonly signal: AbortSignal
}

/** What a pipe gives until it ends, as one file of the name `path`. */
export async function readStream(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  { maxBytes, signal }: StreamOptions,
): Promise<Result<string, Problem>> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  // Whoever holds the other end may neither write nor close it.
  const ended = Promise.withResolvers<'ended'>()
  const onAbort = (): void => ended.resolve('ended')
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const next = await Promise.race([iterator.next(), ended.promise])
      if (next === 'ended' || next.done === true) break
      sizeBytes += next.value.length
      if (sizeBytes > maxBytes) {
        void iterator.return?.()
        return err(tooLarge(path, maxBytes))
      }
      parts.push(next.value)
    }
  } catch (error) {
    return err(unreadable(path, error))
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  return decodeText(Buffer.concat(parts), path)
}
