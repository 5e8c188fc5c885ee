import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Option } from 'commander'
import type { Command } from 'commander'
import { systemClock } from '@tulle/core'
import { adminClient } from '../admin-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { createStyle, wantsColor } from '../output/style.ts'
import { defaultStateFolder, stateFolder } from '../state-folder.ts'
import type { ChosenMode, UpMode, WantedMode } from '../up/mode.ts'

interface UpFlags {
  readonly file: string
  readonly state: string
  readonly mode: WantedMode
  readonly workers: string
  readonly waypointWorkers: string
  readonly certificateLifetime: string
  readonly handoverDrain: string
  readonly subscribe: string
}

/** Set for the inner process, which runs inside the namespaces that the outer one made. */
const innerVariable = 'TULLE_UP_INNER'

export function registerUp(program: Command): void {
  program
    .command('up')
    .description('run a mesh on this machine from a folder of manifests')
    .requiredOption('-f, --file <path>', 'folder, file, or - for standard input')
    .option('--state <dir>', 'where keys, addresses, sockets and logs are kept', defaultStateFolder)
    .addOption(
      new Option('--mode <how>', 'how traffic is captured; loopback cannot, and only advises')
        .choices(['auto', 'namespaces', 'loopback'] satisfies WantedMode[])
        .default('auto'),
    )
    .option('--workers <n>', "threads of each node's data path", '2')
    .option('--waypoint-workers <n>', "threads of each waypoint's data path", '1')
    .option(
      '--handover-drain <time>',
      'how long connections stay open in a node proxy that was upgraded',
      '30s',
    )
    .addOption(
      new Option(
        '--subscribe <which>',
        'what node proxies are told of: everything, or what they need when they do',
      )
        .choices(['wildcard', 'on-demand'])
        .default('wildcard'),
    )
    .option('--certificate-lifetime <time>', 'how long a workload certificate holds', '24h')
    .action(async (flags: UpFlags) => {
      const inner = process.env[innerVariable]
      if (inner === undefined) process.exitCode = await outer(flags)
      else await innerUp(parseChoice(inner), flags)
    })
}

async function outer(flags: UpFlags): Promise<number> {
  const { chooseMode, thisMachine } = await import('../up/mode.ts')
  const { runOuter } = await import('../up/outer.ts')
  if (flags.file !== '-' && !existsSync(flags.file)) {
    throw new CommandError(
      exitCodes.usage,
      `expected a folder or a file with manifests, found nothing at ${flags.file}`,
    )
  }
  await refuseSecond(flags.state)
  const chosen = chooseMode(thisMachine, flags.mode)
  process.env[innerVariable] = `${chosen.mode} ${chosen.why}`
  return runOuter({ mode: chosen.mode, args: process.argv.slice(2), main: mainFile() })
}

/** As the outer process wrote it. */
function parseChoice(text: string): ChosenMode {
  const [name = '', ...why] = text.split(' ')
  const mode: UpMode = name === 'root' || name === 'loopback' ? name : 'user'
  return { mode, why: why.join(' ') }
}

async function refuseSecond(state: string): Promise<void> {
  const folder = stateFolder(state)
  if (!existsSync(folder.upSocket)) return
  const running = await adminClient(folder.upSocket)
    .get('/v1/up')
    .then(() => true)
    .catch(() => false)
  if (running)
    throw new CommandError(
      exitCodes.usage,
      `a mesh runs with this state folder already: ${folder.root}; stop it, or give this one another with --state`,
    )
}

async function innerUp(chosen: ChosenMode, flags: UpFlags): Promise<void> {
  const { createConsole } = await import('../up/console.ts')
  const { runInner, whenParentIsGone } = await import('../up/inner.ts')
  const { silentLog, stopOnSignals } = await import('@tulle/runtime')
  delete process.env[innerVariable]
  using signals = stopOnSignals(silentLog)
  whenParentIsGone(() => process.exit(exitCodes.failed))
  const console = createConsole({
    style: createStyle(wantsColor(process.stdout, process.env)),
    clock: systemClock,
    write: (text) => void process.stdout.write(text),
  })
  await runInner(
    {
      chosen,
      manifests: flags.file,
      state: stateFolder(flags.state),
      main: mainFile(),
      controlArgs: ['--certificate-ttl', flags.certificateLifetime],
      nodeArgs: [
        '--workers',
        flags.workers,
        '--handover-drain',
        flags.handoverDrain,
        '--subscribe',
        flags.subscribe,
      ],
      waypointArgs: ['--workers', flags.waypointWorkers],
    },
    { console, clock: systemClock, stop: signals.signal },
  )
  process.exit(exitCodes.ok)
}

function mainFile(): string {
  return fileURLToPath(new URL('../main.ts', import.meta.url))
}
