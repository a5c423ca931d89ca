/** What a step of the set-up is given, and makes known to those after it. */
import { type Deployment, keep } from './deployment.ts'

export interface Setup {
  /** Whether a relay that runs, and was not set up from this folder, is taken over. */
  takesOver: boolean
  /** What is known, kept across runs. */
  deployment: Deployment
}

export interface Step {
  title: string
  /** Said before it is done. */
  does: string
  run(setup: Setup): Promise<void>
}

/** What an earlier step has made known. */
export function known(setup: Setup, name: Exclude<keyof Deployment, 'rotation'>): string {
  const value = setup.deployment[name]
  if (value === undefined) throw new Error(`${name} is asked for before it is known`)
  return value
}

export function remember(setup: Setup, values: Deployment): void {
  keep(setup.deployment, values)
}
