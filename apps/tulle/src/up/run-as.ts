import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Whom a workload's process runs as. */
export interface RunAs {
  readonly uid: number
  readonly gid: number
}

/** Above the accounts of usual systems and below those of containers: nobody else's files are this user's. */
const firstOwnUid = 61_000

export interface RunAsQuestion {
  readonly env: NodeJS.ProcessEnv
  /** What the process must be able to reach: its working directory, its interpreter. */
  readonly paths: readonly string[]
  /** A small number that no other workload has. */
  readonly slot: number
}

/**
 * As root: the user that called `sudo`, else a user of the workload's own where what it needs is open to everybody,
 * else root itself (without capabilities, as all are). undefined keeps the user as it is.
 */
export function chooseRunAs({ env, paths, slot }: RunAsQuestion): RunAs | undefined {
  const sudoUid = Number(env['SUDO_UID'] ?? 0)
  if (sudoUid > 0) return { uid: sudoUid, gid: Number(env['SUDO_GID'] ?? sudoUid) }
  if (!paths.every(openToEverybody)) return undefined
  const uid = firstOwnUid + slot
  return { uid, gid: uid }
}

/** Whether anybody may walk to the path: every folder on the way lets others in, and others may read the end. */
export function openToEverybody(path: string): boolean {
  const end = statSync(resolve(path), { throwIfNoEntry: false })
  if (end === undefined || (end.mode & 0o004) === 0) return false
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false
    if (folder === '/') return true
  }
}
