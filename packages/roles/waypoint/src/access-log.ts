import { openSync } from 'node:fs'

/** The descriptor for access log lines: a file to append to, `-` for standard output, `none` for nowhere. */
export function openAccessLog(where: string): number | undefined {
  if (where === 'none') return undefined
  return where === '-' ? 1 : openSync(where, 'a', 0o640)
}
