import type { Explanation } from '@tulle/outputs'
import type { Report } from '../report.ts'

/** What `tulle explain` has to say of a refusal, and what would change it. */
export function showExplanation({ summary, changes }: Explanation, report: Report): void {
  for (const line of [summary, ...changes.slice(0, 1).map((change) => `→ ${change}`)].flatMap(wrap))
    report.line(`  ${line}`)
}

/** Lines that fit into the report's width. */
export function wrap(text: string): readonly string[] {
  return text.match(/.{1,72}(\s|$)/gu)?.map((line) => line.trimEnd()) ?? [text]
}
