import { spawnSync } from 'node:child_process'
import { CommandError, exitCodes } from '../exit-codes.ts'

/**
 * How this machine lets us have a mesh: in namespaces, as root directly or as an ordinary user through util-linux
 * `unshare`; or on addresses of loopback, where nothing is captured.
 */
export type UpMode = 'root' | 'user' | 'loopback'

export type WantedMode = 'auto' | 'namespaces' | 'loopback'

export interface ChosenMode {
  readonly mode: UpMode
  /** Why there are no namespaces. */
  readonly why: string
}

/** The first line of the output: how traffic is captured, and what that leaves open. */
export function modeHeadline({ mode, why }: ChosenMode): string {
  switch (mode) {
    case 'root':
      return 'namespaces, as root: the real data path; workloads have no rights'
    case 'user':
      return 'namespaces, as a user: workloads are not isolated from the proxy'
    case 'loopback':
      return `loopback (${why}): refusals are advisory, any local process can go around the mesh`
  }
}

/** What the ordinary user's `unshare` must be able to do; `tulle up` itself is started the same way. */
export const unshareArguments: readonly string[] = ['-U', '-r', '-n', '-m', '-p', '-f', '--kill-child']

export interface Machine {
  readonly platform: NodeJS.Platform
  readonly uid: number
  /** Runs `unshare … true`: its exit code, or undefined where there is no such program. */
  tryUnshare(): { readonly code: number; readonly stderr: string } | undefined
}

export const thisMachine: Machine = {
  platform: process.platform,
  uid: process.getuid?.() ?? -1,
  tryUnshare: () => {
    const run = spawnSync('unshare', [...unshareArguments, 'true'], { encoding: 'utf8' })
    return run.error === undefined ? { code: run.status ?? 1, stderr: run.stderr.trim() } : undefined
  },
}

/** Throws a CommandError where the machine does not allow what is wanted; `auto` takes loopback before that. */
export function chooseMode(machine: Machine, wanted: WantedMode): ChosenMode {
  if (machine.platform !== 'linux') {
    throw new CommandError(
      exitCodes.failed,
      `tulle up needs Linux (for network namespaces, or addresses of loopback), found ${machine.platform}`,
    )
  }
  if (wanted === 'loopback') return { mode: 'loopback', why: 'asked for' }
  if (machine.uid === 0) return { mode: 'root', why: '' }
  const run = machine.tryUnshare()
  if (run?.code === 0) return { mode: 'user', why: '' }
  if (wanted === 'auto') {
    const why = run === undefined ? 'there is no program "unshare"' : 'this machine refuses user namespaces'
    return { mode: 'loopback', why }
  }
  if (run === undefined) {
    throw new CommandError(
      exitCodes.failed,
      'as an ordinary user this needs the program "unshare" (util-linux), found none; install it, or run as root',
    )
  }
  throw new CommandError(
    exitCodes.failed,
    `as an ordinary user this needs user namespaces, and this machine refused one (${run.stderr || `exit code ${run.code}`}); ` +
      'allow them (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0, and AppArmor or the container permitting), or run as root',
  )
}
