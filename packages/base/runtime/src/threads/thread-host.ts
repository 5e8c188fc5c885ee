import { parentPort } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { assert, errorCode, errorText } from '@tulle/core'
import type { Log, LogFields } from '../log.ts'
import type { ThreadCommands } from './command-types.ts'
import { LogChunks } from './log-chunks.ts'
import { threadLog } from './thread-log.ts'
import type { AnsweredRequest, ThreadMessage, ThreadRequest } from './thread-messages.ts'

/** Slices that are under way. */
interface Begun {
  readonly slices: AsyncGenerator<unknown, void>
  readonly end: AbortController
}

/** The thread's own side of a CommandThread: one in each, made by the module that is its entry. */
export class ThreadHost<Said = never> {
  readonly #port: MessagePort
  readonly #chunks: LogChunks = new LogChunks()
  readonly #begun: Map<number, Begun> = new Map()

  constructor() {
    assert(parentPort !== null, 'this module is the entry of a worker thread')
    this.#port = parentPort
  }

  /** The process's log, with fields that every line from this thread has. */
  log(own: LogFields = {}): Log {
    return threadLog((level, message, fields) => this.#post({ kind: 'log', level, message, fields }), own)
  }

  say(said: Said): void {
    this.#post({ kind: 'said', said })
  }

  /** Hands on lines of the access log; done with the bytes when it returns. */
  writeAccessLog(lines: Uint8Array): void {
    const chunk = this.#chunks.fill(lines)
    this.#port.postMessage({ kind: 'access-log', lines: chunk } satisfies ThreadMessage<Said>, [chunk.buffer])
  }

  /** Makes the commands of the settings that come first, and does what it is asked for, also what was asked before. */
  serve<Settings>(make: (settings: Settings) => ThreadCommands): void {
    let commands: ThreadCommands | undefined
    this.#port.on('message', (request: ThreadRequest) => {
      switch (request.kind) {
        case 'settings':
          // Set by the CommandThread of this module, from the type it is read as.
          commands = make(request.settings as Settings)
          return
        case 'call':
        case 'slice':
          assert(commands !== undefined, 'settings come before commands')
          this.#answer(request, commands)
          return
        case 'stop':
          this.#stop(request.id)
          return
        case 'log-chunk':
          this.#chunks.giveBack(request.buffer)
          return
        case 'end':
          // Of a worker thread this is the end of the thread.
          process.exit()
      }
    })
  }

  #answer(request: AnsweredRequest, commands: ThreadCommands): void {
    const { id } = request
    const answer = request.kind === 'call' ? call(request, commands) : this.#slice(request, commands)
    answer.then(
      (value) => this.#post({ kind: 'result', id, value }),
      (error: unknown) =>
        this.#post({ kind: 'failed', id, code: errorCode(error), message: errorText(error) }),
    )
  }

  async #slice(request: AnsweredRequest, commands: ThreadCommands): Promise<IteratorResult<unknown, void>> {
    const begun = this.#begun.get(request.id) ?? this.#begin(request, commands)
    return begun.slices.next()
  }

  #begin({ id, command, argument }: AnsweredRequest, commands: ThreadCommands): Begun {
    const end = new AbortController()
    const begun = { slices: methodOf<Sliced>(commands, command).call(commands, argument, end.signal), end }
    this.#begun.set(id, begun)
    return begun
  }

  /** CommandThread says so of all that it began. */
  #stop(id: number): void {
    const begun = this.#begun.get(id)
    this.#begun.delete(id)
    begun?.end.abort()
    // What it still has to say is for nobody.
    begun?.slices.return().catch(() => undefined)
  }

  #post(message: ThreadMessage<Said>): void {
    this.#port.postMessage(message)
  }
}

type Call = (argument: unknown) => Promise<unknown>
type Sliced = (argument: unknown, signal: AbortSignal) => AsyncGenerator<unknown, void>

async function call({ command, argument }: AnsweredRequest, commands: ThreadCommands): Promise<unknown> {
  return methodOf<Call>(commands, command).call(commands, argument)
}

/** CommandThread sends each method its own argument; both sides are of one build. */
function methodOf<Method>(commands: ThreadCommands, name: string): Method {
  return (commands as unknown as Readonly<Record<string, Method>>)[name] as Method
}
