/** The steps of the set-up, and the data that they share. */
import { type Deployment, keep } from './deployment.ts'
import type { Management } from './management.ts'

export interface Setup {
  /** Whether to take over a running relay that was not set up from this folder. */
  takesOver: boolean
  /** The answers so far, saved across runs. */
  deployment: Deployment
  /** The person's account at Supabase, once they are signed in. */
  account?: Management
  /** Whether this run replaced the key, so that every client needs the new one. */
  hasNewKey?: boolean
  /** Whether this run set the cron trigger. */
  hasTrigger?: boolean
}

export interface Step {
  title: string
  /** Printed before the step runs. */
  does: string
  run(setup: Setup): Promise<void>
}

/** Returns an answer that an earlier step has settled. */
export function known(setup: Setup, name: Exclude<keyof Deployment, 'rotation'>): string {
  const value = setup.deployment[name]
  if (value === undefined) throw new Error(`${name} is read before it is known`)
  return value
}

export function remember(setup: Setup, values: Deployment): void {
  keep(setup.deployment, values)
}
