/**
 * The whole local stack in the order its parts need each other: port, data directory, PostgreSQL
 * and bundle side by side, gateway, Worker. What has been started is stopped in reverse, and what
 * ends by itself is started again.
 */
import type { Settings } from '../lib/settings.ts'
import { type DataDirectoryLock, lockDataDirectory } from './data-directory-lock.ts'
import { keepUp, type Part } from './keep-up.ts'
import { clusterDirectory } from './postgres/directory.ts'
import { type PostgresOptions, STOP_SIGNALS, startPostgres } from './postgres/server.ts'
import { startGateway } from './supabase/gateway.ts'
import { prepareDatabase } from './supabase/migrate.ts'
import { DATABASE } from './supabase/roles.ts'
import { bundleWorker } from './workerd/bundle.ts'
import { openFront } from './workerd/front.ts'
import { startWorker, type Worker } from './workerd/worker.ts'

/** As many as a small Supabase project has. */
const MAX_CONNECTIONS = 60
const DAY_MS = 24 * 60 * 60 * 1000

export interface StackEvents {
  /** What the Worker writes to the console. */
  onLine: (line: string) => void
  /** A sentence the person should see. */
  onNotice: (sentence: string) => void
}

export class Stack {
  #stops: (() => unknown)[] = []
  #stopped: Promise<void> | undefined
  #settings: Settings
  #events: StackEvents
  /** Ends the Worker so that it is started again with other keys. */
  #reload: () => Promise<void> = async () => {}
  #isReloading = false

  constructor(settings: Settings, events: StackEvents) {
    this.#settings = settings
    this.#events = events
  }

  /** Starts everything and tells other commands so; returns the origin that it listens on. */
  async start(version: string): Promise<string> {
    const { port, dataDirectory, supabaseUrl, publicUrl } = this.#settings
    const front = await openFront(port)
    this.#stops.push(front.close)
    const lock = await lockDataDirectory(dataDirectory)
    this.#stops.push(lock.release)

    const [database, bundle] = await Promise.all([this.#startDatabase(lock), bundleWorker()])
    const start = () => {
      const bindings = bindingsOf(this.#settings, database)
      const { trustsConnectingIp } = this.#settings
      return startWorker({ bundle, bindings, trustsConnectingIp, front, ...this.#events })
    }
    let worker = await start()
    this.#keep('The Worker', worker, lock, ['SIGKILL'], async () => {
      // Requests that come meanwhile wait.
      front.hold()
      worker = await start()
      return worker
    })
    this.#reload = async () => {
      front.hold()
      await worker.stop()
    }
    if (supabaseUrl) this.#keepAwake(() => worker)
    const startedAt = new Date().toISOString()
    lock.announce({ url: worker.url, publicUrl, version, startedAt, supabaseUrl })
    return worker.url
  }

  get isStopping(): boolean {
    return this.#stopped !== undefined
  }

  /** Stops what has been started, once. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll()
    return this.#stopped
  }

  /** Serves with other keys from now on. The old ones end with the Worker that had them. */
  async changeKeys({ apiKey, previousApiKey }: Settings): Promise<void> {
    this.#settings = { ...this.#settings, apiKey, previousApiKey }
    this.#isReloading = true
    await this.#reload()
  }

  async #stopAll(): Promise<void> {
    for (const stop of this.#stops.toReversed()) await stop()
  }

  /** The project's URL, or that of the gateway to the embedded database. */
  async #startDatabase(lock: DataDirectoryLock): Promise<string> {
    const { supabaseUrl, dataDirectory, serviceKey } = this.#settings
    if (supabaseUrl) return supabaseUrl

    const { path: directory, isElsewhere } = await clusterDirectory(dataDirectory)
    if (isElsewhere) {
      this.#events.onNotice(
        `The database is in ${directory}: PostgreSQL does not run as root, and the account ` +
          `it runs as instead may not enter ${dataDirectory}.`,
      )
    }
    const options: PostgresOptions = { directory, durable: true, maxConnections: MAX_CONNECTIONS }
    const postgres = await startPostgres(options)
    const { port } = postgres.connection(DATABASE)
    // Until it is up again, the relay says that its database can't be reached.
    this.#keep('PostgreSQL', postgres, lock, STOP_SIGNALS, () =>
      startPostgres({ ...options, port }),
    )

    const connection = await prepareDatabase(postgres)
    const gateway = await startGateway({ connection, keys: { service: serviceKey } })
    this.#stops.push(gateway.stop)
    return gateway.url
  }

  /** Has a part stopped with the rest, and started again if it ends by itself. */
  #keep(
    name: string,
    first: Part,
    lock: DataDirectoryLock,
    signals: NodeJS.Signals[],
    restart: () => Promise<Part>,
  ): void {
    const { onNotice } = this.#events
    let part = first
    lock.adopt(part.pid, signals)
    this.#stops.push(() => part.stop())
    keepUp({
      part,
      isStopping: () => this.isStopping,
      isExpected: () => this.#isReloading,
      onFault: (error) => onNotice(error.message),
      onEnd: (end, pause) => {
        if (this.#isReloading) return onNotice('The keys have changed: using the new ones.')
        const when = pause > 0 ? ` in ${pause / 1000} s` : ''
        onNotice(`${name} stopped unexpectedly (${end}). Starting it again${when}.`)
      },
      restart: async () => {
        part = await restart()
        if (!this.#isReloading) onNotice(`${name} is up again.`)
        this.#isReloading = false
        this.#adopt(lock, part, signals)
        return part
      },
    })
  }

  #adopt(lock: DataDirectoryLock, { pid }: Part, signals: NodeJS.Signals[]): void {
    try {
      lock.adopt(pid, signals)
    } catch {
      // The disk is full, and the record only helps to find an orphan.
    }
  }

  /** Cloudflare's clock is not here to run the daily query that a free project needs. */
  #keepAwake(worker: () => Worker): void {
    const run = () =>
      worker()
        .runScheduled()
        .catch(() => {})
    const clock = setInterval(run, DAY_MS)
    this.#stops.push(() => clearInterval(clock))
    run()
  }
}

function bindingsOf(settings: Settings, supabaseUrl: string): Record<string, string> {
  const { publicUrl } = settings
  const hosts = ['localhost', '127.0.0.1', '[::1]']
  if (publicUrl) hosts.push(new URL(publicUrl).hostname)
  const bindings = {
    RELAY_API_KEY: settings.apiKey,
    RELAY_API_KEY_PREVIOUS: settings.previousApiKey,
    RELAY_USER_ID: settings.userId,
    RELAY_PUBLIC_URL: publicUrl,
    RELAY_ALLOWED_ORIGINS: settings.allowedOrigins,
    // Other names that lead here are refused, or a web page could reach the relay by giving its
    // own name this machine's address (DNS rebinding).
    RELAY_HOSTS: hosts.join(','),
    SUPABASE_URL: supabaseUrl,
    SUPABASE_SERVICE_KEY: settings.serviceKey,
  }
  const given = Object.entries(bindings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Record<string, string>
}
