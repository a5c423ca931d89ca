/**
 * The whole local stack in the order its parts need each other: port, data directory, PostgreSQL
 * and bundle side by side, gateway, Worker. What has been started is stopped in reverse.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from '../lib/settings.ts'
import { claim, type Owner } from './data-directory-lock.ts'
import { clusterDirectory } from './postgres/directory.ts'
import {
  type Postgres,
  type PostgresOptions,
  STOP_SIGNALS,
  startPostgres,
} from './postgres/server.ts'
import { startGateway } from './supabase/gateway.ts'
import { prepareDatabase } from './supabase/migrate.ts'
import { DATABASE } from './supabase/roles.ts'
import { bundleWorker } from './workerd/bundle.ts'
import { openFront } from './workerd/front.ts'
import { startWorker, type Worker } from './workerd/worker.ts'

/** As many as a small Supabase project has. */
const MAX_CONNECTIONS = 60
/** Between two attempts to start PostgreSQL again. */
const RESTART_PAUSE_MS = 1000
const DAY_MS = 24 * 60 * 60 * 1000

export interface StackEvents {
  /** What the Worker writes to the console. */
  onLine: (line: string) => void
  /** A sentence the person should see. */
  onNotice: (sentence: string) => void
  /** A part has ended by itself, and the stack can't go on. */
  onFailure: (sentence: string) => void
}

export class Stack {
  #stops: (() => unknown)[] = []
  #stopped: Promise<void> | undefined
  #settings: Settings
  #events: StackEvents

  constructor(settings: Settings, events: StackEvents) {
    this.#settings = settings
    this.#events = events
  }

  /** Starts everything; returns the URL that clients connect to. */
  async start(): Promise<string> {
    const { port, dataDirectory } = this.#settings
    const front = await openFront(port)
    this.#stops.push(front.close)
    const owner = await claim(dataDirectory)
    this.#stops.push(owner.release)

    const [supabaseUrl, bundle] = await Promise.all([this.#startSupabase(owner), bundleWorker()])
    const worker = await startWorker({
      bundle,
      bindings: bindingsOf(this.#settings, supabaseUrl),
      front,
      onLine: this.#events.onLine,
    })
    this.#watch('The Worker', worker, owner, ['SIGKILL'])
    if (this.#settings.supabaseUrl) this.#keepAwake(worker)
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

  async #stopAll(): Promise<void> {
    for (const stop of this.#stops.toReversed()) await stop()
  }

  async #startSupabase(owner: Owner): Promise<string> {
    const { supabaseUrl, dataDirectory, serviceKey } = this.#settings
    if (supabaseUrl) return supabaseUrl

    const directory = await clusterDirectory(dataDirectory)
    if (directory.isElsewhere) {
      this.#events.onNotice(
        `The database is in ${directory.path}: PostgreSQL does not run as root, and the account ` +
          `it runs as instead may not enter ${dataDirectory}.`,
      )
    }
    const options = { directory: directory.path, durable: true, maxConnections: MAX_CONNECTIONS }
    const postgres = await startPostgres(options)
    owner.adopt(postgres.pid, STOP_SIGNALS)
    this.#keepUp(postgres, { ...options, port: postgres.connection(DATABASE).port }, owner)

    const connection = await prepareDatabase(postgres)
    const gateway = await startGateway({ connection, keys: { service: serviceKey } })
    this.#stops.push(gateway.stop)
    return gateway.url
  }

  /**
   * Starts PostgreSQL again, in its place, whenever it has ended by itself: killed for its memory, or
   * stopped by a full disk. Until that succeeds, the relay says that its database can't be reached.
   */
  async #keepUp(first: Postgres, options: PostgresOptions, owner: Owner): Promise<void> {
    let postgres: Postgres | undefined = first
    this.#stops.push(() => postgres?.stop())
    while (postgres) {
      const end = await postgres.exited
      if (this.isStopping) return
      this.#events.onNotice(`PostgreSQL has stopped (${end}) and is started again.`)
      postgres = await this.#startAgain(options)
      if (this.isStopping) await postgres?.stop()
      else if (postgres) this.#note(postgres, owner)
    }
  }

  /** Tries until it succeeds; undefined if the stack is stopped first. */
  async #startAgain(options: PostgresOptions): Promise<Postgres | undefined> {
    for (let attempts = 1; !this.isStopping; attempts += 1) {
      try {
        return await startPostgres(options)
      } catch (error) {
        if (attempts === 1) this.#events.onNotice((error as Error).message)
        await sleep(RESTART_PAUSE_MS)
      }
    }
    return undefined
  }

  #note(postgres: Postgres, owner: Owner): void {
    this.#events.onNotice('PostgreSQL is up again.')
    try {
      owner.adopt(postgres.pid, STOP_SIGNALS)
    } catch {
      // The disk is full, and the record only helps whoever finds an orphan.
    }
  }

  /** Cloudflare's clock is not here to run the daily query that a free project needs. */
  #keepAwake(worker: Worker): void {
    const run = () => worker.runScheduled().catch(() => {})
    const clock = setInterval(run, DAY_MS)
    this.#stops.push(() => clearInterval(clock))
    run()
  }

  #watch(name: string, part: Part, owner: Owner, signals: NodeJS.Signals[]): void {
    owner.adopt(part.pid, signals)
    this.#stops.push(part.stop)
    part.exited.then((end) => {
      if (!this.isStopping) this.#events.onFailure(`${name} has stopped (${end}).`)
    })
  }
}

interface Part {
  pid: number
  exited: Promise<string>
  stop(): Promise<void>
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
