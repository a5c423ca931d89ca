/** Measures a Worker's size as Cloudflare counts it, and the CPU time of its start. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { startChild } from '../scripts/lib/child-process.ts'
import type { Bundle } from '../scripts/local/workerd/bundle.ts'
import { median } from './measure.ts'

const RUNS = 5

export interface Footprint {
  worker: string
  bytes: number
  gzip_bytes: number
  startup_ms: number
}

/** `upload` returns the path of the file that wrangler wrote for a Worker. */
export async function measureFootprint(
  bundles: Record<string, Bundle>,
  upload: (worker: string) => string,
): Promise<Footprint[]> {
  const startups = new Map<string, number[]>()
  for (let run = 0; run < RUNS; run += 1) {
    for (const worker of Object.keys(bundles)) {
      startups.set(worker, [...(startups.get(worker) ?? []), await measureStartup(upload(worker))])
    }
  }
  return Object.entries(bundles).map(([worker, { source }]) => ({
    worker,
    bytes: Buffer.byteLength(source),
    gzip_bytes: measureGzip(source),
    startup_ms: median(startups.get(worker) ?? []),
  }))
}

/** The size of a Worker's script after gzip, which is what Cloudflare limits. */
export const measureGzip = (source: string) => gzipSync(source).length

/** The milliseconds that are not idle in the profile of `wrangler check startup`. */
async function measureStartup(upload: string): Promise<number> {
  const profile = `${upload}.cpuprofile`
  const wrangler = dirname(createRequire(import.meta.url).resolve('wrangler/package.json'))
  const child = await startChild(
    process.execPath,
    [
      join(wrangler, 'bin', 'wrangler.js'),
      'check',
      'startup',
      '--worker',
      upload,
      '--outfile',
      profile,
    ],
    {
      env: {
        ...process.env,
        CI: 'true',
        WRANGLER_SEND_METRICS: 'false',
        WRANGLER_WRITE_LOGS: 'false',
      },
      stdio: 'ignore',
      lastSignal: 'KILL',
    },
  )
  const end = await child.exited
  if (end !== 'exit code 0') throw new Error(`wrangler check startup: ${end}`)
  const { nodes, samples, timeDeltas }: Profile = JSON.parse(await readFile(profile, 'utf8'))
  const idle = new Set(
    nodes.filter((node) => node.callFrame.functionName === '(idle)').map((node) => node.id),
  )
  const busy = samples.map((id, index) => (idle.has(id) ? 0 : (timeDeltas[index] ?? 0)))
  return busy.reduce((sum, microseconds) => sum + microseconds, 0) / 1000
}

interface Profile {
  nodes: { id: number; callFrame: { functionName: string } }[]
  samples: number[]
  timeDeltas: number[]
}
