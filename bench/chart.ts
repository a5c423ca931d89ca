/** Draws growth as an SVG: a bar for each call with a bound, which is a dashed line. */
import { computeGrowth, type Growth } from './growth.ts'

const WIDTH = 720
const LEFT = 210
const ROW = 26

/** The colours follow the reader's light or dark theme. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .bar { fill: #0969da }
  .bound { stroke: #9a6700; stroke-dasharray: 4 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .bar { fill: #4493f8 }
    .bound { stroke: #d29922 }
  }
`

/** Draws how much longer each call takes at the largest size than at the smallest. */
export function drawGrowth(rows: Growth[]): string {
  const bars = rows.flatMap(({ bound, ...row }) => (bound ? [{ ...row, bound }] : []))
  const most = Math.max(...bars.flatMap((row) => [row.bound, computeGrowth(row)]))
  const x = (ratio: number) => Math.round((ratio / most) * (WIDTH - LEFT - 60))
  const drawn = bars.map((row, index) => {
    const ratio = computeGrowth(row)
    return `<g transform="translate(${LEFT} ${index * ROW})">
<text x="-10" y="17" text-anchor="end">${row.name}</text>
<rect class="bar" y="5" width="${x(ratio)}" height="16"/>
<path class="bound" d="M${x(row.bound)} 0V${ROW}"/>
<text x="${x(Math.max(ratio, row.bound)) + 8}" y="17">×${ratio.toFixed(2)} of ${row.bound}</text>
</g>`
  })
  const each = bars.map((row) => `${row.name} times ${computeGrowth(row).toFixed(2)}`)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bars.length * ROW}" role="img"
  aria-label="How much longer each call takes at the largest size: ${each.join(', ')}.">
<style>${STYLE}</style>
${drawn.join('\n')}
</svg>
`
}
