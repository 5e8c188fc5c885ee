export interface PlotSeries {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface PlotPlan {
  readonly title: string
  readonly xLabel: string
  /** Each has a panel and a scale of its own, from 0. */
  readonly series: readonly PlotSeries[]
}

const panel = { width: 640, height: 150, left: 64, right: 24, top: 34, bottom: 28 }

/** Lines over one axis, a panel each, as an SVG file that is readable on light and on dark ground. */
export function renderLinePlot({ title, xLabel, series }: PlotPlan): string {
  const height = 40 + series.length * panel.height + 24
  const maxX = Math.max(1, ...series.flatMap(({ points }) => points.map(({ x }) => x)))
  const panels = series.map((one, i) => renderPanel(one, maxX, 40 + i * panel.height))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${panel.width} ${height}" role="img">
<title>${escape(title)}</title>
<style>
  text { font: 12px system-ui, sans-serif; fill: #222 } .head { font-weight: 600 }
  .axis { stroke: #999 } .line { stroke: #0969da; fill: none; stroke-width: 2 } circle { fill: #0969da }
  @media (prefers-color-scheme: dark) { text { fill: #e6e6e6 } .line { stroke: #58a6ff } circle { fill: #58a6ff } }
</style>
<text class="head" x="${panel.left}" y="20">${escape(title)}</text>
${panels.join('\n')}
<text x="${panel.width / 2}" y="${height - 8}" text-anchor="middle">${escape(xLabel)}</text>
</svg>
`
}

function renderPanel({ name, points }: PlotSeries, maxX: number, top: number): string {
  const maxY = Math.max(Number.MIN_VALUE, ...points.map(({ y }) => y)) * 1.1
  const bottom = top + panel.height - panel.bottom
  const plotHeight = panel.height - panel.top - panel.bottom
  const plotWidth = panel.width - panel.left - panel.right
  const place = points.map(({ x, y }) => ({
    x: panel.left + (x / maxX) * plotWidth,
    y: bottom - (y / maxY) * plotHeight,
    label: shortNumber(y),
    tick: shortNumber(x),
  }))
  const dots = place.map(
    ({ x, y, label, tick }) =>
      `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3"/><text x="${x.toFixed(1)}" y="${(y - 7).toFixed(1)}" text-anchor="middle">${label}</text><text x="${x.toFixed(1)}" y="${bottom + 15}" text-anchor="middle">${tick}</text>`,
  )
  const line = place.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
  return `<text class="head" x="${panel.left}" y="${top + 12}">${escape(name)}</text>
<line class="axis" x1="${panel.left}" y1="${bottom}" x2="${panel.width - panel.right}" y2="${bottom}"/>
<polyline class="line" points="${line}"/>${dots.join('')}`
}

function shortNumber(value: number): string {
  if (value >= 1000) return `${Number((value / 1000).toPrecision(3))}k`
  return `${Number(value.toPrecision(3))}`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
