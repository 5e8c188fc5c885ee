import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemRng } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { inNetns } from '@tulle/kernel'
import type { NetnsFd } from '@tulle/kernel'
import { heapArguments, heapEnvironment } from '../heap-settings.ts'
import type { HeapSettings } from '../heap-settings.ts'
import type { LaunchPlan } from '../launch/plan.ts'
import { humanLogLine } from './console.ts'
import type { Console } from './console.ts'
import { refusalLine, Thinned } from './events.ts'
import { eachLine } from './lines.ts'
import { Supervised } from './supervised.ts'

export interface RoleProcessOptions {
  /** As it is called on the console and in the name of its log files. */
  readonly name: string
  /** Arguments of the `tulle` command. */
  readonly args: readonly string[]
  /** Where it runs; absent = where we do. */
  readonly netns?: NetnsFd
  readonly main: string
  /** Of a role that would start itself anew to have them. */
  readonly heap?: HeapSettings
  readonly logs: string
  /**
   * Starts it so that the kernel ends it with us; absent where its namespace ends it. Without namespaces what it
   * refuses is advice: anybody here can go around it.
   */
  readonly launcher?: string
}

export interface RoleProcessDeps {
  readonly console: Console
  readonly clock: Clock
}

/** `--name value` for each, in one argument, so that an empty value stays one. */
export function flagList(flags: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
}

/** The same refusal is shown this often: a client that keeps trying must not flood the terminal. */
const sameRefusalEveryMs = 10_000

/** What one start of a role may have of its own. */
export interface RoleStart {
  readonly args?: readonly string[]
  readonly main?: string
  /** Told of each line of its log. */
  readonly onLine?: (line: string) => void
}

export interface RoleProcess extends Supervised {
  /** Starts another process of the role, which nobody looks after yet. */
  launch(start: RoleStart): ChildProcess
}

/** A role of the mesh as a child process: its log on the console, all of it in the logs folder. */
export function roleProcess(options: RoleProcessOptions, deps: RoleProcessDeps): RoleProcess {
  mkdirSync(options.logs, { recursive: true, mode: 0o700 })
  const keep = (name: string): ((line: string) => void) => {
    const file = createWriteStream(join(options.logs, name), { flags: 'a', mode: 0o600 })
    file.on('error', () => file.destroy())
    return (line) => void file.write(`${line}\n`)
  }
  const log = keep(`${options.name}.log`)
  const access = keep(`${options.name}.access.log`)
  const thinned = new Thinned(sameRefusalEveryMs)
  const launch = ({ args = options.args, main = options.main, onLine }: RoleStart): ChildProcess => {
    const heap = options.heap === undefined ? [] : heapArguments(options.heap)
    // It has no TULLE_ variables: every option is in the arguments.
    const env = { ...roleEnv(process.env), ...(options.heap && heapEnvironment(options.heap)) }
    const role = [...process.execArgv, ...heap, main, ...args]
    const command =
      options.launcher === undefined
        ? role
        : [...process.execArgv, options.launcher, launchArgument([process.execPath, ...role], env)]
    const run = (): ChildProcess =>
      spawn(process.execPath, command, {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
        env,
      })
    const child = options.netns === undefined ? run() : inNetns(options.netns, run)
    if (child.stderr !== null)
      eachLine(child.stderr, (line) => {
        log(line)
        onLine?.(line)
        showLog(deps.console, options.name, line)
      })
    if (child.stdout !== null) {
      eachLine(child.stdout, (line) => {
        access(line)
        const refusal = refusalLine(line, options.launcher !== undefined)
        const shown = refusal === undefined ? undefined : thinned.pass(refusal, deps.clock.monotonicMs())
        if (shown !== undefined) deps.console.warn(options.name, shown)
      })
    }
    return child
  }
  const onUnexpectedExit = (how: string, againInMs: number): void =>
    deps.console.warn(options.name, `${how}; starting it again in ${Math.round(againInMs)} ms`)
  const supervised = new Supervised(
    { name: options.name, start: () => launch({}), onUnexpectedExit },
    { clock: deps.clock, rng: systemRng },
  )
  return Object.assign(supervised, { launch })
}

function showLog(console: Console, name: string, line: string): void {
  const human = humanLogLine(line, name)
  if (human === undefined) return
  if (human.level === 'info') console.say(name, human.text)
  else console.warn(name, human.text)
}

function launchArgument(command: readonly string[], env: NodeJS.ProcessEnv): string {
  const given = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  const plan: LaunchPlan = {
    command,
    env: Object.fromEntries(given),
    workingDir: process.cwd(),
    parentPid: process.pid,
  }
  return JSON.stringify(plan)
}

function roleEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TULLE_')))
}
