/**
 * Starts the local stack in the order of its dependencies: port, data directory, PostgreSQL and bundle in
 * parallel, gateway, Worker. Stops the parts in reverse order. keeper.ts restarts those that end by
 * themselves.
 */
import { once } from 'node:events'
import type { Settings } from '../lib/settings.ts'
import { type DataDirectoryLock, lockDataDirectory } from './data-directory-lock.ts'
import { doctorSocketOf } from './doctor-receiver.ts'
import { Keeper } from './keeper.ts'
import { ensureClusterDirectory } from './postgres/directory.ts'
import { startPostgres } from './postgres/server.ts'
import { startGateway } from './supabase/gateway.ts'
import { prepareDatabase } from './supabase/migrate.ts'
import { DATABASE } from './supabase/roles.ts'
import { bundleWorker } from './workerd/bundle.ts'
import { type Front, openFront } from './workerd/front.ts'
import { startWorker, type Worker } from './workerd/worker.ts'

/** The number that a small Supabase project has. */
const MAX_CONNECTIONS = 60
const MINUTE_MS = 60 * 1000

export interface StackEvents {
  /** A line that the Worker wrote to the console. */
  onLine: (line: string) => void
  /** A sentence that the person should see. */
  onNotice: (sentence: string) => void
}

/** new → starting → up; `stop`, or a start that fails, leads from every state to stopping. */
type State =
  | { is: 'new' | 'up' }
  | { is: 'starting'; origin: Promise<string> }
  | { is: 'stopping'; done: Promise<void> }

export class Stack {
  #state: State = { is: 'new' }
  /** Aborted to end a start: by `stop`, or when one of two parts has failed. */
  readonly #stopping = new AbortController()
  readonly #events: StackEvents
  #settings: Settings
  #front: Front | undefined
  #lock: DataDirectoryLock | undefined
  /** The other parts that must be stopped, in the order in which they were started. */
  readonly #parts: { stop(): unknown }[] = []
  #worker: Keeper<Worker> | undefined

  constructor(settings: Settings, events: StackEvents) {
    this.#settings = settings
    this.#events = events
  }

  /**
   * Starts everything and announces it to other commands. Returns the origin it listens on; undefined if
   * `stop` was called. If something cannot be started, stops the rest and rejects.
   */
  async start(version: string): Promise<string | undefined> {
    if (this.#state.is !== 'new') return undefined
    const origin = this.#startAll(version)
    this.#state = { is: 'starting', origin }
    try {
      return await origin
    } catch (error) {
      const isInterrupted = this.#isStopping()
      await this.stop()
      if (isInterrupted) return undefined
      throw error
    }
  }

  /** Restarts the Worker with other keys. Requests wait meanwhile. */
  async changeKeys({ apiKey, previousApiKey }: Settings): Promise<void> {
    this.#settings = { ...this.#settings, apiKey, previousApiKey }
    if (!this.#worker || this.#isStopping()) return
    this.#events.onNotice('The keys have changed. Restarting the Worker with the new ones.')
    await this.#worker.renew()
  }

  /** Stops everything that has been started; later calls wait for the first. */
  async stop(): Promise<void> {
    const state = this.#state
    if (state.is === 'stopping') return state.done
    const done = this.#stopAll(state.is === 'starting' ? state.origin : undefined)
    this.#state = { is: 'stopping', done }
    return done
  }

  #isStopping(): boolean {
    return this.#state.is === 'stopping'
  }

  async #startAll(version: string): Promise<string> {
    const { signal } = this.#stopping
    const { port, dataDirectory, supabaseUrl, publicUrl, trustsConnectingIp } = this.#settings
    const front = await openFront(port)
    this.#front = front
    signal.throwIfAborted()
    const lock = lockDataDirectory(dataDirectory)
    this.#lock = lock
    const [database, bundle] = await this.#prepare()
    this.#worker = new Keeper({
      name: 'The Worker',
      ...this.#events,
      onRenew: front.hold,
      launch: () => {
        front.hold()
        const bindings = createBindings(this.#settings, database)
        const doctorSocket = doctorSocketOf(dataDirectory)
        const options = { bundle, bindings, trustsConnectingIp, doctorSocket, front }
        return startWorker({ ...options, ...this.#events })
      },
    })
    this.#parts.push(this.#worker)
    await this.#worker.start()
    signal.throwIfAborted()
    this.#runOften(this.#worker)
    const url = `http://127.0.0.1:${front.port}`
    lock.announce({ url, publicUrl, version, startedAt: new Date().toISOString(), supabaseUrl })
    this.#state = { is: 'up' }
    return url
  }

  /** Starts the database and bundles the Worker. If one fails, the other is not left starting. */
  async #prepare() {
    const { signal } = this.#stopping
    const database = this.#startDatabase()
    // wrangler needs not be waited for: it never outlives this process.
    const interrupted = once(signal, 'abort').then(() => signal.throwIfAborted() as never)
    try {
      return await Promise.race([Promise.all([database, bundleWorker()]), interrupted])
    } catch (error) {
      this.#stopping.abort()
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
    const { signal } = this.#stopping
    const options = { directory, durable: true, maxConnections: MAX_CONNECTIONS, signal }
    let port: number | undefined
    // Until it is up again, the relay reports that its database cannot be reached.
    const keeper = new Keeper({
      name: 'PostgreSQL',
      ...this.#events,
      launch: async () => {
        const postgres = await startPostgres({ ...options, port })
        port = postgres.connection(DATABASE).port
        return postgres
      },
    })
    signal.throwIfAborted()
    this.#parts.push(keeper)
    const connection = await prepareDatabase(await keeper.start())
    const gateway = await startGateway({ connection, keys: { service: serviceKey } })
    this.#parts.push(gateway)
    return gateway.url
  }

  /** Takes the place of the cron trigger on Cloudflare. */
  #runOften(worker: Keeper<Worker>): void {
    const run = () => worker.process?.runScheduled().catch(() => {})
    const clock = setInterval(run, MINUTE_MS)
    this.#parts.push({ stop: () => clearInterval(clock) })
    run()
  }

  async #stopAll(starting: Promise<unknown> | undefined): Promise<void> {
    this.#stopping.abort()
    // Ends what a start in progress waits for.
    await this.#stopParts()
    await starting?.catch(() => {})
    // The parts that it has started since.
    await this.#stopParts()
    this.#lock?.release()
    this.#front?.close()
  }

  async #stopParts(): Promise<void> {
    for (let part = this.#parts.pop(); part; part = this.#parts.pop()) await part.stop()
  }
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
    RELAY_DELETE_ARCHIVED_DAYS: settings.deleteArchivedDays,
    RELAY_EVENTS: settings.events,
    RELAY_EVENT_HOSTS: settings.eventHosts,
    // Other names are refused. Otherwise a web page could reach the relay by pointing its own name at
    // this machine (DNS rebinding).
    RELAY_HOSTS: hosts.join(','),
    SUPABASE_URL: supabaseUrl,
    SUPABASE_SERVICE_KEY: settings.serviceKey,
  }
  const given = Object.entries(bindings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Record<string, string>
}
