/**
 * Runs the bundled Worker in workerd, Cloudflare's own runtime, behind the front. workerd is run
 * directly rather than through Miniflare: it starts in a tenth of the time, serves no paths of
 * its own to whoever is at the other end of a tunnel, and shows nobody a stack trace.
 */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { getCACertificates } from 'node:tls'
import type { Bundle } from './bundle.ts'
import { startChild } from './child.ts'
import { type Front, openFront } from './front.ts'

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
  exited: Promise<string>
  stop(): Promise<void>
}

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { bindings, onLine, front = await openFront(0) } = options
  const folder = await mkdtemp(join(tmpdir(), 'relay-worker-'))
  const config = join(folder, 'worker.capnp')
  await writeFile(config, configuration(options))
  const child = await startChild(workerd(), ['serve', config, '--control-fd', '3'], {
    // The configuration takes its values from here, so no secret is written to disk or shown
    // among the arguments.
    env: bindings,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    lastSignal: 'KILL',
  })
  const [, stdout, stderr, control] = child.process.stdio
  for (const output of [stdout, stderr]) {
    createInterface({ input: output as NodeJS.ReadableStream }).on('line', onLine)
  }
  const listening = once(control as NodeJS.ReadableStream, 'data')
  const started = await Promise.race([listening, child.exited])
  await rm(folder, { recursive: true })
  if (typeof started === 'string') {
    front.close()
    throw new Error(`workerd did not start (${started})`)
  }
  // The first message names the port: {"event":"listen","socket":"http","port":33279}
  front.forwardTo(JSON.parse(String(started[0])).port)

  return {
    pid: child.pid,
    url: `http://127.0.0.1:${front.port}`,
    exited: child.exited,
    async stop() {
      front.close()
      await child.stop(['SIGTERM', 'SIGKILL'], 200)
    },
  }
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
  const flags = bundle.compatibilityFlags.map(text)
  // Node's certificates, for a machine without any.
  const certificates = getCACertificates('default').map(text)
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "relay", worker = .relay),
    (name = "internet", network = (
      allow = ["public", "private"],
      tlsOptions = (trustedCertificates = [${certificates}]),
    )),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "relay")],
);
const relay :Workerd.Worker = (
  modules = [(name = "index.js", esModule = ${text(bundle.source)})],
  compatibilityDate = ${text(bundle.compatibilityDate)},
  compatibilityFlags = [${flags}],
  bindings = [${bound}],
);
`
}

/** A string in Cap'n Proto's syntax. */
function text(value: string): string {
  const escaped = value
    .replace(/[\\"]/g, '\\$&')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped.
    .replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `"${escaped}"`
}
