import type { PathChange } from '@tulle/traffic'

/** The path after the change; `path` is normalised and without its query, which stays. */
export function changePath(path: string, change: PathChange): string {
  if (change.kind === 'full') return change.path === '' ? '/' : change.path
  const prefix = withoutFinalSlash(change.prefix)
  const rest = path.slice(prefix.length)
  if (rest === '') return change.replacement === '' ? '/' : change.replacement
  const changed = withoutFinalSlash(change.replacement) + rest
  return changed.startsWith('/') ? changed : `/${changed}`
}

function withoutFinalSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
