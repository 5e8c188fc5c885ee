import type { Command } from 'commander'
import { systemClock } from '@tulle/core'
import { exitCodes } from '../exit-codes.ts'
import { createStyle, wantsColor } from '../output/style.ts'

export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('show the bookstore on two nodes, step by step')
    .option('--once', 'end after the steps; exit code 1 when something was not as it should be', false)
    .action(async ({ once }: { readonly once: boolean }) => {
      const { runDemo } = await import('../demo/run-demo.ts')
      const { silentLog, stopOnSignals } = await import('@tulle/runtime')
      using signals = stopOnSignals(silentLog)
      const held = await runDemo({
        once,
        style: createStyle(wantsColor(process.stdout, process.env)),
        clock: systemClock,
        print: (text) => console.log(text),
        stop: signals.signal,
      })
      process.exit(held ? exitCodes.ok : exitCodes.no)
    })
}
