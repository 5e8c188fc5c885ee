import type { Finding } from './finding.ts'

/** What came of a check, in figures. */
export interface CheckSummary {
  /** Files that say anything. */
  readonly files: number
  readonly accepted: number
  readonly errors: number
  readonly warnings: number
  readonly targets: number
  readonly notEnforced: number
}

export function countOf(findings: readonly Finding[], severity: Finding['severity']): number {
  return findings.filter((finding) => finding.severity === severity).length
}

/** `14 objects accepted, 2 errors, 1 warning in 5 files`. */
export function summaryText({ files, accepted, errors, warnings }: CheckSummary): string {
  const parts = [
    `${plural(accepted, 'object')} accepted`,
    ...(errors === 0 ? [] : [plural(errors, 'error')]),
    ...(warnings === 0 ? [] : [plural(warnings, 'warning')]),
  ]
  return `${parts.join(', ')} in ${plural(files, 'file')}`
}

/** What must not be overlooked: rules that look as if they held. */
export function notEnforcedText({ targets, notEnforced }: CheckSummary): string | undefined {
  if (notEnforced === 0) return undefined
  return `NOT ENFORCED, in whole or in part: ${notEnforced} of ${plural(targets, 'TrafficTarget')}; see the warnings above`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
