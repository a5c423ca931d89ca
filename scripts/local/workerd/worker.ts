/**
 * Runs the bundled Worker in workerd, Cloudflare's own runtime, behind the front. Runs workerd directly
 * instead of through Miniflare: it starts in a tenth of the time, serves no paths of its own through a
 * tunnel, and never shows a stack trace.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { startChild } from '../../lib/child-process.ts'
import { readLines } from '../../lib/lines.ts'
import { UserError } from '../../lib/user-error.ts'
import type { Process } from '../keeper.ts'
import { type Configuration, configure } from './configuration.ts'
import { type Front, openFront } from './front.ts'

// The flag with which clock.js calls `scheduled` is experimental. The Worker itself sets none.
const FLAGS = ['--control-fd', '3', '--experimental']

export interface WorkerOptions extends Configuration {
  /** The front to serve, owned by the caller. Without one, opens a free loopback port. */
  front?: Front
  /** Receives each line that the Worker writes to the console. */
  onLine: (line: string) => void
}

export interface Worker extends Process {
  url: string
  /** Runs the Worker's `scheduled`, as Cloudflare's cron trigger does. */
  runScheduled(): Promise<void>
}

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { bindings, onLine, front = await openFront(0) } = options
  const closeOwn = () => {
    if (!options.front) front.close()
  }
  const folder = await mkdtemp(join(tmpdir(), 'relay-worker-'))
  const config = join(folder, 'worker.capnp')
  await writeFile(config, configure(options))
  const child = await startChild(findWorkerd(), ['serve', config, ...FLAGS], {
    // The configuration reads its values from here, so that no secret is written to disk or appears
    // in the arguments.
    env: bindings,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    lastSignal: 'KILL',
  })
  const [, stdout, stderr, control] = child.process.stdio
  readLines(stdout as Readable, onLine)
  readLines(stderr as Readable, (line) => {
    if (!line.startsWith('stack: ')) onLine(shorten(line))
  })
  const started = await Promise.race([readPorts(control as Readable), child.exited])
  await rm(folder, { recursive: true })
  // The pipe of a workerd that ends closes before its end is known.
  const { relay, clock } = typeof started === 'string' ? {} : started
  if (!relay || !clock) {
    closeOwn()
    throw new UserError(`workerd did not start (${await child.exited}).`)
  }
  front.forwardTo(relay)

  return {
    pid: child.pid,
    url: `http://127.0.0.1:${front.port}`,
    async runScheduled() {
      await fetch(`http://127.0.0.1:${clock}`, { method: 'POST' })
    },
    exited: child.exited,
    async stop() {
      closeOwn()
      await child.stop(['SIGTERM', 'SIGKILL'], 200)
    },
  }
}

/** Removes source positions and stack traces from workerd's own messages, which do not help a person. */
function shorten(line: string): string {
  const [, said] = /^\S+\.(?:c\+\+|h|rs):\d+: \w+: (.*)/.exec(line) ?? []
  return said
    ? `workerd: ${said.replace(/; stack: .*/, '').replace(/\S+\.(?:c\+\+|h|rs):\d+: /g, '')}`
    : line
}

interface Ports {
  relay?: number
  clock?: number
}

/**
 * Reads the ports that workerd announces: {"event":"listen","socket":"relay","port":33279}. They are
 * missing if it ends before.
 */
async function readPorts(control: Readable): Promise<Ports> {
  const ports: Record<string, number> = {}
  for await (const line of createInterface({ input: control })) {
    const { socket, port } = JSON.parse(line)
    ports[socket] = port
    if (ports.relay && ports.clock) break
  }
  return ports
}

// The binary itself: the package's script of that name would run another Node in between.
function findWorkerd(): string {
  const require = createRequire(import.meta.url)
  return createRequire(require.resolve('wrangler/package.json'))('workerd').default
}
