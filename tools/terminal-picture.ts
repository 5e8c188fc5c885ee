/**
 * Draws what a terminal shows as an SVG: `FORCE_COLOR=1 npm run -s demo -- --once | node tools/terminal-picture.ts > docs/demo.svg`
 */
import { text as readText } from 'node:stream/consumers'

const charWidth = 7.8
const lineHeight = 17
const margin = 14
const columns = 82
const colors: Readonly<Record<string, string>> = {
  31: '#f47067',
  32: '#8ddb8c',
  33: '#daaa3f',
  36: '#76e3ea',
  2: '#768390',
}

interface Run {
  readonly text: string
  readonly style: string
}

/** Cuts a line into runs of one style. */
function runs(line: string): readonly Run[] {
  const found: Run[] = []
  let style = ''
  // oxlint-disable-next-line no-control-regex -- escape sequences begin with one
  for (const part of line.split(/(\u001B\[[\d;]*m)/u)) {
    const code = /\[(?<code>[\d;]*)m/u.exec(part)?.groups?.['code']
    if (code === undefined) found.push({ text: part, style })
    else style = styleOf(code)
  }
  return found.filter((run) => run.text !== '')
}

function styleOf(code: string): string {
  if (code === '1') return 'font-weight="bold"'
  const color = colors[code]
  return color === undefined ? '' : `fill="${color}"`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

const lines = (await readText(process.stdin))
  .trimEnd()
  .split('\n')
  .filter((line) => !line.startsWith('npm ') && !line.startsWith('> '))
const height = margin * 2 + lines.length * lineHeight
const width = margin * 2 + columns * charWidth
const rows = lines.map((line, i) => {
  const spans = runs(line).map((run) => `<tspan ${run.style}>${escape(run.text)}</tspan>`)
  return `<text x="${margin}" y="${margin + (i + 0.8) * lineHeight}">${spans.join('')}</text>`
})
console.log(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Output of npm run demo">
<rect width="100%" height="100%" rx="8" fill="#22272e"/>
<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13" fill="#adbac7" xml:space="preserve">
${rows.join('\n')}
</g>
</svg>`)
