/**
 * `npm run bench`: measures the relay and its alternatives in one run. A missed bound is reported but is
 * not a failure, because times on a busy machine prove nothing.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import project from '../package.json' with { type: 'json' }
import { defineCommand, runCommand } from '../scripts/lib/command.ts'
import { UsageError } from '../scripts/lib/user-error.ts'
import { startBed } from './bed.ts'
import { drawGrowth } from './chart.ts'
import {
  bundleAll,
  measureAccessPattern,
  measureDispatch,
  measureOverhead,
  startContenders,
  uploadPath,
} from './comparisons.ts'
import { drawCosts } from './cost-chart.ts'
import { measureFootprint } from './footprint.ts'
import { measureGrowth } from './growth.ts'
import { formatOverhead, formatResults, formatThroughput, type Results } from './report.ts'
import { measureThroughput } from './throughput.ts'
import { measureWaiting } from './waiting.ts'

const HELP = `
npm run bench [-- --only overhead|throughput]

Measures the relay and its alternatives, and prints the figures. Writes bench/results.json,
bench/growth.svg and bench/costs.svg. Takes about twelve minutes, most of them to insert a million messages.

  --only overhead    Only compare each tool with the bare call, in about a minute. Writes no files.
  --only throughput  Only measure calls per second, in about three minutes. Writes no files.
`

const OUTPUT = new URL('./', import.meta.url)

function say(sentence: string): void {
  process.stderr.write(`${sentence} …\n`)
}

async function measure(folder: string): Promise<Results> {
  say('bundling')
  const bundles = await bundleAll(folder)
  const { relay, sdk } = bundles
  say('measuring startup')
  const footprint = await measureFootprint({ relay, sdk }, (name) => uploadPath(folder, name))

  await using bed = await startBed()
  const contenders = await startContenders(bed, bundles)
  say('comparing each tool with the bare call')
  const overhead = await measureOverhead(contenders)
  say('comparing each tool with the access pattern of 0.1.0')
  const accessPattern = await measureAccessPattern(contenders)
  say('comparing each tool with the SDK')
  const dispatch = await measureDispatch(contenders)
  say('measuring calls per second')
  const throughput = await measureThroughput(bed, contenders)
  say('measuring waiting readers')
  const waiting = await measureWaiting(bed, contenders)
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
    waiting,
    growth,
    footprint,
  }
}

/** Measures one part, and returns its table. */
async function measurePart(part: 'overhead' | 'throughput', folder: string): Promise<string> {
  say('bundling')
  const bundles = await bundleAll(folder)
  await using bed = await startBed()
  const contenders = await startContenders(bed, bundles)
  say('measuring')
  return part === 'overhead'
    ? formatOverhead(await measureOverhead(contenders))
    : formatThroughput(await measureThroughput(bed, contenders))
}

const command = defineCommand({
  help: HELP,
  options: { only: { type: 'string' } },
  async run({ only }) {
    if (only !== undefined && only !== 'overhead' && only !== 'throughput') {
      throw new UsageError(`--only must be overhead or throughput, not ${only}.`)
    }
    const folder = await mkdtemp(join(tmpdir(), 'relay-bundles-'))
    try {
      if (only) {
        console.log(await measurePart(only, folder))
        return undefined
      }
      const results = await measure(folder)
      await writeFile(new URL('results.json', OUTPUT), `${JSON.stringify(results, null, 2)}\n`)
      await writeFile(new URL('growth.svg', OUTPUT), drawGrowth(results.growth))
      await writeFile(new URL('costs.svg', OUTPUT), drawCosts(results.throughput))
      console.log(formatResults(results))
      return undefined
    } finally {
      await rm(folder, { recursive: true })
    }
  },
})

await runCommand(command, process.argv.slice(2))
