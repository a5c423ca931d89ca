/**
 * Runs the bundled Worker in workerd, Cloudflare's own runtime, behind the front. workerd is run
 * directly rather than through Miniflare: it starts in a tenth of the time, serves no paths of
 * its own to whoever is at the other end of a tunnel, and shows nobody a stack trace.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { getCACertificates } from 'node:tls'
import { startChild } from '../../lib/child-process.ts'
import type { Bundle } from './bundle.ts'
import { type Front, openFront } from './front.ts'

// Experimental, because what calls `scheduled` is a flag of that kind; the Worker sets none.
const FLAGS = ['--control-fd', '3', '--experimental']

/** A second Worker beside the relay's, since only a Worker can call another's `scheduled`. */
const CLOCK = `export default {
  async fetch(request, env) {
    await env.RELAY.scheduled({ scheduledTime: new Date(), cron: '' })
    return new Response()
  }
}`

/** What Cloudflare's rate-limiting binding does, in one isolate: counts a key in windows of time. */
const RATE_LIMIT = `export default function bind({ simple: { limit, period } }) {
  const windows = new Map()
  return {
    async limit({ key }) {
      const now = Date.now()
      for (const [other, { end }] of windows) if (end <= now) windows.delete(other)
      const window = windows.get(key) ?? { end: now + period * 1000, count: 0 }
      windows.set(key, window)
      window.count += 1
      return { success: window.count <= limit }
    }
  }
}`

export interface WorkerOptions {
  bundle: Bundle
  bindings: Record<string, string>
  /** The front to serve; without one, a free loopback port is opened. */
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
  const folder = await mkdtemp(join(tmpdir(), 'relay-worker-'))
  const config = join(folder, 'worker.capnp')
  await writeFile(config, configuration(options))
  const child = await startChild(workerd(), ['serve', config, ...FLAGS], {
    // The configuration takes its values from here, so no secret is written to disk or shown
    // among the arguments.
    env: bindings,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    lastSignal: 'KILL',
  })
  const [, stdout, stderr, control] = child.process.stdio
  for (const output of [stdout, stderr]) {
    createInterface({ input: output as Readable }).on('line', onLine)
  }
  const started = await Promise.race([listening(control as Readable), child.exited])
  await rm(folder, { recursive: true })
  if (typeof started === 'string') {
    front.close()
    throw new Error(`workerd did not start (${started})`)
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
      front.close()
      await child.stop(['SIGTERM', 'SIGKILL'], 200)
    },
  }
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

function configuration({ bundle, bindings }: WorkerOptions): string {
  const bound = Object.keys(bindings).map(
    (name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`,
  )
  const limits = bundle.rateLimits.map(
    ({ name, simple }) =>
      `(name = ${text(name)}, wrapped = (moduleName = "relay:rate-limit", innerBindings = [` +
      `(name = "simple", json = ${text(JSON.stringify(simple))})]))`,
  )
  const flags = bundle.compatibilityFlags.map(text)
  // Node's certificates, for a machine without any.
  const certificates = getCACertificates('default').map(text)
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "relay", worker = .relay),
    (name = "clock", worker = .clock),
    (name = "internet", network = (
      allow = [${reachable(bindings).map(text)}],
      tlsOptions = (trustedCertificates = [${certificates}]),
    )),
  ],
  extensions = [(modules = [
    (name = "relay:rate-limit", internal = true, esModule = ${text(RATE_LIMIT)}),
  ])],
  sockets = [
    (name = "relay", address = "127.0.0.1:0", http = (), service = "relay"),
    (name = "clock", address = "127.0.0.1:0", http = (), service = "clock"),
  ],
);
const relay :Workerd.Worker = (
  modules = [(name = "index.js", esModule = ${text(bundle.source)})],
  compatibilityDate = ${text(bundle.compatibilityDate)},
  compatibilityFlags = [${flags}],
  bindings = [${[...bound, ...limits]}],
);
const clock :Workerd.Worker = (
  modules = [(name = "clock.js", esModule = ${text(CLOCK)})],
  compatibilityDate = ${text(bundle.compatibilityDate)},
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [(name = "RELAY", service = "relay")],
);
`
}

/**
 * Where the Worker may go: the internet, and the database. Not the network around this machine: it
 * fetches documents whose addresses strangers choose.
 */
function reachable({ SUPABASE_URL = '' }: Record<string, string>): string[] {
  const isHere = URL.parse(SUPABASE_URL)?.hostname === '127.0.0.1'
  return ['public', isHere ? '127.0.0.1/32' : 'private']
}

/** A string in Cap'n Proto's syntax. */
function text(value: string): string {
  const escaped = value
    .replace(/[\\"]/g, '\\$&')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped.
    .replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `"${escaped}"`
}
