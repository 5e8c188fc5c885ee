import { spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { constants } from 'node:os'
import { unshareMount, unshareNet, unsharePidsOfChildren } from '@tulle/kernel'
import { unshareArguments } from './mode.ts'
import type { UpMode } from './mode.ts'

export interface OuterOptions {
  readonly mode: UpMode
  /** The arguments of the inner command. */
  readonly args: readonly string[]
  readonly main: string
}

/**
 * Starts the mesh as the first process of namespaces of its own and waits for it, passing signals on. When the
 * inner process ends, for whatever reason, the kernel ends everything below it; when this one is killed, the
 * inner one sees the pipe on its descriptor 3 close, and ends.
 */
export function runOuter({ mode, args, main }: OuterOptions): Promise<number> {
  const node = [process.execPath, ...process.execArgv, main, ...args]
  // In a process group of its own the inner process gets Ctrl-C once, from us, and not from the terminal as well.
  const options: SpawnOptions = { stdio: ['inherit', 'inherit', 'inherit', 'pipe'], detached: true }
  const [command = '', ...rest] = mode === 'user' ? ['unshare', ...unshareArguments, '--', ...node] : node
  if (mode === 'root') {
    unshareNet()
    unshareMount()
    unsharePidsOfChildren()
  }
  return passOn(spawn(command, rest, options))
}

function passOn(child: ChildProcess): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => child.pid !== undefined && signalGroup(child.pid, signal))
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    )
  })
}

/** The whole group: as an ordinary user `unshare` stands between us and the mesh, and passes no signal on. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has just ended; its exit is on its way to us.
  }
}
