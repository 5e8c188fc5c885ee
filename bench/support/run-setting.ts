import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountTmpfs, unshareMount } from '@tulle/kernel'
import type { Children } from './children.ts'

/** Proxies share one core; load and backend share another. A container need not have the first ones of its machine. */
const [firstCore = 0, secondCore = 1] = allowedCores()
export const proxyCore: number = firstCore
export const loadCore: number = secondCore

export function expectTwoCores(): void {
  if (availableParallelism() < 2)
    throw new Error('expected two cores, one for the proxies and one for the load')
}

/** @see proc_pid_status(5): such as `0-3,8`. */
function allowedCores(): readonly number[] {
  const list = /^Cpus_allowed_list:\s+(?<list>\S+)$/mu.exec(readFileSync('/proc/self/status', 'latin1'))
  return (list?.groups?.['list'] ?? '0-1').split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

/** Keys and logs are in a tmpfs of this process's own mount namespace, so they end with it. */
export function privateFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'tulle-bench-'))
  // Where mounts are private, the empty folder below is all that others ever see.
  unshareMount()
  mountTmpfs({ target: path, maxBytes: 1024 * 1024 * 1024, mode: 0o700 })
  return {
    path,
    [Symbol.dispose]: () => {
      spawnSync('umount', ['--lazy', path])
      rmdirSync(path)
    },
  }
}

/** For what is no secret, on the disk that files of users are on. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'tulle-bench-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

export function endOnSignals(children: Children): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      // What waits for a child fails now, and everything unwinds.
      process.exitCode = 130
      void children[Symbol.asyncDispose]()
    })
  }
}
