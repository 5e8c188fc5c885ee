/** Entry of the thread that tests command. */
import { MeshError } from '@tulle/core'
import { ThreadHost } from './thread-host.ts'

export interface TestCommands {
  double(value: number): Promise<number>
  refuse(code: string): Promise<void>
  /** Ends the thread without a word. */
  die(exitCode: number): Promise<void>
  writeLines(count: number): Promise<void>
  warn(message: string): Promise<void>
  /** The numbers below `end`, and what was done when nobody wants more. */
  numbers(end: number): AsyncGenerator<number, void>
  /** Nothing, until nobody waits for it any more. */
  nothing(argument: undefined, signal: AbortSignal): AsyncGenerator<string, void>
  close(): Promise<void>
}

const host = new ThreadHost<string>()

const commands = (setting: string): TestCommands => ({
  double: async (value) => value * 2,
  refuse: async (code) => {
    throw new MeshError(code, `refused as ${code}`)
  },
  die: async (exitCode) => process.exit(exitCode),
  writeLines: async (count) => host.writeAccessLog(Buffer.from('line\n'.repeat(count))),
  warn: async (message) => host.log({ thread: setting }).warn(message, { a: 1 }),
  numbers: async function* numbers(end) {
    try {
      for (let i = 0; i < end; i++) yield i
    } finally {
      host.say(`numbers below ${end} are over`)
    }
  },
  nothing: async function* nothing(_argument, signal) {
    const aborted = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => aborted.resolve(), { once: true })
    await aborted.promise
    if (!signal.aborted) yield 'never'
    host.say('nobody waits')
  },
  close: async () => host.say('closed'),
})

host.serve(commands)
