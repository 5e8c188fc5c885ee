/** A child of an AbortSignal that unlinks itself when disposed. */
export interface LinkedController extends Disposable {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}

/**
 * A controller that aborts with its parent. `AbortSignal.any` would do the same but keeps every child with a
 * listener alive as long as the parent lives: 400 MB for 400 000 of them on Node 24 and 26.
 */
export function linkedController(parent: AbortSignal | undefined): LinkedController {
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(parent?.reason)
  if (parent?.aborted === true) onAbort()
  else parent?.addEventListener('abort', onAbort, { once: true })
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    [Symbol.dispose]: () => parent?.removeEventListener('abort', onAbort),
  }
}
