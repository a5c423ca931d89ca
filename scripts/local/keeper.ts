/**
 * Keeps one process of the stack running: when it ends by itself, starts it again, with growing pauses.
 *
 *   new → starting → running → pausing → starting …   it ended by itself
 *                    running → renewing → pausing …    renew(): a new one takes its place
 *         starting → pausing                           a restart failed
 *   every state → stopped                              stop()
 */
import { setTimeout as sleep } from 'node:timers/promises'

/** A process of the stack. */
export interface Process {
  pid: number
  /** Resolves with how it ended: `exit code 1`, `SIGKILL`. */
  exited: Promise<string>
  stop(): Promise<void>
}

type State<P> =
  | { is: 'new' | 'pausing' | 'stopped' }
  /** `isOutdated` if renew() was called meanwhile. */
  | { is: 'starting'; launched: Promise<P>; isOutdated: boolean }
  | { is: 'running'; process: P; since: number }
  | { is: 'renewing'; process: P }

export interface KeeperOptions<P> {
  name: string
  launch: () => Promise<P>
  /** Called before a running process is ended to be renewed. */
  onRenew?: () => void
  /** Receives a sentence for a person. */
  onNotice: (sentence: string) => void
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** After this time a start counts as successful. */
const STABLE_MS = 60_000

export class Keeper<P extends Process> {
  readonly #options: KeeperOptions<P>
  #state: State<P> = { is: 'new' }
  /** The first restart is immediate; each further one waits twice as long. */
  #pause = 0

  constructor(options: KeeperOptions<P>) {
    this.#options = options
  }

  /** The process, if it is running. */
  get process(): P | undefined {
    return this.#state.is === 'running' ? this.#state.process : undefined
  }

  /** To starting, then running. Rejects if it cannot be started; only a restart is tried again. */
  async start(): Promise<P> {
    const launched = this.#options.launch()
    const state = { is: 'starting' as const, launched, isOutdated: false }
    this.#state = state
    const process = await launched
    // `stop` then ends it.
    if (this.#isStopped()) return process
    this.#state = { is: 'running', process, since: Date.now() }
    process.exited.then((how) => this.#end(how))
    if (state.isOutdated) await this.renew()
    return process
  }

  /** Replaces the process with a new one, also one that is being started. */
  async renew(): Promise<void> {
    const state = this.#state
    if (state.is === 'starting') state.isOutdated = true
    if (state.is !== 'running') return
    this.#options.onRenew?.()
    this.#state = { is: 'renewing', process: state.process }
    await state.process.stop()
  }

  /** Ends the process for good, also one that is being started. */
  async stop(): Promise<void> {
    const state = this.#state
    this.#state = { is: 'stopped' }
    if (state.is === 'starting') await state.launched.then((late) => late.stop()).catch(() => {})
    if ('process' in state) await state.process.stop()
  }

  /** From running or renewing to pausing. */
  #end(how: string): void {
    const state = this.#state
    if (state.is === 'stopped') return
    const { name, onNotice } = this.#options
    if (state.is === 'renewing') {
      this.#pause = 0
      this.#restart(() => {})
      return
    }
    if (state.is === 'running' && Date.now() - state.since > STABLE_MS) this.#pause = 0
    const when = this.#pause > 0 ? ` in ${this.#pause / 1000} s` : ''
    onNotice(`${name} stopped unexpectedly (${how}). Restarting it${when}.`)
    this.#restart(() => onNotice(`${name} is up again.`))
  }

  /** From pausing to starting, until a start succeeds. Only the first failure is told. */
  async #restart(onSuccess: () => void): Promise<void> {
    for (let hasFailed = false; ; hasFailed = true) {
      this.#state = { is: 'pausing' }
      await sleep(this.#pause, undefined, { ref: false })
      this.#pause = Math.min(Math.max(this.#pause * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS)
      if (this.#isStopped()) return
      try {
        await this.start()
        if (!this.#isStopped()) onSuccess()
        return
      } catch (error) {
        if (this.#isStopped()) return
        if (!hasFailed) this.#options.onNotice((error as Error).message)
      }
    }
  }

  #isStopped(): boolean {
    return this.#state.is === 'stopped'
  }
}
