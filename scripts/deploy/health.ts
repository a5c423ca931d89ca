/** Waits until a Supabase project is healthy, and explains why it will not be. */
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../lib/user-error.ts'
import { type HostedProject, type Management, ManagementError } from './management.ts'

/** A new project takes one or two minutes. */
const PATIENCE_MS = 10 * 60_000
const PAUSE_MS = 5_000

/** The time, which tests turn forward. */
export interface Clock {
  now(): number
  sleep(ms: number): Promise<unknown>
}

export const CLOCK: Clock = { now: Date.now, sleep }

/** The meaning of a status: the project is ready, will be, or needs the person. */
export type Health =
  | { is: 'ready' }
  | { is: 'starting'; why: string }
  | { is: 'down'; why: string; isGone?: true }

/** Thrown for a project that waiting does not help. */
export class ProjectDownError extends UserError {
  /** Whether it can never be used again. */
  readonly isGone: boolean

  constructor(message: string, isGone: boolean) {
    super(message)
    this.isGone = isGone
  }
}

/** Interprets the status that Supabase gives for a project. */
export function judgeStatus(status: string): Health {
  switch (status) {
    case 'ACTIVE_HEALTHY':
      return { is: 'ready' }
    case 'INACTIVE':
      return { is: 'down', why: 'is paused: restore it' }
    case 'PAUSING':
      return { is: 'down', why: 'is being paused: restore it when that has ended' }
    case 'INIT_FAILED':
      return { is: 'down', why: 'could not be started by Supabase: delete it', isGone: true }
    case 'RESTORE_FAILED':
    case 'PAUSE_FAILED':
      return { is: 'down', why: `failed (${status}): ask Supabase's support` }
    case 'GOING_DOWN':
    case 'REMOVED':
      return { is: 'down', why: 'is being deleted: choose another', isGone: true }
    case 'COMING_UP':
    case 'UNKNOWN':
      return { is: 'starting', why: 'Supabase is starting the project' }
    case 'ACTIVE_UNHEALTHY':
      return { is: 'starting', why: 'its services are starting' }
    default:
      return { is: 'starting', why: `Supabase says ${status.toLowerCase().replaceAll('_', ' ')}` }
  }
}

/** Resolves with the project as soon as it is healthy; `more` receives the reason for the wait. */
export async function waitUntilHealthy(
  account: Pick<Management, 'listProjects'>,
  ref: string,
  more: (text: string) => void,
  clock: Clock = CLOCK,
): Promise<HostedProject> {
  const page = `https://supabase.com/dashboard/project/${ref}`
  const deadline = clock.now() + PATIENCE_MS
  for (;;) {
    const projects = await account.listProjects().catch((error) => {
      // A lost connection says nothing about the project.
      if (
        error instanceof ManagementError &&
        error.kind === 'no answer' &&
        clock.now() < deadline
      ) {
        return undefined
      }
      throw error
    })
    const project = projects?.find((one) => one.ref === ref)
    if (projects && !project) {
      throw new ProjectDownError(
        `Your account has no project ${ref} any more: it was deleted, or the access token is of another account.`,
        true,
      )
    }
    const health = judgeStatus(project?.status ?? 'UNKNOWN')
    if (project && health.is === 'ready') return project
    if (health.is === 'down') {
      const { why, isGone = false } = health
      throw new ProjectDownError(`The project ${project?.name} ${why} at ${page}.`, isGone)
    }
    if (health.is === 'starting') {
      if (clock.now() >= deadline) {
        throw new UserError(
          `The project ${project?.name ?? ref} is not healthy after ${PATIENCE_MS / 60_000} minutes ` +
            `(${project?.status ?? 'no answer'}): look at ${page}, and continue when it is.`,
        )
      }
      more(health.why)
    }
    await clock.sleep(PAUSE_MS)
  }
}
