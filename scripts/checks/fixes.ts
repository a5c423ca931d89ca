/** How to fix things: on Cloudflare with a command, under `npm start` with a line of .dev.vars. */
import type { Subject } from './subject.ts'

export const RESTART = 'Stop npm start, and start it again.'

export function setSetting({ isLocal }: Subject, name: string): string {
  return isLocal ? `${name}=… in .dev.vars. ${RESTART}` : `npx wrangler secret put ${name}`
}

export function deploy({ isLocal }: Subject): string {
  return isLocal ? RESTART : 'npx wrangler deploy'
}

/** `project` is the name of the Supabase project; the dashboard asks where there is none. */
export function migrate({ isLocal }: Subject, project: string | undefined): string {
  if (isLocal && !project) return `${RESTART} Each start applies migrations/001_initial.sql.`
  return `Run migrations/001_initial.sql in ${dashboard(project, 'sql/new')} It is safe to run twice.`
}

export function readLog({ isLocal }: Subject): string {
  return isLocal
    ? 'The terminal of npm start has the reason.'
    : 'npx wrangler tail, and npm run doctor once more: it shows the reason.'
}

export function dashboard(project: string | undefined, page = ''): string {
  return `https://supabase.com/dashboard/project/${project ?? '_'}/${page}`
}
