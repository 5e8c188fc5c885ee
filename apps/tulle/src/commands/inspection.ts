import { Argument, InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { systemClock } from '@tulle/core'
import type { OutputFormat } from '../output/format.ts'
import { outputFormats } from '../output/format.ts'
import { createStyle, wantsColor } from '../output/style.ts'
import type { Style } from '../output/style.ts'
import { defaultStateFolder, stateFolder } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import { version } from '../version.ts'
import type { ExplainOptions } from './explain.ts'
import { getKinds } from './get.ts'
import type { GetKind } from './get.ts'

interface CommonFlags {
  readonly state: string
  readonly output: OutputFormat
}

/** What every command that asks a running mesh needs. */
interface Common {
  readonly state: StateFolder
  readonly output: OutputFormat
  readonly style: Style
  readonly print: (text: string) => void
}

export function registerInspection(program: Command): void {
  registerCheck(program)
  registerGet(program)
  registerExplain(program)
  registerWait(program)
  registerExec(program)
  registerVersion(program)
}

function registerCheck(program: Command): void {
  program
    .command('check')
    .description('say what a mesh would make of manifests; exit code 1 when anything is rejected')
    .argument('<files...>', 'files or folders')
    .addOption(
      new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text'),
    )
    .action(async (files: string[], flags: { readonly output: 'text' | 'json' }) => {
      const { runCheck } = await import('../check/run-check.ts')
      const color = wantsColor(process.stdout, process.env)
      const { exitCode, text } = await runCheck({ files, output: flags.output, color })
      console.log(text)
      process.exitCode = exitCode
    })
}

function registerGet(program: Command): void {
  common(program.command('get').description('list what the mesh has'))
    .addArgument(new Argument('<kind>', 'what to list').choices(getKinds))
    .option('-w, --watch', 'again after each change', false)
    .action(async (kind: GetKind, flags: CommonFlags & { readonly watch: boolean }) => {
      const { get } = await import('./get.ts')
      const stop = new AbortController()
      process.once('SIGINT', () => process.exit(0))
      await get({
        ...readCommon(flags),
        kind,
        watch: flags.watch,
        nowMs: () => systemClock.nowMs(),
        signal: stop.signal,
      })
    })
}

function registerExplain(program: Command): void {
  common(
    program
      .command('explain')
      .description('say whether one workload may call another, and why; exit code 1 when not'),
  )
    .argument('<from>', 'workload that calls: NAME or NAMESPACE/NAME')
    .argument('<to>', 'service or workload, with :PORT where there are several')
    .option('--method <method>', 'about a request: its method (GET where only --path or -H is given)')
    .option('--path <path>', 'its path, with its query (/ where only --method or -H is given)')
    .option('-H, --header <name:value>', 'a header of it; may be given several times', header, [])
    .action(async (from: string, target: string, flags: ExplainFlags) => {
      const { explain, splitTarget } = await import('./explain.ts')
      await explain({ ...readCommon(flags), from, ...splitTarget(target), ...askedOf(flags) })
    })
}

interface ExplainFlags extends CommonFlags {
  readonly method?: string
  readonly path?: string
  readonly header: Headers
}

type Headers = readonly (readonly [name: string, value: string])[]

function askedOf({ method, path, header: headers }: ExplainFlags): Pick<ExplainOptions, 'request'> {
  if (method === undefined && path === undefined && headers.length === 0) return {}
  return { request: { method: method ?? 'GET', path: path ?? '/', headers } }
}

function header(text: string, before: Headers): Headers {
  // `:authority` begins with one.
  const colon = text.indexOf(':', 1)
  if (colon < 0) throw new InvalidArgumentError('expected name:value')
  return [...before, [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]]
}

function registerWait(program: Command): void {
  common(
    program.command('wait').description('wait until the manifests as they are now are applied on every node'),
  )
    .option('--timeout <seconds>', 'give up after this', seconds, 30)
    .action(async (flags: CommonFlags & { readonly timeout: number }) => {
      const { wait } = await import('./wait.ts')
      await wait({
        ...readCommon(flags),
        timeoutMs: flags.timeout * 1000,
        monotonicMs: () => systemClock.monotonicMs(),
      })
    })
}

function registerExec(program: Command): void {
  program
    .command('exec')
    .description(
      'run a command where a workload runs, as the workload: tulle exec bookstore/reader -- node -e …',
    )
    .argument('<workload>', 'NAMESPACE/NAME')
    .argument('<command...>', 'the command, after --')
    .option('--state <dir>', 'state folder of the mesh', defaultStateFolder)
    .action(async (workload: string, command: string[], flags: { readonly state: string }) => {
      const { exec } = await import('./exec.ts')
      await exec({ state: stateFolder(flags.state), workload, command })
    })
}

function registerVersion(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(outputFormats).default('table'))
    .action(async (flags: { readonly output: OutputFormat }) => {
      const { render } = await import('../output/format.ts')
      const facts = {
        tulle: version(),
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      }
      console.log(
        await render(
          flags.output,
          facts,
          () => `tulle ${facts.tulle} (Node ${facts.node}, ${facts.platform})`,
        ),
      )
    })
}

function common(command: Command): Command {
  return command
    .option('--state <dir>', 'state folder of the mesh', defaultStateFolder)
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(outputFormats).default('table'))
}

function readCommon(flags: CommonFlags): Common {
  return {
    state: stateFolder(flags.state),
    output: flags.output,
    style: createStyle(wantsColor(process.stdout, process.env)),
    print: (text) => console.log(text),
  }
}

function seconds(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('expected a number of seconds above 0')
  return value
}
