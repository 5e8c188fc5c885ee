import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { systemClock } from '@tulle/core'
import { createStyle, wantsColor } from '../output/style.ts'
import type { Style } from '../output/style.ts'
import { defaultStateFolder, stateFolder } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'

interface LiveFlags {
  readonly state: string
  readonly output: 'table' | 'json'
}

interface TapFlags extends LiveFlags {
  readonly from?: string
  readonly to?: string
  readonly method?: string
  readonly path?: string
  readonly status?: string
  readonly verdict?: 'allowed' | 'refused' | 'unread' | 'failed'
  readonly maxPerSecond: number
  readonly count: number
}

interface TopFlags extends LiveFlags {
  readonly window: number
  readonly once: boolean
}

/** Commands that show requests as they come. */
export function registerLive(program: Command): void {
  live(program.command('tap').description('show requests as waypoints answer them, a line each'))
    .option('--from <who>', 'only of this client: NAMESPACE/ACCOUNT, SPIFFE id or address')
    .option('--to <whom>', 'only to this service: NAMESPACE/NAME, host name or IP:PORT of the endpoint')
    .option('--method <method>', 'only of this method')
    .option('--path <prefix>', 'only under this path')
    .option('--status <status>', 'only of this status: 503, 5xx')
    .addOption(
      new Option('--verdict <verdict>', 'only of this verdict').choices([
        'allowed',
        'refused',
        'unread',
        'failed',
      ]),
    )
    .option(
      '--max-per-second <n>',
      'at most so many of each waypoint; the rest is counted',
      wholeUpTo(1000),
      100,
    )
    .option('--count <n>', 'end after so many', wholeUpTo(1_000_000_000), 0)
    .action(async ({ state, output, maxPerSecond, count, ...filter }: TapFlags) => {
      const { tap } = await import('./tap.ts')
      await tap({ ...readLive({ state, output }), filter, maxPerSecond, count })
    })
  live(program.command('top').description('show who calls whom, how often, how well and how fast'))
    .option('--window <seconds>', 'over the last so many seconds', wholeUpTo(300), 5)
    .option('--once', 'once, when the window is full', false)
    .action(async ({ state, output, window, once }: TopFlags) => {
      const { top } = await import('./top.ts')
      const { stdout } = process
      const isScreen = stdout.isTTY && !once
      await top({
        ...readLive({ state, output }),
        windowMs: window * 1000,
        once,
        screenRows: isScreen ? stdout.rows : undefined,
      })
    })
}

function live(command: Command): Command {
  return command
    .option('--state <dir>', 'state folder of the mesh', defaultStateFolder)
    .addOption(
      new Option('-o, --output <format>', 'how to print it; json is an object a line')
        .choices(['table', 'json'])
        .default('table'),
    )
}

function readLive({ state, output }: LiveFlags): {
  readonly state: StateFolder
  readonly output: 'table' | 'json'
  readonly style: Style
  readonly clock: typeof systemClock
  readonly out: NodeJS.WriteStream
  readonly onNews: (text: string) => void
  readonly signal: AbortSignal
} {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  process.once('SIGTERM', () => stop.abort())
  return {
    state: stateFolder(state),
    output,
    style: createStyle(wantsColor(process.stdout, process.env)),
    clock: systemClock,
    out: process.stdout,
    onNews: (text) => console.error(`tulle: ${text}`),
    signal: stop.signal,
  }
}

function wholeUpTo(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^[0-9]+$/u.test(text) && value >= 1 && value <= max) return value
    throw new InvalidArgumentError(`expected a whole number of 1–${max}`)
  }
}
