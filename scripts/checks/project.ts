/**
 * Checks facts that only the person's account at Supabase knows about a relay's project, with the access
 * token of the environment.
 */
import { readDeployment } from '../deploy/deployment.ts'
import { judgeStatus } from '../deploy/health.ts'
import {
  type Advice,
  type HostedProject,
  type Management,
  ManagementError,
  openManagement,
  TOKENS,
} from '../deploy/management.ts'
import { projectRef } from '../deploy/supabase.ts'
import { type Check, type Finding, failed, ok, unknown, warning } from './check.ts'
import { dashboard, migrate } from './fixes.ts'
import { readDiagnosis, type Subject } from './subject.ts'

interface Own {
  account: Management
  project: HostedProject
}

/** Each relay's project is looked up once. */
const looked = new WeakMap<Subject, Promise<Own | Finding>>()

/** Finds the project in the account; otherwise says why nothing can be checked. */
async function findOwn(subject: Subject): Promise<Own | Finding> {
  const { url, SUPABASE_URL = '' } = readDeployment()
  const deployed = url === subject.url.origin ? projectRef(SUPABASE_URL) : undefined
  const ref = deployed ?? (await readDiagnosis(subject)).database.project
  if (!ref) return ok('no Supabase project')
  const token = process.env.SUPABASE_ACCESS_TOKEN
  if (!token) {
    return unknown(`Not checked: set SUPABASE_ACCESS_TOKEN to an access token from ${TOKENS}`)
  }
  const account = openManagement(token)
  try {
    const project = (await account.listProjects()).find((one) => one.ref === ref)
    if (project) return { account, project }
    return unknown(`Not checked: the account of the access token has no project ${ref}.`)
  } catch (error) {
    if (error instanceof ManagementError) return unknown(`Not checked: ${error.message}`)
    throw error
  }
}

/** Runs `look` with the project, and reports a refusal of Supabase as not checked. */
async function lookInside(
  subject: Subject,
  look: (found: Own) => Promise<Finding>,
): Promise<Finding> {
  const looking = looked.get(subject) ?? findOwn(subject)
  looked.set(subject, looking)
  const found = await looking
  if ('outcome' in found) return found
  try {
    return await look(found)
  } catch (error) {
    if (error instanceof ManagementError) return unknown(`Not checked: ${error.message}`)
    throw error
  }
}

const state: Check = {
  id: 'project.state',
  needs: ['key'],
  writes: false,
  why: 'A paused or failed project cannot answer tool calls.',
  look: (subject) =>
    lookInside(subject, async ({ project }) => {
      const { ref, status, region, database } = project
      const health = judgeStatus(status)
      switch (health.is) {
        case 'ready':
          return ok(`healthy, in ${region}, PostgreSQL ${database?.version ?? 'unknown'}`)
        case 'starting':
          return warning(
            `The project is not healthy: ${health.why}.`,
            `Watch it: ${dashboard(ref)}`,
          )
        case 'down':
          return failed(`The project ${health.why}.`, dashboard(ref))
      }
    }),
}

const STATE = `select current_setting('default_transaction_read_only') = 'on' as is_read_only,
  pg_size_pretty(pg_database_size(current_database())) as size,
  (select pg_size_pretty(sum(pg_total_relation_size(oid))) from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname like 'relay\\_%') as own_size`

const disk: Check = {
  id: 'project.disk',
  needs: ['project.state'],
  writes: false,
  why: 'Supabase makes a database read-only when its disk is full, and then nothing can be posted.',
  look: (subject) =>
    lookInside(subject, async ({ account, project: { ref } }) => {
      // Supabase's read-only role sets itself what is asked for here.
      const [row] = await account.runSql(ref, STATE)
      const seen = `${row?.size}, of which the relay uses ${row?.own_size}`
      if (row?.is_read_only !== true) return ok(seen)
      return failed(
        `The database is read-only (${seen}).`,
        `Free space or enlarge the disk: ${dashboard(ref, 'settings/compute-and-disk')}`,
      )
    }),
}

const advisors: Check = {
  id: 'project.advisors',
  needs: ['project.state'],
  writes: false,
  why: "Supabase's linter reports security and performance problems.",
  look: (subject) =>
    lookInside(subject, async ({ account, project: { ref } }) => {
      const advice = await account.readAdvice(ref)
      const found = advice.filter(({ level }) => level !== 'INFO')
      const ours = found.filter(({ detail }) => /\brelay_/.test(detail))
      const others = found.length - ours.length
      const rest = others > 0 ? `, ${others} not about the relay` : ''
      if (ours.length === 0) return ok(`nothing above info about the relay${rest}`)
      return warning(
        describe(ours),
        migrate(subject, ref),
        `All of them: ${dashboard(ref, 'advisors/security')}`,
      )
    }),
}

const describe = (advice: Advice[]) =>
  advice.map(({ level, name, detail }) => `${level} ${name}: ${detail}`).join(' ')

export const projectChecks = [state, disk, advisors]
