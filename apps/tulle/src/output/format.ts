export const outputFormats = ['table', 'json', 'yaml'] as const
export type OutputFormat = (typeof outputFormats)[number]

/** Data as the user asked for it; `table` renders it for people. */
export async function render(format: OutputFormat, data: unknown, table: () => string): Promise<string> {
  switch (format) {
    case 'json':
      return JSON.stringify(data, undefined, 2)
    case 'yaml':
      return (await import('yaml')).stringify(data).trimEnd()
    case 'table':
      return table()
  }
}

/** `850 ms`, `4.2 s`, `3 min`, `2 h`, `5 d`: short enough for a table. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 86_400_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} d`
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}
