import { createReadStream } from 'node:fs'
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errorCode, MeshError } from '@tulle/core'
import { isManifestName } from './file-names.ts'
import { identityOf, listFolder, signatureOf, unreadable } from './list-folder.ts'
import type { Listing, ListOptions } from './list-folder.ts'

/** Where manifests come from: something to look at again and again, or a pipe that is read once. */
export type ManifestOrigin =
  | {
      readonly kind: 'files'
      list(options: ListOptions): Promise<Listing>
      /** Whether a file of this name, in a folder that was listed, is one of the manifests. */
      isRead(name: string): boolean
    }
  | { readonly kind: 'stream'; readonly name: string; open(): AsyncIterable<Uint8Array> }

/** A folder, a file, a pipe, or `-` for standard input. */
export async function manifestOrigin(
  given: string,
  stdin: AsyncIterable<Uint8Array>,
): Promise<ManifestOrigin> {
  if (given === '-') return { kind: 'stream', name: '<stdin>', open: () => stdin }
  const path = join(given)
  const stats = await statGiven(path)
  if (stats.isDirectory()) {
    return { kind: 'files', list: (options) => listFolder(path, options), isRead: isManifestName }
  }
  if (!stats.isFile()) return { kind: 'stream', name: path, open: () => createReadStream(path) }
  const name = basename(path)
  return { kind: 'files', list: (options) => listFile(path, options), isRead: (other) => other === name }
}

async function statGiven(path: string): Promise<Stats> {
  try {
    return await stat(path)
  } catch (cause) {
    const message =
      errorCode(cause) === 'ENOENT'
        ? `expected a folder or file of manifests, found nothing at ${path}`
        : `expected a folder or file of manifests, but ${path} can't be looked at`
    throw new MeshError('FILES_NOT_FOUND', message, { cause })
  }
}

/** One file as a folder of its own: it is watched through its folder, because a save may replace it. */
async function listFile(path: string, { onFolder }: ListOptions): Promise<Listing> {
  try {
    const folder = dirname(path)
    onFolder(folder, identityOf(await stat(folder, { bigint: true })))
    const signature = signatureOf(await stat(path, { bigint: true }))
    return { files: [{ path, signature }], unknown: [], problems: [] }
  } catch (error) {
    const problem = unreadable(path, error)
    return { files: [{ path, signature: problem.message, problem }], unknown: [], problems: [] }
  }
}
