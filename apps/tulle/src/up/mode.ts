import { spawnSync } from 'node:child_process'
import { CommandError, exitCodes } from '../exit-codes.ts'

/** How this machine lets us have namespaces: as root directly, as an ordinary user through util-linux `unshare`. */
export type UpMode = 'root' | 'user'

/** The first line of the output: how traffic is captured, and what that leaves open. */
export const modeHeadlines: Readonly<Record<UpMode, string>> = {
  root: 'namespaces, as root: the real data path; workloads have no rights',
  user: 'namespaces, as a user: workloads are not isolated from the proxy',
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

export function chooseMode(machine: Machine): UpMode {
  if (machine.platform !== 'linux') {
    throw new CommandError(
      exitCodes.failed,
      `tulle up needs Linux (it gives every workload a network namespace), found ${machine.platform}`,
    )
  }
  if (machine.uid === 0) return 'root'
  const run = machine.tryUnshare()
  if (run === undefined) {
    throw new CommandError(
      exitCodes.failed,
      'as an ordinary user tulle up needs the program "unshare" (util-linux), found none; install it, or run as root',
    )
  }
  if (run.code !== 0) {
    throw new CommandError(
      exitCodes.failed,
      `as an ordinary user tulle up needs user namespaces, and this machine refused one (${run.stderr || `exit code ${run.code}`}); ` +
        'allow them (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0, and AppArmor or the container permitting), or run as root',
    )
  }
  return 'user'
}
