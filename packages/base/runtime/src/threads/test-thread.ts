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
  /** Has something long to do behind its close; tells in `progress[0]` when it begins that (1) and when it is done (2). */
  workLate(progress: Int32Array): Promise<void>
  /** The same at once, for so many turns of a loop. */
  work(argument: { readonly progress: Int32Array; readonly turns: number }): Promise<void>
  close(): Promise<void>
}

const host = new ThreadHost<string>()

let lateWork: (() => void) | undefined

function work(progress: Int32Array, turns: number): void {
  Atomics.store(progress, 0, 1)
  for (let i = 0; i < turns; i++) Atomics.load(progress, 0)
  Atomics.store(progress, 0, 2)
}

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
  workLate: async (progress) => {
    lateWork = () => work(progress, 20_000_000)
  },
  work: async ({ progress, turns }) => work(progress, turns),
  close: async () => {
    host.say('closed')
    if (lateWork !== undefined) setImmediate(lateWork)
  },
})

host.serve(commands)
