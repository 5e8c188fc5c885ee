import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { exitCodes } from '../exit-codes.ts'
import { outputFormats, render } from '../output/format.ts'
import type { OutputFormat } from '../output/format.ts'
import { createStyle, wantsColor } from '../output/style.ts'

interface BenchFlags {
  readonly seconds: number
  readonly output: OutputFormat
}

/** Set for the inner process, which runs inside namespaces: how they were made, and a folder of its own. */
const innerVariable = 'TULLE_BENCH_INNER'
const defaultSeconds = 20

export function registerBench(program: Command): void {
  program
    .command('bench')
    .description('how fast is it here? the way through the mesh beside the direct way, on this machine')
    .option('--seconds <n>', 'about how long it may take', seconds, defaultSeconds)
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(outputFormats).default('table'))
    .action(async (flags: BenchFlags) => {
      const inner = process.env[innerVariable]
      if (inner === undefined) process.exitCode = await outer()
      else await innerBench(inner, flags)
    })
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value >= 5 && value <= 3600)) throw new InvalidArgumentError('expected a number of 5–3600')
  return value
}

async function outer(): Promise<number> {
  const { chooseMode, thisMachine } = await import('../up/mode.ts')
  const { runOuter } = await import('../up/outer.ts')
  const { mode } = chooseMode(thisMachine, 'namespaces')
  const folder = mkdtempSync(join(tmpdir(), 'tulle-bench-'))
  process.env[innerVariable] = `${mode} ${folder}`
  try {
    return await runOuter({ mode, args: process.argv.slice(2), main: mainFile() })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function innerBench(inner: string, flags: BenchFlags): Promise<void> {
  const { whenParentIsGone } = await import('../up/inner.ts')
  const { runBench } = await import('../bench/run-bench.ts')
  const { renderBench } = await import('../bench/bench-result.ts')
  const space = inner.indexOf(' ')
  const [mode, folder] = [inner.slice(0, space), inner.slice(space + 1)]
  // The kernel ends everything that this process started with it.
  const end = (): void => process.exit(exitCodes.failed)
  whenParentIsGone(end)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
  const progress = progressLine()
  const result = await runBench({
    seconds: flags.seconds,
    mode,
    main: mainFile(),
    folder,
    onProgress: progress.show,
  })
  progress.clear()
  const style = createStyle(wantsColor(process.stdout, process.env))
  console.log(await render(flags.output, result, () => renderBench(result, style)))
  process.exit(exitCodes.ok)
}

interface ProgressLine {
  readonly show: (text: string) => void
  readonly clear: () => void
}

/** One line that replaces itself, where a person looks. */
function progressLine(): ProgressLine {
  const { stderr } = process
  if (!stderr.isTTY) return { show: () => undefined, clear: () => undefined }
  const eraseLine = '\r\u001B[K'
  return {
    show: (text) => void stderr.write(`${eraseLine}measuring: ${text}`),
    clear: () => void stderr.write(eraseLine),
  }
}

function mainFile(): string {
  return fileURLToPath(new URL('../main.ts', import.meta.url))
}
