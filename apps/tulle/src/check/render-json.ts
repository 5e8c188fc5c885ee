import type { Finding } from './finding.ts'
import type { CheckSummary } from './summary.ts'

/** For programs: `{accepted, summary, findings: [{severity, code, file, line, column, object, path, message}]}`. */
export function renderJson(findings: readonly Finding[], summary: CheckSummary): string {
  const rows = findings.map(({ severity, code, origin, object, path, message }) => ({
    severity,
    code,
    file: origin?.file ?? '',
    line: origin?.line ?? 0,
    column: origin?.column ?? 0,
    object,
    path,
    message,
  }))
  return JSON.stringify({ accepted: summary.errors === 0, summary, findings: rows }, undefined, 2)
}
