import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@tulle/core'

/** Writes bench/results/NAME-DATE-COMMIT, as data and as it was printed. Returns the path without its ending. */
export function saveResult(
  name: string,
  report: { readonly machine: { readonly commit: string } },
  printed: string,
): string {
  const folder = join(import.meta.dirname, '../results')
  const date = new Date(systemClock.nowMs()).toISOString().slice(0, 10)
  const base = join(folder, `${name}-${date}-${report.machine.commit}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${base}.json`, `${JSON.stringify({ date, ...report }, undefined, 2)}\n`)
  writeFileSync(`${base}.md`, `# ${date}\n\n${printed}\n`)
  return base
}
