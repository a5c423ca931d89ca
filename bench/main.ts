/** `npm run bench`: measures the relay next to what it is compared with, in one run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import project from '../package.json' with { type: 'json' }
import { defineCommand, runCommand } from '../scripts/lib/command.ts'
import { startBed } from './bed.ts'
import { drawGrowth } from './chart.ts'
import {
  bundleAll,
  measureAccessPattern,
  measureDispatch,
  measureOverhead,
  measureThroughput,
  startContenders,
  uploadPath,
} from './comparisons.ts'
import { measureFootprint } from './footprint.ts'
import { measureGrowth } from './growth.ts'
import { formatResults, type Results } from './report.ts'

const HELP = `
npm run bench

Measures the relay next to what it is compared with, in one run, and prints the figures. Takes about nine
minutes, most of them for filling in a million messages. Writes bench/results.json and bench/growth.svg.

A missed bound is a figure, not a failure: times on a busy machine prove nothing.
`

const OUTPUT = new URL('./', import.meta.url)

function say(sentence: string): void {
  process.stderr.write(`${sentence} …\n`)
}

async function measure(folder: string): Promise<Results> {
  say('bundling')
  const bundles = await bundleAll(folder)
  const { relay, sdk } = bundles
  say('starting up')
  const footprint = await measureFootprint({ relay, sdk }, (name) => uploadPath(folder, name))

  await using bed = await startBed()
  const contenders = await startContenders(bed, bundles)
  say('each tool, and the bare call')
  const overhead = await measureOverhead(contenders)
  say('each tool, and the access pattern of 0.1.0')
  const accessPattern = await measureAccessPattern(contenders)
  say('each tool, and the SDK')
  const dispatch = await measureDispatch(contenders)
  say('posts in a second')
  const throughput = await measureThroughput(contenders)
  const growth = await measureGrowth(bed, relay, say)

  const [cpu] = cpus()
  return {
    measured_at: new Date().toISOString(),
    version: project.version,
    machine: {
      cpu: cpu?.model ?? 'unknown',
      cpus: cpus().length,
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
    },
    overhead,
    access_pattern: accessPattern,
    dispatch,
    throughput,
    growth,
    footprint,
  }
}

const command = defineCommand({
  help: HELP,
  options: {},
  async run() {
    const folder = await mkdtemp(join(tmpdir(), 'relay-bundles-'))
    try {
      const results = await measure(folder)
      await writeFile(new URL('results.json', OUTPUT), `${JSON.stringify(results, null, 2)}\n`)
      await writeFile(new URL('growth.svg', OUTPUT), drawGrowth(results.growth))
      console.log(formatResults(results))
      return undefined
    } finally {
      await rm(folder, { recursive: true })
    }
  },
})

await runCommand(command, process.argv.slice(2))
