const maxLabelLength = 256

/** `reporter="source",flags="-"`: what tells a series from the others of its family, as an exposition writes it. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  let text = ''
  for (let i = 0; i < names.length; i++) {
    text += `${i === 0 ? '' : ','}${names[i] ?? ''}="${escapeText(cleanLabel(values[i] ?? ''))}"`
  }
  return text
}

/** The values of a text that `labelText` made. */
export function labelValuesOf(text: string): readonly string[] {
  const quoted = text.matchAll(/="((?:[^"\\]|\\.)*)"/gsu)
  return Array.from(quoted, ([, value = '']) => {
    return value.replaceAll(/\\(.)/gsu, (_pair, escaped: string) => (escaped === 'n' ? '\n' : escaped))
  })
}

/** @see OpenMetrics 1.0, escaped-string */
export function escapeText(value: string): string {
  if (!/[\\\n"]/u.test(value)) return value
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

function cleanLabel(text: string): string {
  return (text.length <= maxLabelLength ? text : text.slice(0, maxLabelLength)).toWellFormed()
}
