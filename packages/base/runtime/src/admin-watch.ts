/**
 * The value now, and again after changes. Changes made while the reader is busy are one: a slow reader misses
 * values in between, never the newest, and makes nothing wait in memory. Ends when the signal aborts.
 */
export async function* snapshots<T>(
  source: { readonly subscribe: (onChange: () => void) => Disposable; readonly take: () => T },
  signal: AbortSignal,
): AsyncGenerator<T, void, void> {
  let changed = Promise.withResolvers<void>()
  const wake = (): void => changed.resolve()
  using _subscription = source.subscribe(wake)
  signal.addEventListener('abort', wake)
  try {
    while (!signal.aborted) {
      yield source.take()
      await changed.promise
      changed = Promise.withResolvers()
      if (signal.aborted) return
    }
  } finally {
    signal.removeEventListener('abort', wake)
  }
}
