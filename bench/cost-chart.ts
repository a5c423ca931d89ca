/** Draws where the time goes: the CPU of each part for one call, of the relay and of 0.1.0's pattern. */
import type { Cost, Throughput } from './throughput.ts'

const WIDTH = 720
const LEFT = 190
const RIGHT = 90
const ROW = 22
const GROUP = 2 * ROW + 16
const TOP = 40

const PARTS = ['worker', 'gateway', 'database'] as const
const LABELS = { worker: 'Worker', gateway: 'gateway', database: 'PostgreSQL' }

/** The colours follow the reader's light or dark theme. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .quiet { fill: #59636e; font-size: 11px }
  .worker { fill: #0969da } .gateway { fill: #8250df } .database { fill: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .quiet { fill: #9198a1 }
    .worker { fill: #4493f8 } .gateway { fill: #ab7df8 } .database { fill: #3fb950 }
  }
`

export function drawCosts(rows: Throughput[]): string {
  const drawn = rows.filter(({ relay }) => sum(relay) > 0)
  const most = Math.max(1, ...drawn.flatMap(({ relay, tables }) => [sum(relay), sum(tables)]))
  const scale = (WIDTH - LEFT - RIGHT) / most
  const height = TOP + drawn.length * GROUP
  const legend = PARTS.map(
    (part, n) =>
      `<rect class="${part}" x="${LEFT + n * 110}" y="10" width="12" height="12"/><text x="${LEFT + n * 110 + 18}" y="20">${LABELS[part]}</text>`,
  )
  const groups = drawn.map(({ name, relay, tables }, n) => {
    const y = TOP + n * GROUP
    return `<text x="0" y="${y + 15}">${name}</text>
<text class="quiet" text-anchor="end" x="${LEFT - 8}" y="${y + 15}">0.2.0</text>${drawBar(relay, y, scale)}
<text class="quiet" text-anchor="end" x="${LEFT - 8}" y="${y + ROW + 15}">0.1.0</text>${drawBar(tables, y + ROW, scale)}`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"
  aria-label="${describe(drawn)}">
<style>${STYLE}</style>
${legend.join('')}
${groups.join('\n')}
</svg>
`
}

function drawBar(cost: Cost, y: number, scale: number): string {
  let x = LEFT
  const bars = PARTS.map((part) => {
    const width = cost.cpu[part] * scale
    const bar = `<rect class="${part}" x="${round(x)}" y="${y}" width="${round(width)}" height="${ROW - 4}"/>`
    x += width
    return bar
  })
  return `${bars.join('')}<text x="${round(x) + 6}" y="${y + 14}">${(sum(cost) / 1000).toFixed(1)} ms</text>`
}

const sum = ({ cpu }: Cost) => cpu.worker + cpu.gateway + cpu.database
const round = (value: number) => Math.round(value * 10) / 10

function describe(rows: Throughput[]): string {
  const each = rows.map(
    ({ name, relay, tables }) =>
      `${name} ${(sum(relay) / 1000).toFixed(1)} ms, in 0.1.0 ${(sum(tables) / 1000).toFixed(1)} ms`,
  )
  return `CPU time of one call: ${each.join('; ')}.`
}
