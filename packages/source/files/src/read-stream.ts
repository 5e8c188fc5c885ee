import type { Problem } from '@tulle/api'
import { err } from '@tulle/core'
import type { Result } from '@tulle/core'
import { unreadable } from './list-folder.ts'
import { decodeText, tooLarge } from './read-text.ts'

/** What a pipe gives until it ends, as one file of the name `path`. */
export async function readStream(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  maxBytes: number,
): Promise<Result<string, Problem>> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  try {
    for await (const chunk of chunks) {
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) return err(tooLarge(path, maxBytes))
      parts.push(chunk)
    }
  } catch (error) {
    return err(unreadable(path, error))
  }
  return decodeText(Buffer.concat(parts), path)
}
