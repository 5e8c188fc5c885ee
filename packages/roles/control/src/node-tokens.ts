import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { mintNodeToken, verifyNodeToken } from '@tulle/ca'
import type { TokenKey } from '@tulle/ca'
import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import { makePrivateFolder } from './state-folder.ts'
import type { NodeFiles, StateFiles } from './state-folder.ts'

export interface NodeTokenFilesOptions {
  readonly key: TokenKey
  readonly nodes: readonly string[]
  readonly ttlMs: number
  readonly files: StateFiles
}

const retryMs = 10_000
/** Of its life must be left of a token that is kept: a quarter is, when the next ones are written. */
const minKeptShare = 0.75

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
  for (const node of options.nodes) {
    if (await isKept(node, options, clock)) continue
    const { key, ttlMs, files } = options
    writeTokenNow(files.node(node), await mintNodeToken(key, { node, ttlMs, clock }))
  }
}

/**
 * Whether the token that is there holds beyond the next renewal, and is as private as one of ours: after a restart a
 * thousand nodes come back with theirs, and wait for the port, not for new ones.
 */
async function isKept(node: string, options: NodeTokenFilesOptions, clock: Clock): Promise<boolean> {
  const { key, ttlMs, files } = options
  const text = readIfPrivate(files.node(node))
  if (text === undefined) return false
  const token = await verifyNodeToken(key, text, clock)
  if (!token.ok || token.value.node !== node) return false
  const leftMs = token.value.expiresAtMs - clock.nowMs()
  // The end of a life is rounded up to a second.
  return leftMs >= ttlMs * minKeptShare && leftMs <= ttlMs + 1000
}

/** Undefined where there is no token, or others could come at it. */
function readIfPrivate({ folder, token }: NodeFiles): string | undefined {
  try {
    const isOpen = [folder, token].some((path) => (statSync(path).mode & 0o077) !== 0)
    return isOpen ? undefined : readFileSync(token, 'utf8')
  } catch {
    return undefined
  }
}

/**
 * Without a way to another thread for each step, of which a thousand nodes have six thousand; others have their turn
 * with each token that is signed.
 */
function writeTokenNow({ folder, token }: NodeFiles, text: string): void {
  makePrivateFolder(folder)
  const draft = `${token}.new`
  writeFileSync(draft, text, { mode: 0o600 })
  renameSync(draft, token)
}

/** Whole or not at all: a reader never sees half of it. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, path)
}
