import type { Log } from './log.ts'
import { errorText } from '@tulle/core'

/** A part with a life of its own. */
export interface Component extends AsyncDisposable {
  /** Resolves when the part serves; may count on all that were started before it. The signal ends a start early. */
  start(signal: AbortSignal): Promise<void>
  /** Takes nothing new, lets what runs finish, up to `deadlineMs` from now. Those that need this part have drained. */
  drain(deadlineMs: number): Promise<void>
  /** Ends what is left at once. Called in any state, once. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface RunOptions {
  readonly log: Log
  /** Aborts to drain. */
  readonly stop: AbortSignal
  readonly drainDeadlineMs: number
  /** Called when every component serves. */
  readonly onReady?: () => void
}

/**
 * Starts the components in order, waits for `stop`, drains and disposes them in reverse. A start that fails
 * unwinds those before it and rejects.
 */
export async function runComponents(components: readonly Component[], options: RunOptions): Promise<void> {
  await using stack = new AsyncDisposableStack()
  for (const component of components) {
    stack.use(component)
    await component.start(options.stop)
  }
  options.onReady?.()
  await aborted(options.stop)
  for (const component of components.toReversed()) {
    await component.drain(options.drainDeadlineMs).catch((error: unknown) => {
      options.log.error('a component did not drain', {
        component: component.constructor.name,
        error: errorText(error),
      })
    })
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

export interface StopSignals extends Disposable {
  /** Aborts at the first SIGTERM, SIGINT or SIGHUP. */
  readonly signal: AbortSignal
  /** Asks for the same from inside the process. */
  stop(reason: string): void
}

/** SIGTERM, SIGINT and SIGHUP drain; a second one ends the process at once with 128 + its number's usual code. */
export function stopOnSignals(
  log: Log,
  end: (code: number) => void = (code) => process.exit(code),
): StopSignals {
  const controller = new AbortController()
  const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
  const names = Object.keys(codes) as (keyof typeof codes)[]
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) end(codes[name as keyof typeof codes])
    log.info('draining', { signal: name })
    controller.abort(new Error(name))
  }
  for (const name of names) process.on(name, onSignal)
  return {
    signal: controller.signal,
    stop: (reason) => controller.abort(new Error(reason)),
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, onSignal)
    },
  }
}
