/** What the Worker sees of its database: reached, let in, migrated, the right user's, in time, near. */
import { faultMessage } from '../../src/errors.ts'
import { type Check, type Finding, failed, ok, warning } from './check.ts'
import { dashboard, migrate, RESTART, readLog, setSetting } from './fixes.ts'
import { readSchema } from './schema.ts'
import { type Diagnosis, diagnosisOf, type Subject } from './subject.ts'

/** Milliseconds. Within a region it is a tenth of this; across an ocean it is more. */
const LONG_ROUND_TRIP = 150
/** Milliseconds. Clocks that are set by the network differ by less than a second. */
const CLOCK_TOLERANCE = 60_000

const reachable: Check = {
  id: 'database.reachable',
  needs: ['key'],
  writes: false,
  why: 'Every tool call is one request to the database.',
  async look(subject) {
    const { database } = await diagnosisOf(subject)
    const { fault, project, api_code: code } = database
    switch (fault) {
      // Reached, and what is wrong is the matter of the checks after this one.
      case undefined:
      case 'service_key_refused':
      case 'permission_denied':
      case 'migration_missing':
        return ok(project ? `project ${project}` : 'reached')
      case 'database_unreachable':
        return away(subject, database)
      case 'database_answer_unexpected':
      case 'database_error':
        return strange(subject, database)
      case 'schema_not_exposed':
        return failed(faultMessage(fault), `Add it: ${dashboard(project, 'settings/api')}`)
      default:
        return failed(`${faultMessage(fault)} (${code})`, `See its state: ${dashboard(project)}`)
    }
  },
}

/** What to report about a database that cannot be reached. */
function away(subject: Subject, { project, api_code: code }: Diagnosis['database']): Finding {
  if (code === '540') {
    return failed('The Supabase project is paused (540).', `Restore it: ${dashboard(project)}`)
  }
  if (code === '530') {
    return failed(
      'There is no project at SUPABASE_URL (530): misspelt, deleted, or paused for long.',
      `See whether it is there: ${dashboard(project)}`,
      `If it is not: ${setSetting(subject, 'SUPABASE_URL')}`,
    )
  }
  const seen = `The Worker does not reach it (${code === '0' ? 'nothing answers' : code}).`
  return subject.isLocal && !project
    ? failed(seen, RESTART, readLog(subject))
    : failed(seen, `See whether it is up: ${dashboard(project)}`)
}

/** What to report about an answer that a healthy project would not give. */
function strange(
  subject: Subject,
  { project, api_code: code = '' }: Diagnosis['database'],
): Finding {
  if (!/^[234]\d\d$/.test(code)) return failed(`It reports an error (${code}).`, readLog(subject))
  return failed(
    `What is at SUPABASE_URL does not answer like a Supabase project (${code}).`,
    setSetting(subject, 'SUPABASE_URL'),
    `The project URL: ${dashboard(project, 'settings/api')}`,
  )
}

const key: Check = {
  id: 'database.key',
  needs: ['database.reachable'],
  writes: false,
  why: 'With another key than the secret one of its project, Supabase refuses every tool call.',
  async look(subject) {
    const { fault, project, api_code: code } = (await diagnosisOf(subject)).database
    if (fault !== 'service_key_refused') return ok('accepted')
    return failed(
      `Supabase refuses SUPABASE_SERVICE_KEY (${code}): revoked, or of another project than SUPABASE_URL.`,
      setSetting(subject, 'SUPABASE_SERVICE_KEY'),
      `The secret key: ${dashboard(project, 'settings/api-keys')}`,
    )
  },
}

const migration: Check = {
  id: 'database.migration',
  needs: ['database.key'],
  writes: false,
  why: 'The tools call SQL functions of their own version.',
  async look(subject) {
    const { fault, project, api_code: code, ...status } = (await diagnosisOf(subject)).database
    const fix = migrate(subject, project)
    if (code === 'PGRST203') {
      return failed('relay_status is there twice (PGRST203).', dropped(['relay_status']), fix)
    }
    if (fault === 'migration_missing') {
      const seen =
        code === 'PGRST202'
          ? 'There is no relay_status: the project is empty, or as relay-mcp 0.1.0 left it.'
          : `Tables or columns of the relay are missing (${code}).`
      return failed(seen, fix)
    }
    // A function that may not be called is there.
    if (fault === 'permission_denied') return ok('there')
    const schema = readSchema()
    if (status.schema_version < schema.version) {
      return failed(`It is at version ${status.schema_version}, not ${schema.version}.`, fix)
    }
    const there = Object.keys(status.functions)
    const missing = schema.functions.filter((signature) => !there.includes(signature)).map(nameOf)
    const names = schema.functions.map(nameOf)
    const others = there
      .filter((signature) => !schema.functions.includes(signature))
      .map(nameOf)
      .filter((name) => names.includes(name))
    if (others.length > 0) {
      return failed(`With other arguments than due: ${others.join(', ')}.`, dropped(others), fix)
    }
    if (missing.length > 0) return failed(`Missing: ${missing.join(', ')}.`, fix)
    return ok(`version ${status.schema_version}`)
  },
}

const nameOf = (signature: string) => signature.replace(/\(.*/, '')

/** SQL that drops functions in all their versions: a migration replaces only its own. */
function dropped(names: string[]): string {
  const list = names.map((name) => `'${name}'`).join(', ')
  return (
    'do $$ declare f regprocedure; begin for f in select oid from pg_proc ' +
    `where pronamespace = 'public'::regnamespace and proname in (${list}) ` +
    "loop execute 'drop function ' || f; end loop; end $$;"
  )
}

const grants: Check = {
  id: 'database.grants',
  needs: ['database.migration'],
  writes: false,
  why: 'A Supabase project gives its API nothing by itself: what is not granted by name is refused.',
  async look(subject) {
    const { fault, project, functions } = (await diagnosisOf(subject)).database
    const fix = migrate(subject, project)
    if (fault === 'permission_denied') {
      return failed(
        'The service role may not call relay_status, or not read relay_threads (42501).',
        fix,
      )
    }
    const denied = readSchema().functions.filter((name) => functions[name] === false)
    if (denied.length === 0) return ok('granted')
    return failed(`The service role may not call ${denied.map(nameOf).join(', ')} (42501).`, fix)
  },
}

const user: Check = {
  id: 'user',
  needs: ['database.grants'],
  writes: false,
  why: 'A relay shows only the threads of its RELAY_USER_ID.',
  async look(subject) {
    const { database } = await diagnosisOf(subject)
    const { thread_count, message_count, other_thread_count, project } = database
    if (other_thread_count === 0) return ok(`${thread_count} threads, ${message_count} messages`)
    const before =
      subject.isLocal && !project
        ? ['The UUID as before. Without that line, it is the one in .relay/settings.json.']
        : [
            `The UUID as before. Which there are: ${dashboard(project, 'sql/new')}`,
            'select user_id, count(*) from public.relay_threads group by user_id',
          ]
    const fix = [setSetting(subject, 'RELAY_USER_ID'), ...before]
    if (thread_count === 0) {
      return failed(`No thread is this user's; others have ${other_thread_count}.`, ...fix)
    }
    const seen = `This user's threads are ${thread_count}, those of others ${other_thread_count}.`
    return warning(seen, 'Nothing, if others use this database too. Else:', ...fix)
  },
}

const clock: Check = {
  id: 'clock',
  needs: ['database.grants'],
  writes: false,
  why: 'Messages carry the time of the database, tokens end by that of the Worker, and `since` comes from this machine.',
  async look(subject) {
    const { now, database } = await diagnosisOf(subject)
    const ofDatabase = database.clock_difference_ms
    if (Math.abs(ofDatabase) > CLOCK_TOLERANCE) {
      const seen = `The database is ${apart(ofDatabase)} the Worker.`
      const restart = `Restart the project: ${dashboard(database.project, 'settings/general')}`
      return failed(seen, subject.isLocal ? SET_CLOCK : restart)
    }
    const ofMachine = Date.now() - Date.parse(now)
    if (Math.abs(ofMachine) > CLOCK_TOLERANCE) {
      return warning(`This machine is ${apart(ofMachine)} the Worker.`, SET_CLOCK)
    }
    return ok('together')
  },
}

const SET_CLOCK = 'sudo timedatectl set-ntp true, which lets the network set the clock here.'

function apart(milliseconds: number): string {
  const minutes = Math.round(Math.abs(milliseconds) / 60_000)
  return `${minutes} min ${milliseconds > 0 ? 'ahead of' : 'behind'}`
}

const roundTrip: Check = {
  id: 'database.round-trip',
  needs: ['database.grants'],
  writes: false,
  why: 'Each tool call waits for it once.',
  async look(subject) {
    const { colo, database } = await diagnosisOf(subject)
    const from = colo ? `, asked from ${colo}` : ''
    const seen = `${database.round_trip_ms} ms${from}`
    if (database.round_trip_ms <= LONG_ROUND_TRIP) return ok(seen)
    const slow = `A request to the database takes ${seen}.`
    if (subject.isLocal) {
      return warning(
        slow,
        'npm run setup, which deploys the relay, or a project in a nearer region.',
      )
    }
    return warning(
      slow,
      'npx wrangler deploy, with this in wrangler.toml: [placement] region = "aws:…"',
      `The region of the project: ${dashboard(database.project, 'settings/general')}`,
    )
  },
}

const toolCall: Check = {
  id: 'tool-call',
  needs: ['era.legacy', 'database.grants'],
  writes: false,
  why: 'Sessions get this instead of their threads.',
  async look(subject) {
    const { isError, content } = await subject.relay.call('relay_list_threads', { limit: 1 })
    if (!isError) return ok('relay_list_threads')
    return failed(content[0]?.text ?? 'relay_list_threads fails.', readLog(subject))
  },
}

export const databaseChecks = [reachable, key, migration, grants, user, clock, roundTrip, toolCall]
