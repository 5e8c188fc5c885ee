import { Option } from 'commander'
import type { Command } from 'commander'
import { outputFormats } from '../output/format.ts'
import type { OutputFormat } from '../output/format.ts'
import { createStyle, wantsColor } from '../output/style.ts'
import { defaultStateFolder, stateFolder } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'

interface IdentityFlags {
  readonly state: string
  readonly output: OutputFormat
}

/** Whom the mesh believes: revoking, taking that back, and another root. */
export function registerIdentity(program: Command): void {
  registerRevoke(program, 'revoke', 'stop believing identities or certificates, at once and on every node')
  registerRevoke(program, 'reinstate', 'take "tulle revoke" back')
  common(
    program.command('rotate-root').description('replace the root that signs, without a failed connection'),
  )
    .option('--status', 'only tell how things stand', false)
    .option('--no-wait', 'return when it has begun')
    .action(async (flags: IdentityFlags & { readonly status: boolean; readonly wait: boolean }) => {
      const { rotateRoot } = await import('./rotate-root.ts')
      await rotateRoot({ ...readCommon(flags), status: flags.status, wait: flags.wait })
    })
}

function registerRevoke(program: Command, verb: 'revoke' | 'reinstate', description: string): void {
  common(program.command(verb).description(description))
    .argument('<entries...>', 'SPIFFE ids, serial numbers of certificates')
    .action(async (entries: string[], flags: IdentityFlags) => {
      const { revoke } = await import('./revoke.ts')
      const style = createStyle(wantsColor(process.stdout, process.env))
      await revoke({ ...readCommon(flags), verb, entries, style })
    })
}

function common(command: Command): Command {
  return command
    .option('--state <dir>', 'state folder of the mesh', defaultStateFolder)
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(outputFormats).default('table'))
}

function readCommon(flags: IdentityFlags): {
  readonly state: StateFolder
  readonly output: OutputFormat
  readonly print: (text: string) => void
} {
  return { state: stateFolder(flags.state), output: flags.output, print: (text) => console.log(text) }
}
