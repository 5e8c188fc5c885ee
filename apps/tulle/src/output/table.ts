import { stripVTControlCharacters } from 'node:util'

/** Rows under headings, columns as wide as their widest cell, two spaces apart. An empty table is its headings. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(width(heading), ...rows.map((row) => width(row[column] ?? ''))),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd()
  return [headings, ...rows].map(line).join('\n')
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length
}
