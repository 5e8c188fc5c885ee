import type { ExecResult } from '../up/workload-exec.ts'
import { adminClient } from '../admin-client.ts'
import { CommandError } from '../exit-codes.ts'
import type { ExitCode } from '../exit-codes.ts'
import { requireRunning } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'

export interface ExecOptions {
  readonly state: StateFolder
  readonly workload: string
  readonly command: readonly string[]
}

/** `tulle exec WORKLOAD -- COMMAND`: runs it where the workload runs, as the workload, and ends as it ended. */
export async function exec({ state, workload, command }: ExecOptions): Promise<void> {
  requireRunning(state)
  const query = new URLSearchParams([['workload', workload], ...command.map((argument) => ['arg', argument])])
  const result = await adminClient(state.upSocket).post<ExecResult>(`/v1/exec?${query.toString()}`)
  process.stdout.write(result.stdout)
  process.stderr.write(result.stderr)
  // The command's own code is the answer, whatever it means.
  if (result.exitCode !== 0) throw new CommandError(result.exitCode as ExitCode, '')
}
