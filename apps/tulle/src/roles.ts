import { errorText, systemClock } from '@tulle/core'
import {
  createLog,
  exitProcess,
  MetricsRegistry,
  parseOptions,
  renderHelp,
  runComponents,
  stopOnSignals,
} from '@tulle/runtime'
import type { Log, LogLevel, OptionTable, OptionValues } from '@tulle/runtime'
import { CommandError, exitCodes } from './exit-codes.ts'
import { controlHeap, ensureHeapSettings, proxyHeap, weighOutsideMemory } from './heap-settings.ts'
import { version } from './version.ts'

/** Verbs that run a part of the mesh until they are stopped. */
export interface Role {
  readonly description: string
  /** Throws CommandError when it is called wrongly. */
  run(argv: readonly string[]): Promise<void>
}

export const roles: ReadonlyMap<string, Role> = new Map([
  ['control', { description: 'run the control plane', run: runControlRole }],
  [
    'node',
    {
      description: 'run a node proxy; with --config FILE, one for a single workload without a control plane',
      run: runNodeRole,
    },
  ],
  [
    'waypoint',
    {
      description: 'run a waypoint of the mesh; with --config FILE, an L7 proxy by itself',
      run: runWaypointRole,
    },
  ],
])

async function runControlRole(argv: readonly string[]): Promise<void> {
  ensureHeapSettings(controlHeap)
  const { controlOptions, controlRole } = await import('@tulle/control')
  weighOutsideMemory()
  const options = readOptions('control', controlOptions, argv)
  if (options === undefined) return
  const log = roleLog('control', options.logLevel)
  using signals = stopOnSignals(log)
  const control = controlRole(options, {
    clock: systemClock,
    log,
    metrics: new MetricsRegistry(),
    version: version(),
  })
  await runComponents([control], { log, stop: signals.signal, drainDeadlineMs: options.drainDeadline })
  process.exit(exitCodes.ok)
}

async function runNodeRole(argv: readonly string[]): Promise<void> {
  ensureHeapSettings(proxyHeap)
  const { nodeOptions, runNode, runStandalone, standaloneOptions } = await import('@tulle/node')
  if (isAlone(argv)) {
    const options = readOptions('node --config FILE', standaloneOptions, argv)
    if (options !== undefined) await runUntilStopped(options.logLevel, (deps) => runStandalone(options, deps))
    return
  }
  const options = readOptions('node', nodeOptions, argv)
  if (options !== undefined) await runUntilStopped(options.logLevel, (deps) => runNode(options, deps))
}

/** What a file says, and no control plane. */
function isAlone(argv: readonly string[]): boolean {
  return argv.some((argument) => argument === '--config' || argument.startsWith('--config='))
}

async function runWaypointRole(argv: readonly string[]): Promise<void> {
  const { meshWaypointOptions, runMeshWaypoint, runWaypoint, waypointOptions } =
    await import('@tulle/waypoint')
  if (isAlone(argv)) {
    const options = readOptions('waypoint --config FILE', waypointOptions, argv)
    if (options !== undefined)
      await runUntilStopped(options.logLevel, (deps) => runWaypoint(options, deps), 'waypoint')
    return
  }
  const options = readOptions('waypoint', meshWaypointOptions, argv)
  if (options !== undefined)
    await runUntilStopped(options.logLevel, (deps) => runMeshWaypoint(options, deps), 'waypoint')
}

interface NodeDeps {
  readonly clock: typeof systemClock
  readonly log: Log
  readonly version: string
  readonly stop: AbortSignal
  readonly requestStop: (reason: string) => void
  readonly fail: (error: unknown) => void
}

async function runUntilStopped(
  level: LogLevel,
  run: (deps: NodeDeps) => Promise<void>,
  name: string = 'node',
): Promise<void> {
  const log = roleLog(name, level)
  using signals = stopOnSignals(log)
  // Threads and sockets that are still open would keep a process that has failed.
  const fail = (error: unknown): void => {
    console.error(`tulle: ${errorText(error)}`)
    exitProcess(exitCodes.failed)
  }
  await run({
    clock: systemClock,
    log,
    version: version(),
    stop: signals.signal,
    requestStop: (reason) => signals.stop(reason),
    fail,
  }).then(() => exitProcess(exitCodes.ok), fail)
}

/** undefined when help was asked for, and printed. */
function readOptions<const T extends OptionTable>(
  name: string,
  table: T,
  argv: readonly string[],
): OptionValues<T> | undefined {
  if (argv.includes('--help') || argv.includes('-h')) {
    console.log(
      `Usage: tulle ${name} [options]\n\nEach option is also a variable: --drain-deadline is TULLE_DRAIN_DEADLINE.\n\n${renderHelp(table)}`,
    )
    return undefined
  }
  const parsed = parseOptions(table, { argv, env: process.env })
  if (parsed.ok) return parsed.value
  throw new CommandError(exitCodes.usage, parsed.error.join('\ntulle: '))
}

function roleLog(role: string, level: LogLevel): Log {
  return createLog({
    level,
    clock: systemClock,
    write: (line) => void process.stderr.write(`${line}\n`),
  }).child({ role })
}
