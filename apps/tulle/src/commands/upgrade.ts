import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { adminClient } from '../admin-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { formatDuration } from '../output/format.ts'
import { createStyle, wantsColor } from '../output/style.ts'
import type { Style } from '../output/style.ts'
import { defaultStateFolder, requireRunning, stateFolder } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import type { UpgradeEvent } from '../up/upgrade-node.ts'

interface UpgradeFlags {
  readonly state: string
  readonly program?: string
  readonly workers?: number
}

export function registerUpgrade(program: Command): void {
  program
    .command('upgrade')
    .description(
      'replace node proxies by new processes, which take over their listening sockets: no connection is refused',
    )
    .argument('[nodes...]', 'nodes, one after the other; all of them when absent')
    .option('--state <dir>', 'state folder of the mesh', defaultStateFolder)
    .option('--program <file>', 'the main file of the tulle to run; the one that is installed when absent')
    .option('--workers <n>', "threads of the new proxies' data path; as many as before when absent", workers)
    .action(async (nodes: string[], flags: UpgradeFlags) => {
      const style = createStyle(wantsColor(process.stdout, process.env))
      await upgrade({ ...flags, nodes, state: stateFolder(flags.state), style, print: console.log })
    })
}

interface UpgradeCommand extends Omit<UpgradeFlags, 'state'> {
  readonly nodes: readonly string[]
  readonly state: StateFolder
  readonly style: Style
  readonly print: (text: string) => void
}

/** `tulle upgrade`: says how it goes; exit code 1 when a node stayed with the process that it had. */
async function upgrade({
  nodes,
  state,
  program,
  workers: count,
  style,
  print,
}: UpgradeCommand): Promise<void> {
  requireRunning(state)
  const query = new URLSearchParams(nodes.map((node) => ['node', node]))
  if (program !== undefined) query.set('program', resolve(program))
  if (count !== undefined) query.set('workers', String(count))
  for await (const event of adminClient(state.upSocket).follow<UpgradeEvent>(
    `/v1/upgrade?${query.toString()}`,
  )) {
    print(describe(event, style))
    if (event.kind === 'failed') throw new CommandError(exitCodes.no, '')
  }
}

export function describe(event: UpgradeEvent, style: Style): string {
  const { node } = event
  switch (event.kind) {
    case 'started':
      return `${node}: a new process starts beside the one that runs`
    case 'took-over': {
      const { workloads, sockets, connections, deadlineMs, tookMs, version } = event
      return `${node}: ${style.good('taken over')} by tulle ${version} after ${formatDuration(tookMs)}: ${sockets} listening sockets of ${workloads} workloads; ${connections} open connections may finish within ${formatDuration(deadlineMs)}`
    }
    case 'drained': {
      const { connections, cut, afterMs } = event
      const outcome =
        cut === undefined
          ? style.warn('the process before ended without draining')
          : `the process before has ended: of its ${connections} connections ${cut} were cut at the deadline`
      return `${node}: ${outcome} (${formatDuration(afterMs)})`
    }
    case 'failed':
      return `${node}: ${style.bad('not upgraded')}, the process that ran goes on: ${event.why}`
  }
}

function workers(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 64)
    throw new InvalidArgumentError('expected a number of 1–64')
  return value
}
