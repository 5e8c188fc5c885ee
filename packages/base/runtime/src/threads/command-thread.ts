import type { Worker } from 'node:worker_threads'
import { errorText } from '@tulle/core'
import type { Log } from '../log.ts'
import { beginThread } from './begin-thread.ts'
import type { ThreadStart } from './begin-thread.ts'
import type { AnswerOf, ArgumentOf, CallName, SlicedName, SliceOf, ThreadCommands } from './command-types.ts'
import { isExiting } from './exit-process.ts'
import type { AnsweredRequest, ThreadMessage, ThreadRequest } from './thread-messages.ts'

export type CommandThreadOptions = (ThreadStart | { readonly begun: Worker }) & {
  /** What the module is given by its ThreadHost. */
  readonly settings: unknown
}

export interface CommandThreadDeps<Said, Failure extends Error> {
  readonly log: Log
  readonly errors: ThreadErrors<Failure>
  /** What the thread says unasked. */
  onSaid?(said: Said): void
  /** Takes access log lines; `done`: they are not needed any more. */
  onAccessLog(lines: Uint8Array, done: () => void): void
  /** The thread ended by itself. */
  onFailed(failure: Failure): void
}

/** What whoever waits for a thread is told. */
export interface ThreadErrors<Failure extends Error> {
  /** The command was refused over there, by an error with this code; '' is none. */
  refused(code: string, message: string): Failure
  /** The thread ended by itself. */
  ended(why: string): Failure
  /** It was closed. */
  closed(): Failure
}

/** A thread that does what it is told, as seen from the one that started it. On its own side is a ThreadHost. */
export class CommandThread<Commands extends ThreadCommands, Said, Failure extends Error> {
  readonly #worker: Worker
  readonly #deps: CommandThreadDeps<Said, Failure>
  readonly #waiting: Map<number, PromiseWithResolvers<unknown>> = new Map()
  #lastId: number = 0
  #closing: boolean = false
  #failure: Failure | undefined

  constructor(options: CommandThreadOptions, deps: CommandThreadDeps<Said, Failure>) {
    this.#deps = deps
    this.#worker = 'begun' in options ? options.begun : beginThread(options)
    this.#worker.ref()
    this.#post({ kind: 'settings', settings: options.settings })
    this.#worker.on('message', (message: ThreadMessage<Said>) => this.#onMessage(message))
    this.#worker.on('error', (error) => this.#onEnd(errorText(error)))
    this.#worker.on('exit', (code) => this.#onEnd(`exit code ${code}`))
  }

  call<Name extends CallName<Commands>>(
    command: Name,
    argument: ArgumentOf<Commands[Name]>,
  ): Promise<AnswerOf<Commands[Name]>> {
    const answer = this.#ask({ kind: 'call', id: ++this.#lastId, command, argument })
    // The other side runs the method of this name: its result is what the method gives.
    return answer as Promise<AnswerOf<Commands[Name]>>
  }

  /**
   * One slice at a time: they never queue up here, so that each has a turn of the event loop for itself. It ends over there too
   * when the signal aborts, or when no more are asked for.
   */
  async *slices<Name extends SlicedName<Commands>>(
    command: Name,
    argument: ArgumentOf<Commands[Name]>,
    signal?: AbortSignal,
  ): AsyncGenerator<SliceOf<Commands[Name]>, void> {
    const id = ++this.#lastId
    const stop = (): void => this.#post({ kind: 'stop', id })
    signal?.addEventListener('abort', stop, { once: true })
    try {
      while (signal?.aborted !== true) {
        const answer = await this.#ask({ kind: 'slice', id, command, argument })
        // The same, slice by slice.
        const next = answer as IteratorResult<SliceOf<Commands[Name]>, void>
        if (next.done === true) return
        yield next.value
      }
    } finally {
      signal?.removeEventListener('abort', stop)
      stop()
    }
  }

  /**
   * Has it close what it has, and end itself between two turns. `terminate` would break it off wherever it is, while the last
   * sockets tell of their end; native code that is broken off (koffi) takes the process with it.
   */
  async close(): Promise<void> {
    if (this.#closing) return
    await this.#ask({ kind: 'call', id: ++this.#lastId, command: 'close', argument: undefined })
    this.#closing = true
    const ended = Promise.withResolvers<void>()
    this.#worker.once('exit', () => ended.resolve())
    this.#post({ kind: 'end' })
    await ended.promise
  }

  #ask(request: AnsweredRequest): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#closing) return Promise.reject(this.#deps.errors.closed())
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(request.id, waiting)
    this.#post(request)
    return waiting.promise
  }

  #post(request: ThreadRequest): void {
    this.#worker.postMessage(request)
  }

  #onMessage(message: ThreadMessage<Said>): void {
    switch (message.kind) {
      case 'result':
        this.#take(message.id)?.resolve(message.value)
        return
      case 'failed':
        this.#take(message.id)?.reject(this.#deps.errors.refused(message.code, message.message))
        return
      case 'said':
        this.#deps.onSaid?.(message.said)
        return
      case 'access-log':
        this.#onAccessLog(message.lines)
        return
      case 'log':
        this.#deps.log[message.level](message.message, message.fields)
    }
  }

  #onAccessLog(lines: Uint8Array<ArrayBuffer>): void {
    const { buffer } = lines
    this.#deps.onAccessLog(lines, () => {
      if (this.#failure === undefined && !this.#closing)
        this.#worker.postMessage({ kind: 'log-chunk', buffer } satisfies ThreadRequest, [buffer])
    })
  }

  #take(id: number): PromiseWithResolvers<unknown> | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #onEnd(why: string): void {
    if (this.#failure !== undefined) return
    const { errors, onFailed } = this.#deps
    this.#failure = this.#closing ? errors.closed() : errors.ended(why)
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure)
    this.#waiting.clear()
    if (!this.#closing && !isExiting()) onFailed.call(this.#deps, this.#failure)
  }
}
