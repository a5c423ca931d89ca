/** How to fix each kind of fault: a command on Cloudflare, a line in .dev.vars under `npm start`. */
import type { Subject } from './subject.ts'

export const RESTART = 'Restart npm start.'

export function setSetting({ isLocal }: Subject, name: string): string {
  return isLocal ? `${name}=… in .dev.vars. ${RESTART}` : `npx wrangler secret put ${name}`
}

export function deploy({ isLocal }: Subject): string {
  return isLocal ? RESTART : 'npx wrangler deploy'
}

/** `project` is the ref of the Supabase project; without one, the dashboard asks which project. */
export function migrate({ isLocal }: Subject, project: string | undefined): string {
  if (isLocal && !project) return `${RESTART} Each start applies migrations/001_initial.sql.`
  return `Run migrations/001_initial.sql in ${dashboard(project, 'sql/new')} (safe to run twice).`
}

export function readLog({ isLocal }: Subject): string {
  return isLocal
    ? 'The terminal of npm start shows the reason.'
    : 'Run npx wrangler tail and npm run doctor again: the log shows the reason.'
}

export function dashboard(project: string | undefined, page = ''): string {
  return `https://supabase.com/dashboard/project/${project ?? '_'}/${page}`
}
