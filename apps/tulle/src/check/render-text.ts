import { placeText } from '@tulle/api'
import type { Origin } from '@tulle/api'
import type { Style } from '../output/style.ts'
import type { Finding } from './finding.ts'
import { notEnforcedText, summaryText } from './summary.ts'
import type { CheckSummary } from './summary.ts'

/** Lines of a file, counted from 0; undefined where it can't be read again. */
export type LinesOf = (file: string) => readonly string[] | undefined

export interface TextOptions {
  readonly style: Style
  /** Shows the line of each finding. */
  readonly linesOf: LinesOf | undefined
}

/** As a compiler says it: grouped by file, in the order of their places, the figures last. */
export function renderText(
  findings: readonly Finding[],
  summary: CheckSummary,
  { style, linesOf }: TextOptions,
): string {
  const groups = Map.groupBy(findings, ({ origin }) => origin?.file ?? '')
  const blocks = Array.from(groups.values(), (group) =>
    group.map((finding) => findingText(finding, { style, linesOf })).join('\n'),
  )
  const warning = notEnforcedText(summary)
  const paint = summary.errors > 0 ? style.bad : summary.warnings > 0 ? style.warn : style.good
  const last = [...(warning === undefined ? [] : [style.bad(warning)]), paint(summaryText(summary))]
  return [...blocks, last.join('\n')].join('\n\n')
}

function findingText(finding: Finding, { style, linesOf }: TextOptions): string {
  const { severity, code, origin, object, path, message } = finding
  const place = origin === undefined ? '' : `${style.strong(printable(placeText(origin)))}: `
  const kind = severity === 'error' ? style.bad('error') : style.warn('warning')
  const about = `${object === '' ? '' : ` (${object})`}${path === '' ? '' : ` ${path}:`}`
  const line = `${place}${kind} [${code}]${printable(`${about} ${message}`)}`
  const excerpt = origin === undefined || linesOf === undefined ? undefined : excerptText(origin, linesOf)
  return excerpt === undefined ? line : `${line}\n${style.dim(excerpt)}`
}

const maxExcerptLength = 160

/** The line with a caret below the place. */
function excerptText(origin: Origin, linesOf: LinesOf): string | undefined {
  const text = linesOf(origin.file)?.[origin.line - 1]
  if (text === undefined || text.trim() === '' || origin.column > maxExcerptLength) return undefined
  const number = String(origin.line).padStart(5)
  const caret = ' '.repeat(origin.column - 1)
  return `${number} | ${printable(text.replaceAll('\t', ' ')).slice(0, maxExcerptLength)}\n${' '.repeat(5)} | ${caret}^`
}

/** What a file says must not steer the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\uFFFD')
}
