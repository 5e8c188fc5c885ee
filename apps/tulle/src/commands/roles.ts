import type { Command } from 'commander'
import { roles } from '../roles.ts'

/** The roles take their options from one table each, as flags or TULLE_ variables, so commander only hands them on. */
export function registerRoles(program: Command): void {
  for (const [name, { description, run }] of roles) {
    program
      .command(name)
      .description(description)
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .action(async (_flags: unknown, command: Command) => run(command.args))
  }
}
