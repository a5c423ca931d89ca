/** Waits until a Supabase project is healthy, and explains why it will not be. */
import { UserError } from '../lib/user-error.ts'
import { waitUntil } from '../lib/wait.ts'
import { type Management, ManagementError } from './management.ts'

/** A new project takes one or two minutes. */
const PATIENCE_MS = 10 * 60_000
const PAUSE_MS = 5_000

/** Thrown for a project that waiting does not help. */
export class ProjectDownError extends UserError {
  /** Whether it can never be used again. */
  readonly isGone: boolean

  constructor(message: string, isGone = false) {
    super(message)
    this.isGone = isGone
  }
}

/** The statuses of a project that needs the person; `isGone` if it can never be used again. */
const DOWN: Record<string, { why: string; isGone?: true }> = {
  INACTIVE: { why: 'is paused: restore it' },
  PAUSING: { why: 'is being paused: restore it when that has ended' },
  INIT_FAILED: { why: 'could not be started by Supabase: delete it', isGone: true },
  RESTORE_FAILED: { why: "could not be restored: ask Supabase's support" },
  PAUSE_FAILED: { why: "could not be paused: ask Supabase's support" },
  GOING_DOWN: { why: 'is being deleted: choose another', isGone: true },
  REMOVED: { why: 'was deleted: choose another', isGone: true },
}

/** Resolves as soon as the project is healthy; `more` receives what is missing. */
export function waitUntilHealthy(
  account: Pick<Management, 'listProjects'>,
  ref: string,
  more: (text: string) => void,
): Promise<void> {
  const page = `https://supabase.com/dashboard/project/${ref}`
  const look = async () => {
    const projects = await account.listProjects().catch((error) => {
      // A lost connection says nothing about the project.
      if (error instanceof ManagementError && error.kind === 'no answer') return undefined
      throw error
    })
    if (!projects) return `Supabase does not answer: look at ${page}.`
    const project = projects.find((one) => one.ref === ref)
    if (!project) {
      throw new ProjectDownError(
        `Your account has no project ${ref} any more: it was deleted, or the access token is of another account.`,
        true,
      )
    }
    const { status, name } = project
    if (status === 'ACTIVE_HEALTHY') return undefined
    const down = DOWN[status]
    if (down) throw new ProjectDownError(`The project ${name} ${down.why} at ${page}.`, down.isGone)
    return `The project ${name} is not healthy yet (${status}): look at ${page}, and continue when it is.`
  }
  return waitUntil(look, { patience: PATIENCE_MS, pause: PAUSE_MS, more })
}
