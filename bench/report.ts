/** Formats the figures as tables, in Markdown that is also readable as text. */
import type { AccessPattern, Dispatch, ToolOverhead } from './comparisons.ts'
import type { Footprint } from './footprint.ts'
import type { Growth } from './growth.ts'
import type { Cost, Throughput } from './throughput.ts'
import type { Waiting } from './waiting.ts'

export interface Results {
  measured_at: string
  version: string
  machine: { cpu: string; cpus: number; node: string; platform: string }
  overhead: ToolOverhead[]
  access_pattern: AccessPattern[]
  dispatch: Dispatch[]
  throughput: Throughput[]
  waiting: Waiting[]
  growth: Growth[]
  footprint: Footprint[]
}

export function formatResults(results: Results): string {
  const { machine } = results
  return [
    `relay-mcp ${results.version}, ${results.measured_at.slice(0, 10)}, ${machine.cpus} × ${machine.cpu}, Node ${machine.node}. Times are medians in milliseconds; ratios are what to compare.`,
    formatOverhead(results.overhead),
    accessPatternTable(results.access_pattern),
    dispatchTable(results.dispatch),
    formatThroughput(results.throughput),
    waitingTable(results.waiting),
    growthTable(results.growth),
    footprintTable(results.footprint),
  ].join('\n\n')
}

/** Formats the table of what a tool takes beyond the bare call. */
export function formatOverhead(rows: ToolOverhead[]): string {
  return formatTable(
    'Each tool through /mcp, compared with a bare call of its function: through a Worker that only forwards it, directly to the gateway, and directly with the gateway 20 ms away',
    ['tool', 'relay', 'bare, in a Worker', 'ratio', 'bare', 'ratio', 'far: relay', 'bare', 'ratio'],
    rows.map(({ tool, relay_ms, worker_ms, gateway_ms, far }) => [
      tool,
      ms(relay_ms),
      ms(worker_ms),
      ratio(relay_ms, worker_ms),
      ms(gateway_ms),
      ratio(relay_ms, gateway_ms),
      ms(far.relay_ms),
      ms(far.gateway_ms),
      ratio(far.relay_ms, far.gateway_ms),
    ]),
  )
}

function accessPatternTable(rows: AccessPattern[]): string {
  return formatTable(
    'One request per call, compared with the access pattern of 0.1.0 (a stand-in), with Supabase next to the Worker and 20 ms away',
    ['tool', 'requests', '0.1.0', 'near', '0.1.0', 'ratio', 'far', '0.1.0', 'ratio'],
    rows.map(({ tool, relay_requests, tables_requests, near, far }) => [
      tool,
      String(relay_requests),
      String(tables_requests),
      ms(near.relay_ms),
      ms(near.tables_ms),
      ratio(near.tables_ms, near.relay_ms),
      ms(far.relay_ms),
      ms(far.tables_ms),
      ratio(far.tables_ms, far.relay_ms),
    ]),
  )
}

function dispatchTable(rows: Dispatch[]): string {
  return formatTable(
    'Our dispatch, compared with the same tools behind @modelcontextprotocol/server',
    ['tool', 'relay', 'SDK', 'ratio'],
    rows.map(({ tool, relay_ms, sdk_ms }) => [
      tool,
      ms(relay_ms),
      ms(sdk_ms),
      ratio(sdk_ms, relay_ms),
    ]),
  )
}

/** Formats the table of calls per second. */
export function formatThroughput(rows: Throughput[]): string {
  const cells = ({ per_s, latency, cpu, rows: read }: Cost) => [
    per_s.toFixed(0),
    ms(latency),
    ...[cpu.worker, cpu.gateway, cpu.database].map((each) => each.toFixed(0)),
    read.toFixed(0),
  ]
  const head = ['per s', 'ms', 'Worker', 'gateway', 'database', 'rows']
  return formatTable(
    "Calls per second with 16 callers, over those of 0.1.0's pattern in bursts by turns; with the latency, the microseconds of CPU of each part and the rows read per call, first of the relay, then of 0.1.0's pattern; the limit is what a Worker reaches that only passes the call on",
    ['call', 'ratio', 'limit', ...head, ...head],
    rows.map(({ name, ratio: times, floor, relay, tables }) => [
      name,
      times.toFixed(2),
      floor?.toFixed(2) ?? '',
      ...cells(relay),
      ...cells(tables),
    ]),
  )
}

function waitingTable(rows: Waiting[]): string {
  return formatTable(
    'Readers that wait on one thread: microseconds of CPU per reader and second, and the time from a post to the answer of the last of them',
    ['readers', 'Worker', 'gateway', 'database', 'post, ms', 'last, ms', 'refused'],
    rows.map(({ readers, cpu, post_ms, last_ms, refused }) => [
      String(readers),
      ...[cpu.worker, cpu.gateway, cpu.database].map((each) => each.toFixed(0)),
      ms(post_ms),
      ms(last_ms),
      String(refused),
    ]),
  )
}

function growthTable(rows: Growth[]): string {
  const sizes = rows[0]?.sizes ?? []
  return formatTable(
    'Growth: calls that return the same rows, with more and more messages (a hundred per thread)',
    ['call', ...sizes.map(({ messages }) => messages.toLocaleString('en')), 'ratio', 'bound'],
    rows.map((row) => {
      const cells = sizes.map(({ messages }) => {
        const size = row.sizes.find((each) => each.messages === messages)
        return size ? ms(size.ms) : ''
      })
      return [row.name, ...cells, computeGrowth(row).toFixed(2), row.bound ? `≤ ${row.bound}` : '']
    }),
  )
}

/** Computes how much longer a call takes at the largest size than at the first. */
export function computeGrowth({ sizes }: Growth): number {
  return (sizes.at(-1)?.ms ?? Number.NaN) / (sizes[0]?.ms ?? Number.NaN)
}

function footprintTable(rows: Footprint[]): string {
  return formatTable(
    'Size and startup',
    ['Worker', 'minified, KiB', 'gzip, KiB', 'startup, ms of CPU'],
    rows.map(({ worker, bytes, gzip_bytes, startup_ms }) => [
      worker,
      (bytes / 1024).toFixed(1),
      (gzip_bytes / 1024).toFixed(1),
      startup_ms.toFixed(0),
    ]),
  )
}

const ms = (value: number) => value.toFixed(value < 100 ? 1 : 0)
const ratio = (a: number, b: number) => (a / b).toFixed(2)

/** Formats a Markdown table with aligned columns: the first to the left, figures to the right. */
function formatTable(title: string, head: string[], body: string[][]): string {
  const rows = [head, ...body]
  const widths = head.map((_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: string[]) =>
    `| ${row.map((cell, i) => (i ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, i) => (i ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [`${title}:`, '', line(head), line(rule), ...body.map(line)].join('\n')
}
