import { errorText, systemClock } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { Log } from './log.ts'
import { exitProcess } from './threads/exit-process.ts'

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
  /** For draining all components together; what is not done by then is cut off. */
  readonly drainDeadlineMs: number
  readonly clock?: Clock
  /** Called when every component serves. */
  readonly onReady?: () => void
}

/**
 * Starts the components in order, waits for `stop`, drains and disposes them in reverse. A start that fails
 * unwinds those before it and rejects; a start that `stop` ended is no failure.
 */
export async function runComponents(components: readonly Component[], options: RunOptions): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const started: Component[] = []
  for (const component of components) {
    if (options.stop.aborted) break
    stack.use(component)
    if (await startUnlessStopped(component, options.stop)) started.push(component)
  }
  if (!options.stop.aborted) options.onReady?.()
  await aborted(options.stop)
  await drainAll(started.toReversed(), options)
}

async function startUnlessStopped(component: Component, stop: AbortSignal): Promise<boolean> {
  try {
    await component.start(stop)
    return true
  } catch (error) {
    if (stop.aborted) return false
    throw error
  }
}

/** One after the other, since each may still be needed by those before it; all within one deadline. */
async function drainAll(components: readonly Component[], options: RunOptions): Promise<void> {
  const { clock = systemClock, drainDeadlineMs, log } = options
  const untilMs = clock.monotonicMs() + drainDeadlineMs
  const deadline = Promise.withResolvers<'late'>()
  using _timer = clock.after(drainDeadlineMs, () => deadline.resolve('late'))
  for (const component of components) {
    const name = component.constructor.name
    const leftMs = Math.max(0, untilMs - clock.monotonicMs())
    const drained = component.drain(leftMs).catch((error: unknown) => {
      log.error('a component did not drain', { component: name, error: errorText(error) })
    })
    if ((await Promise.race([drained, deadline.promise])) !== 'late') continue
    log.warn('draining took too long and is cut off', { component: name, drainDeadlineMs })
    return
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
export function stopOnSignals(log: Log, end: (code: number) => void = exitProcess): StopSignals {
  const controller = new AbortController()
  const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
  const names = Object.keys(codes) as (keyof typeof codes)[]
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      end(codes[name as keyof typeof codes])
      return
    }
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
