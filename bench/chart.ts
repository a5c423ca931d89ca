/** Draws the growth curves as an SVG: one small panel per call, all on the same scale. */
import type { Growth } from './growth.ts'
import { computeGrowth } from './report.ts'

const COLUMNS = 3
const PANEL = { width: 250, height: 150 }
const PLOT = { left: 16, right: 46, top: 40, bottom: 26 }

/** The colours follow the reader's light or dark theme. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .quiet { fill: #59636e; font-size: 11px }
  .axis { stroke: #d1d9e0; stroke-width: 1 }
  .bound { stroke: #9a6700; stroke-width: 1; stroke-dasharray: 4 3 }
  .bound-label { fill: #9a6700; font-size: 11px }
  .curve { fill: none; stroke: #0969da; stroke-width: 2 }
  .dot { fill: #0969da }
  .end { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .quiet { fill: #9198a1 }
    .axis { stroke: #3d444d }
    .bound { stroke: #d29922 }
    .bound-label { fill: #d29922 }
    .curve { stroke: #4493f8 }
    .dot { fill: #4493f8 }
  }
`

/** Draws how much longer each call takes than at its smallest size; omits calls without a bound. */
export function drawGrowth(rows: Growth[]): string {
  const bounded = rows.filter(({ bound }) => bound !== null)
  const top = Math.max(3.2, ...bounded.flatMap((row) => row.sizes.map(({ ms }) => ms / first(row))))
  const largest = Math.max(...bounded.flatMap((row) => row.sizes.map(({ messages }) => messages)))
  const smallest = Math.min(...bounded.flatMap((row) => row.sizes.map(({ messages }) => messages)))
  const scale: Scale = { top, smallest, largest }
  const panels = bounded.map((row, index) => {
    const x = (index % COLUMNS) * PANEL.width
    const y = Math.floor(index / COLUMNS) * PANEL.height
    return `<g transform="translate(${x} ${y})">${drawPanel(row, scale)}</g>`
  })
  const width = COLUMNS * PANEL.width
  const height = Math.ceil(bounded.length / COLUMNS) * PANEL.height
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img"
  aria-label="${describe(bounded)}">
<style>${STYLE}</style>
${panels.join('\n')}
</svg>
`
}

interface Scale {
  /** The highest ratio. */
  top: number
  smallest: number
  largest: number
}

function drawPanel(row: Growth, { top, smallest, largest }: Scale): string {
  const right = PANEL.width - PLOT.right
  const floor = PANEL.height - PLOT.bottom
  const across = Math.log(largest / smallest)
  const x = (messages: number) =>
    round(PLOT.left + (Math.log(messages / smallest) / across) * (right - PLOT.left))
  const y = (ratio: number) => round(floor - (ratio / top) * (floor - PLOT.top))
  const points = row.sizes.map(({ messages, ms }) => [x(messages), y(ms / first(row))] as const)
  const end = points.at(-1) ?? [0, 0]
  const bound = row.bound ?? 0
  return `
<text x="${PLOT.left}" y="18">${row.name}</text>
<text class="quiet" x="${PLOT.left}" y="33">${first(row).toFixed(1)} ms at ${short(row.sizes[0]?.messages ?? 0)}</text>
<path class="axis" d="M${PLOT.left} ${floor}H${right}"/>
<path class="bound" d="M${PLOT.left} ${y(bound)}H${right}"/>
<text class="bound-label" x="${right + 6}" y="${y(bound) - 3}">≤ ${bound}</text>
<polyline class="curve" points="${points.map((point) => point.join(',')).join(' ')}"/>
${points.map(([cx, cy]) => `<circle class="dot" cx="${cx}" cy="${cy}" r="3"/>`).join('')}
<text class="end" x="${end[0] + 6}" y="${end[1] + 5}">×${computeGrowth(row).toFixed(2)}</text>
${row.sizes.map(({ messages }) => `<text class="quiet" text-anchor="middle" x="${x(messages)}" y="${floor + 15}">${short(messages)}</text>`).join('')}`
}

const first = ({ sizes }: Growth) => sizes[0]?.ms ?? Number.NaN
const round = (value: number) => Math.round(value * 10) / 10

function short(messages: number): string {
  return messages >= 1_000_000 ? `${messages / 1_000_000} M` : `${messages / 1000} k`
}

function describe(rows: Growth[]): string {
  const each = rows.map((row) => `${row.name} times ${computeGrowth(row).toFixed(2)}`)
  return `How much longer each call takes at the largest size than at the smallest: ${each.join(', ')}.`
}
