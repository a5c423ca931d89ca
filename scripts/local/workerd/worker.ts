/**
 * Runs the bundled Worker in workerd, Cloudflare's own runtime, behind the front. workerd is run
 * directly rather than through Miniflare: it starts in a tenth of the time, serves no paths of
 * its own to the other end of a tunnel, and shows nobody a stack trace.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { startChild } from '../../lib/child-process.ts'
import { UserError } from '../../lib/user-error.ts'
import { type Configuration, configure } from './configuration.ts'
import { type Front, openFront } from './front.ts'

// Experimental, because what calls `scheduled` is a flag of that kind; the Worker sets none.
const FLAGS = ['--control-fd', '3', '--experimental']

export interface WorkerOptions extends Configuration {
  /** The front to serve, which stays the caller's; without one, a free loopback port is opened. */
  front?: Front
  /** What the Worker writes to the console, line by line. */
  onLine: (line: string) => void
}

export interface Worker {
  pid: number
  url: string
  /** Does what Cloudflare's clock does: runs the Worker's `scheduled` to its end. */
  runScheduled(): Promise<void>
  exited: Promise<string>
  stop(): Promise<void>
}

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { bindings, onLine, front = await openFront(0) } = options
  const closeOwn = () => {
    if (!options.front) front.close()
  }
  const folder = await mkdtemp(join(tmpdir(), 'relay-worker-'))
  const config = join(folder, 'worker.capnp')
  await writeFile(config, configure(options))
  const child = await startChild(workerd(), ['serve', config, ...FLAGS], {
    // The configuration takes its values from here, so no secret is written to disk or shown
    // among the arguments.
    env: bindings,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    lastSignal: 'KILL',
  })
  const [, stdout, stderr, control] = child.process.stdio
  createInterface({ input: stdout as Readable }).on('line', onLine)
  createInterface({ input: stderr as Readable }).on('line', (line) => onLine(shorten(line)))
  const started = await Promise.race([listening(control as Readable), child.exited])
  await rm(folder, { recursive: true })
  if (typeof started === 'string') {
    closeOwn()
    throw new UserError(`workerd did not start (${started}).`)
  }
  const { relay, clock } = started
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

/**
 * What workerd itself says, without its source's file and line and without the trace behind it, which
 * tell a person nothing.
 */
function shorten(line: string): string {
  const [, said] = /^\S+\.(?:c\+\+|h|rs):\d+: \w+: (.*)/.exec(line) ?? []
  return said
    ? `workerd: ${said.replace(/; stack: .*/, '').replace(/\S+\.(?:c\+\+|h|rs):\d+: /g, '')}`
    : line
}

/** workerd names each port when it listens: {"event":"listen","socket":"relay","port":33279}. */
async function listening(control: Readable): Promise<{ relay: number; clock: number }> {
  const ports: Record<string, number> = {}
  for await (const line of createInterface({ input: control })) {
    const { socket, port } = JSON.parse(line)
    ports[socket] = port
    if (ports.relay && ports.clock) break
  }
  return ports as { relay: number; clock: number }
}

// The binary itself, not the package's script of that name, which would run a Node in between.
function workerd(): string {
  const require = createRequire(import.meta.url)
  return createRequire(require.resolve('wrangler/package.json'))('workerd').default
}
