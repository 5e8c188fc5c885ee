import { Argument } from 'commander'
import type { Command, Option } from 'commander'
import { commandWords } from './completion-words.ts'
import type { CommandWords } from './completion-words.ts'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

/** `tulle completion SHELL`: what the shell needs to complete this command, made from its tree. */
export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('print what a shell needs to complete tulle: source <(tulle completion bash)')
    .addArgument(new Argument('<shell>', 'which one').choices(shells))
    .action(async (shell: Shell) => {
      const { roleFlags } = await import('./role-flags.ts')
      console.log(completionScript(shell, treeOf(program, roleFlags())))
    })
}

/** The commands below one, as completion needs them. `roleFlags` are those that commander does not know. */
export function treeOf(
  program: Command,
  roleFlags: ReadonlyMap<string, readonly string[]>,
): readonly CommandWords[] {
  const below = (command: Command, path: string): readonly CommandWords[] => {
    const commands = command.commands.map((child) => ({ name: child.name(), about: child.description() }))
    const own = {
      path,
      commands: [...commands, ...(path === 'tulle' ? [{ name: 'help', about: 'how to use a command' }] : [])],
      arguments: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      options: [...command.options.map(optionOf), ...flagOptions(roleFlags.get(command.name()) ?? []), help],
    }
    return [own, ...command.commands.flatMap((child) => below(child, `${path} ${child.name()}`))]
  }
  return below(program, 'tulle')
}

const help = { flags: ['--help'], about: 'how to use it', takesValue: false, choices: [] }

function optionOf({
  long,
  short,
  description,
  argChoices,
  required,
  optional,
}: Option): CommandWords['options'][number] {
  const flags = [
    ...(short === undefined ? [] : [short]),
    ...(long === undefined || long === null ? [] : [long]),
  ]
  return { flags, about: description, takesValue: required || optional, choices: argChoices ?? [] }
}

function flagOptions(flags: readonly string[]): CommandWords['options'] {
  return flags.map((flag) => ({ flags: [flag], about: '', takesValue: true, choices: [] }))
}

function completionScript(shell: Shell, tree: readonly CommandWords[]): string {
  return commandWords[shell](tree)
}
