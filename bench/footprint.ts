/** What a Worker weighs: its size as Cloudflare counts it, and the CPU that its start takes. */
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

/** `upload` gives the file that wrangler made of a bundle. */
export async function measureFootprint(
  bundles: Record<string, Bundle>,
  upload: (worker: string) => string,
): Promise<Footprint[]> {
  const startups = new Map<string, number[]>()
  for (let run = 0; run < RUNS; run += 1) {
    for (const worker of Object.keys(bundles)) {
      startups.set(worker, [...(startups.get(worker) ?? []), await startup(upload(worker))])
    }
  }
  return Object.entries(bundles).map(([worker, { source }]) => ({
    worker,
    bytes: Buffer.byteLength(source),
    gzip_bytes: gzipSync(source).length,
    startup_ms: median(startups.get(worker) ?? []),
  }))
}

/** Milliseconds that were not idle in the profile that `wrangler check startup` takes. */
async function startup(upload: string): Promise<number> {
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
