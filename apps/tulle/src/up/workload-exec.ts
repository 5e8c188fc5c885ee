import type { Readable } from 'node:stream'
import type { Clock } from '@tulle/core'
import { launchWorkload } from './workload-process.ts'
import type { LaunchSurroundings } from './workload-process.ts'
import type { RunningWorkload } from './workloads.ts'

export interface ExecResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface ExecRequest {
  readonly running: RunningWorkload
  readonly command: readonly string[]
  readonly hostsFile: string
  readonly timeoutMs: number
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

export interface ExecDeps {
  readonly surroundings: LaunchSurroundings
  readonly clock: Clock
}

const maxOutputBytes = 1024 * 1024

/** Runs a command where the workload runs, with its identity, files and rights, for a bounded time. */
export async function execInWorkload(
  request: ExecRequest,
  { surroundings, clock }: ExecDeps,
): Promise<ExecResult> {
  const { running, command, hostsFile } = request
  const launch = { ...running.launch, run: { ...running.launch.run, command } }
  const child = launchWorkload(
    launch,
    { network: running.network, hostsFile, slot: running.slot },
    surroundings,
  )
  const kill = (): void => void child.kill('SIGKILL')
  using _timer = clock.after(request.timeoutMs, kill)
  request.signal.addEventListener('abort', kill, { once: true })
  const exit = new Promise<number>((resolve) => {
    child.on('error', () => resolve(126))
    child.on('exit', (code) => resolve(code ?? 137))
  })
  const [exitCode, stdout, stderr] = await Promise.all([exit, readAll(child.stdout), readAll(child.stderr)])
  request.signal.removeEventListener('abort', kill)
  return { exitCode, stdout, stderr }
}

async function readAll(stream: Readable | null): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream ?? []) {
    bytes += (chunk as Buffer).length
    if (bytes <= maxOutputBytes) chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}
