/**
 * `npm run bench`: measures the relay and its alternatives in one run. A missed bound is reported but is
 * not a failure, because times on a busy machine prove nothing.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import project from '../package.json' with { type: 'json' }
import { defineCommand, runCommand } from '../scripts/lib/command.ts'
import { type Bundle, bundleOther, bundleWorker } from '../scripts/local/workerd/bundle.ts'
import { startBed } from './bed.ts'
import { compareCalls } from './calls.ts'
import { drawGrowth } from './chart.ts'
import { type Bundles, startContenders } from './contenders.ts'
import { formatGrowth, measureGrowth } from './growth.ts'
import { measureThroughput } from './throughput.ts'

const HELP = `
npm run bench

Measures the relay and its alternatives, prints the figures of docs/performance.md and draws
bench/growth.svg. Takes about six minutes.
`

const CHART = new URL('growth.svg', import.meta.url)

function say(sentence: string): void {
  process.stderr.write(`${sentence} …\n`)
}

async function bundleAll(): Promise<Bundles> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-bundles-'))
  const bundle = (name: string) => {
    const main = fileURLToPath(new URL(`workers/${name}.ts`, import.meta.url))
    return bundleOther(main, join(folder, `${name}.upload`))
  }
  try {
    return {
      relay: await bundleWorker(),
      forward: await bundle('forward'),
      sdk: await bundle('sdk'),
      tables: await bundle('tables'),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const kib = ({ source }: Bundle) => (gzipSync(source).length / 1024).toFixed(1)

const command = defineCommand({
  help: HELP,
  options: {},
  async run() {
    say('bundling')
    const bundles = await bundleAll()
    const [cpu] = cpus()
    const machine = `${cpus().length} × ${cpu?.model}, Node ${process.versions.node}`
    console.log(`relay-mcp ${project.version}, ${machine}. Ratios are what to compare.\n`)
    console.log(
      `Compressed, the relay is ${kib(bundles.relay)} KiB, with the SDK ${kib(bundles.sdk)}.\n`,
    )

    await using bed = await startBed()
    const contenders = await startContenders(bed, bundles)
    say('comparing one call at a time')
    console.log(await compareCalls(contenders))
    say('measuring calls per second')
    console.log(await measureThroughput(bed, contenders))
    const growth = await measureGrowth(bed, bundles.relay, say)
    console.log(formatGrowth(growth))
    await writeFile(CHART, drawGrowth(growth))
    return undefined
  },
})

await runCommand(command, process.argv.slice(2))
