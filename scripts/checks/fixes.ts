/** How to fix each kind of fault: a command on Cloudflare, a line in .dev.vars under `npm start`. */
import { readDeployment } from '../deploy/deployment.ts'
import type { Subject } from './subject.ts'

export const RESTART = 'Restart npm start.'

/** The name of its Worker, if it was deployed from this folder. wrangler takes another from wrangler.toml. */
function findWorker({ origin }: Subject): string | undefined {
  const { url, worker } = readDeployment()
  return url === origin ? worker : undefined
}

export function setSetting(subject: Subject, name: string): string {
  if (subject.isLocal) return `${name}=… in .dev.vars. ${RESTART}`
  const worker = findWorker(subject)
  return `npx wrangler secret put ${name}${worker ? ` --name ${worker}` : ''}`
}

export function deploy(subject: Subject): string {
  if (subject.isLocal) return RESTART
  return findWorker(subject) ? 'npm run setup' : 'npx wrangler deploy'
}

/** The second half of a sentence that changes wrangler.toml. */
export function thenDeploy(subject: Subject): string {
  return subject.isLocal ? 'then restart npm start.' : `then run ${deploy(subject)}.`
}

/** `project` is the ref of the Supabase project; without one, the dashboard asks which project. */
export function migrate({ isLocal }: Subject, project: string | undefined): string {
  if (isLocal && !project) return `${RESTART} Each start applies migrations/001_initial.sql.`
  return `Run migrations/001_initial.sql in ${dashboard(project, 'sql/new')} (safe to run twice).`
}

export function readLog(subject: Subject): string {
  if (subject.isLocal) return 'The terminal of npm start shows the reason.'
  const command = ['npx wrangler tail', findWorker(subject)].filter(Boolean).join(' ')
  return `Run ${command} and npm run doctor again: the log shows the reason.`
}

export function dashboard(project: string | undefined, page = ''): string {
  return `https://supabase.com/dashboard/project/${project ?? '_'}/${page}`
}
