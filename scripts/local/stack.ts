/**
 * Starts the local stack in the order of its dependencies: port, data directory, PostgreSQL and bundle in
 * parallel, gateway, Worker. Stops the parts in reverse order, and restarts a part that ends by itself.
 */
import { once } from 'node:events'
import type { Settings } from '../lib/settings.ts'
import { lockDataDirectory } from './data-directory-lock.ts'
import { keepUp, type Part } from './keep-up.ts'
import { ensureClusterDirectory } from './postgres/directory.ts'
import { type PostgresOptions, startPostgres } from './postgres/server.ts'
import { startGateway } from './supabase/gateway.ts'
import { prepareDatabase } from './supabase/migrate.ts'
import { DATABASE } from './supabase/roles.ts'
import { type Bundle, bundleWorker } from './workerd/bundle.ts'
import { openFront } from './workerd/front.ts'
import { startWorker, type Worker } from './workerd/worker.ts'

/** The number that a small Supabase project has. */
const MAX_CONNECTIONS = 60
const DAY_MS = 24 * 60 * 60 * 1000

export interface StackEvents {
  /** A line that the Worker wrote to the console. */
  onLine: (line: string) => void
  /** A sentence that the person should see. */
  onNotice: (sentence: string) => void
}

export class Stack {
  /** How the parts stop. */
  #parts: (() => unknown)[] = []
  /** How the port and the data directory are released, after all parts have ended. */
  #ground: (() => unknown)[] = []
  /** Aborted when everything must stop, including parts that are being started. */
  #ending = new AbortController()
  #starting: Promise<string> | undefined
  #stopped: Promise<void> | undefined
  #settings: Settings
  #events: StackEvents
  /** Stops the Worker so that it is restarted with other keys. */
  #reload: () => Promise<void> = async () => {}
  #isReloading = false

  constructor(settings: Settings, events: StackEvents) {
    this.#settings = settings
    this.#events = events
  }

  /**
   * Starts everything and announces it to other commands; returns the origin it listens on. Rejects if
   * `stop` is called meanwhile. After a failure, `stop` stops what has been started.
   */
  start(version: string): Promise<string> {
    this.#starting = this.#startAll(version)
    return this.#starting
  }

  async #startAll(version: string): Promise<string> {
    this.#ending.signal.throwIfAborted()
    const { port, dataDirectory, supabaseUrl, publicUrl } = this.#settings
    const front = await openFront(port)
    this.#own(this.#ground, front.close)
    const lock = lockDataDirectory(dataDirectory)
    this.#own(this.#ground, lock.release)

    const { database, bundle } = await this.#prepare()
    const start = () => {
      const bindings = createBindings(this.#settings, database)
      const { trustsConnectingIp } = this.#settings
      return startWorker({ bundle, bindings, trustsConnectingIp, front, ...this.#events })
    }
    let worker = await start()
    this.#keep('The Worker', worker, async () => {
      for (;;) {
        // Requests wait until it is up again.
        front.hold()
        const used = this.#settings
        worker = await start()
        if (used === this.#settings) return worker
        // The keys have changed again since it started.
        await worker.stop()
      }
    })
    this.#reload = async () => {
      front.hold()
      await worker.stop()
    }
    this.#ending.signal.throwIfAborted()
    if (supabaseUrl) this.#keepAwake(() => worker)
    const startedAt = new Date().toISOString()
    lock.announce({ url: worker.url, publicUrl, version, startedAt, supabaseUrl })
    return worker.url
  }

  get isStopping(): boolean {
    return this.#stopped !== undefined
  }

  /** Stops everything that has been started; later calls wait for the first. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll()
    return this.#stopped
  }

  /** Restarts the Worker with other keys. */
  async changeKeys({ apiKey, previousApiKey }: Settings): Promise<void> {
    this.#settings = { ...this.#settings, apiKey, previousApiKey }
    this.#isReloading = true
    await this.#reload()
  }

  async #stopAll(): Promise<void> {
    this.#ending.abort()
    // Ends the wait of a start in progress.
    await stopEach(this.#parts)
    await this.#starting?.catch(() => {})
    // The parts that it has started since.
    await stopEach(this.#parts)
    await stopEach(this.#ground)
  }

  /** Registers how something stops. Throws if everything is being stopped; it is then stopped as well. */
  #own(stops: (() => unknown)[], stop: () => unknown): void {
    stops.push(stop)
    this.#ending.signal.throwIfAborted()
  }

  /** Starts the database and bundles the Worker. If one fails, the other is not left starting. */
  async #prepare(): Promise<{ database: string; bundle: Bundle }> {
    const { signal } = this.#ending
    const database = this.#startDatabase()
    // wrangler needs not be waited for: it never outlives this process.
    const interrupted = once(signal, 'abort').then(() => signal.throwIfAborted() as never)
    try {
      const both = Promise.all([database, bundleWorker()])
      const [url, bundle] = await Promise.race([both, interrupted])
      return { database: url, bundle }
    } catch (error) {
      this.#ending.abort()
      await database.catch(() => {})
      throw error
    }
  }

  /** Returns the URL of the project, or of the gateway to the embedded database. */
  async #startDatabase(): Promise<string> {
    const { supabaseUrl, dataDirectory, serviceKey } = this.#settings
    if (supabaseUrl) return supabaseUrl

    const { path: directory, isElsewhere } = await ensureClusterDirectory(dataDirectory)
    if (isElsewhere) {
      this.#events.onNotice(
        `The database is in ${directory}, because PostgreSQL does not run as root, and the account it ` +
          `uses instead may not enter ${dataDirectory}.`,
      )
    }
    const { signal } = this.#ending
    const options: PostgresOptions = {
      directory,
      durable: true,
      maxConnections: MAX_CONNECTIONS,
      signal,
    }
    const postgres = await startPostgres(options)
    const { port } = postgres.connection(DATABASE)
    // Until it is up again, the relay reports that its database cannot be reached.
    this.#keep('PostgreSQL', postgres, () => startPostgres({ ...options, port }))

    const connection = await prepareDatabase(postgres)
    const gateway = await startGateway({ connection, keys: { service: serviceKey } })
    this.#own(this.#parts, gateway.stop)
    return gateway.url
  }

  /** Makes a part stop with the rest, and restart if it ends by itself. */
  #keep(name: string, first: Part, restart: () => Promise<Part>): void {
    const { onNotice } = this.#events
    let part = first
    this.#own(this.#parts, () => part.stop())
    keepUp({
      part,
      isStopping: () => this.isStopping,
      isExpected: () => this.#isReloading,
      onFault: (error) => onNotice(error.message),
      onEnd: (end, pause) => {
        if (this.#isReloading)
          return onNotice('The keys have changed. Restarting the Worker with the new ones.')
        const when = pause > 0 ? ` in ${pause / 1000} s` : ''
        onNotice(`${name} stopped unexpectedly (${end}). Restarting it${when}.`)
      },
      restart: async () => {
        part = await restart()
        if (!this.#isReloading) onNotice(`${name} is up again.`)
        this.#isReloading = false
        return part
      },
    })
  }

  /** Runs the daily query that keeps a free project awake, which on Cloudflare is a cron trigger. */
  #keepAwake(worker: () => Worker): void {
    const run = () =>
      worker()
        .runScheduled()
        .catch(() => {})
    const clock = setInterval(run, DAY_MS)
    this.#parts.push(() => clearInterval(clock))
    run()
  }
}

/** Stops in reverse order. */
async function stopEach(stops: (() => unknown)[]): Promise<void> {
  for (let stop = stops.pop(); stop; stop = stops.pop()) await stop()
}

function createBindings(settings: Settings, supabaseUrl: string): Record<string, string> {
  const { publicUrl } = settings
  const hosts = ['localhost', '127.0.0.1', '[::1]']
  if (publicUrl) hosts.push(new URL(publicUrl).hostname)
  const bindings = {
    RELAY_API_KEY: settings.apiKey,
    RELAY_API_KEY_PREVIOUS: settings.previousApiKey,
    RELAY_USER_ID: settings.userId,
    RELAY_PUBLIC_URL: publicUrl,
    RELAY_ALLOWED_ORIGINS: settings.allowedOrigins,
    RELAY_APP: settings.app,
    RELAY_NOTIFY_URL: settings.notifyUrl,
    RELAY_NOTIFY_FOR: settings.notifyFor,
    // Other names are refused. Otherwise a web page could reach the relay by pointing its own name at
    // this machine (DNS rebinding).
    RELAY_HOSTS: hosts.join(','),
    SUPABASE_URL: supabaseUrl,
    SUPABASE_SERVICE_KEY: settings.serviceKey,
  }
  const given = Object.entries(bindings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Record<string, string>
}
