import { rename, writeFile } from 'node:fs/promises'
import { mintNodeToken } from '@tulle/ca'
import type { TokenKey } from '@tulle/ca'
import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import { makePrivateFolder } from './state-folder.ts'
import type { StateFiles } from './state-folder.ts'

export interface NodeTokenFilesOptions {
  readonly key: TokenKey
  readonly nodes: readonly string[]
  readonly ttlMs: number
  readonly files: StateFiles
}

const retryMs = 10_000

/**
 * Keeps a valid token for each node in its folder, where only we (and the node proxies that we start) can read
 * it; renewed at half its life. A failure is logged and tried again: the token that is there holds meanwhile.
 * Rejects when the first ones can't be written.
 */
export async function keepNodeTokens(
  options: NodeTokenFilesOptions,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Disposable> {
  const { clock, log } = deps
  let timer: Disposable | undefined
  let ended = false
  const renewIn = (ms: number): void => {
    if (ended) return
    timer = clock.after(ms, () => {
      writeTokens(options, clock).then(
        () => renewIn(options.ttlMs / 2),
        (error: unknown) => {
          log.error('node tokens were not renewed', { error: errorText(error) })
          renewIn(retryMs)
        },
      )
    })
  }
  await writeTokens(options, clock)
  renewIn(options.ttlMs / 2)
  return {
    [Symbol.dispose]: () => {
      ended = true
      timer?.[Symbol.dispose]()
    },
  }
}

async function writeTokens(options: NodeTokenFilesOptions, clock: Clock): Promise<void> {
  const { key, nodes, ttlMs, files } = options
  for (const node of nodes) {
    const { folder, token } = files.node(node)
    await makePrivateFolder(folder)
    await writePrivateFile(token, await mintNodeToken(key, { node, ttlMs, clock }))
  }
}

/** Whole or not at all: a reader never sees half of it. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, path)
}
