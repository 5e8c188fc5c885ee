import { lstatSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Read by Node itself, in workers and child processes too. */
export const compileCacheVariable = 'NODE_COMPILE_CACHE'

/**
 * Keeps compiled code, and sources whose types were stripped, for the next start of the same files: a process of the
 * mesh then starts in half the time. Where the user has set a folder, or nothing suits, it changes nothing.
 */
export function useCompileCache(): void {
  if (process.env[compileCacheVariable] !== undefined) return
  const folder = compileCacheFolder(import.meta.dirname)
  if (folder === undefined) return
  enableCompileCache(folder)
  process.env[compileCacheVariable] = folder
}

/**
 * Code in the cache is run without being looked at, so only its owner may be able to write there: beside the code
 * where the code is ours, otherwise a folder for this user alone in the system's temporary one.
 */
export function compileCacheFolder(from: string): string | undefined {
  const modules = nearestModules(from)
  if (modules !== undefined) {
    const cache = join(modules, '.cache')
    if (ensureOwn(cache)) return join(cache, 'tulle')
  }
  const own = join(tmpdir(), `tulle-compile-cache-${process.getuid?.() ?? 'own'}`)
  return ensureOwn(own) ? own : undefined
}

/** The `node_modules` that `from` is in, or that lies beside a folder above it. */
function nearestModules(from: string): string | undefined {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const modules = join(folder, 'node_modules')
    if (isOwn(modules)) return modules
  }
  return undefined
}

function ensureOwn(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch {
    // A read-only disk, or somebody else's: there is no cache then.
    return false
  }
  return isOwn(folder)
}

/** A real folder that this user owns and nobody else may write to. */
function isOwn(folder: string): boolean {
  const facts = lstatSync(folder, { throwIfNoEntry: false })
  return (
    facts !== undefined &&
    facts.isDirectory() &&
    facts.uid === process.getuid?.() &&
    (facts.mode & 0o022) === 0
  )
}
