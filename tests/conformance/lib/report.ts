import { unreachable } from '@tulle/core'
import type { CaseResult, Verdict } from './run-cases.ts'

export interface Report {
  readonly mesh: string
  readonly seed: number
  readonly cases: readonly CaseResult[]
  readonly counts: Readonly<Record<Verdict, number>>
  /** Sentences of the texts that no case is about, and why. */
  readonly uncovered: readonly Uncovered[]
}

export interface Uncovered {
  readonly sentence: string
  readonly spec: string
  readonly reason: string
}

export function reportOf(about: Omit<Report, 'counts'>): Report {
  const counts = { passed: 0, failed: 0, 'not-met': 0, met: 0 }
  for (const { verdict } of about.cases) counts[verdict]++
  return { ...about, counts }
}

/** Every case is as it was said to be. */
export function isAsExpected({ counts }: Report): boolean {
  return counts.failed === 0 && counts.met === 0
}

const width = 110

export function lineOf(result: CaseResult): string {
  const { id, proves, spec, verdict, differences, reason } = result
  const head = `${markOf(verdict)} ${id}`
  const lines = [head, ...wrap(`${proves} [${spec}]`).map((line) => `       ${line}`)]
  if (reason !== undefined) lines.push(...wrap(`not met: ${reason}`).map((line) => `       ${line}`))
  if (verdict === 'failed') lines.push(...differences.map((text) => `       ! ${text}`))
  if (verdict === 'met') lines.push('       ! it passes now: take it off the list of what is not met')
  return lines.join('\n')
}

export function summaryOf(report: Report): string {
  const { mesh, seed, counts, uncovered, cases } = report
  const seconds = (cases.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000).toFixed(1)
  const parts = [
    `${mesh}, seed ${seed}: ${cases.length} cases, ${counts.passed} passed, ${counts['not-met']} not met, ${counts.failed} failed, ${counts.met} met against what is written; ${seconds} s`,
  ]
  if (uncovered.length > 0)
    parts.push(
      'Without a case:',
      ...uncovered.flatMap(({ sentence, spec, reason }) =>
        wrap(`${sentence} [${spec}]: ${reason}`).map((line, i) => `${i === 0 ? '  - ' : '    '}${line}`),
      ),
    )
  return parts.join('\n')
}

function markOf(verdict: Verdict): string {
  switch (verdict) {
    case 'passed':
      return 'ok    '
    case 'failed':
      return 'FAILED'
    case 'not-met':
      return 'not   '
    case 'met':
      return 'MET   '
    default:
      return unreachable(verdict)
  }
}

function wrap(text: string): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length >= width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
