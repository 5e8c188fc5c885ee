/** The `tulle` command. Each verb loads what it needs when it is called, so that `--help` is quick. */
import { Command, CommanderError } from 'commander'
import { registerBench } from './commands/bench.ts'
import { registerCompletion } from './commands/completion.ts'
import { registerDemo } from './commands/demo.ts'
import { registerIdentity } from './commands/identity.ts'
import { registerInspection } from './commands/inspection.ts'
import { registerLive } from './commands/live.ts'
import { registerRoles } from './commands/roles.ts'
import { registerUp } from './commands/up.ts'
import { registerUpgrade } from './commands/upgrade.ts'
import { exitCodes } from './exit-codes.ts'
import { reportFailure } from './report-failure.ts'
import { version } from './version.ts'

const exitCodeHelp = `
Exit codes:
  0  done; the answer is yes
  1  the answer is no: rejected, refused, not applied in time
  2  called wrongly
  3  no mesh is running there
  4  the mesh or the machine failed`

function createProgram(): Command {
  const program = new Command('tulle')
    .description('A service mesh without sidecars')
    .version(version(), '-v, --version')
    .showHelpAfterError('(tulle COMMAND --help tells more)')
    .showSuggestionAfterError()
    .addHelpText('after', exitCodeHelp)
    .exitOverride()
  registerUp(program)
  registerUpgrade(program)
  registerDemo(program)
  registerInspection(program)
  registerLive(program)
  registerBench(program)
  registerIdentity(program)
  registerRoles(program)
  registerCompletion(program)
  return program
}

/** Runs the command of this process's arguments; sets its exit code. */
export async function runProgram(): Promise<void> {
  try {
    await createProgram().parseAsync(process.argv)
  } catch (error) {
    process.exitCode = exitCodeOf(error)
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  return reportFailure(error)
}
