/** Checks the Worker's view of its database: reachable, accessible, migrated, right user, clock, latency. */
import { faultMessage } from '../../src/errors.ts'
import { type Check, type Finding, failed, ok, warning } from './check.ts'
import { dashboard, RESTART, readLog, setSetting, thenDeploy } from './fixes.ts'
import { migrationChecks } from './migration.ts'
import { type Diagnosis, readDiagnosis, type Subject } from './subject.ts'

/** Milliseconds. Within one region it is a tenth of this; across an ocean it is more. */
const LONG_ROUND_TRIP = 150
/** Milliseconds. Clocks that are synchronized over the network differ by less than a second. */
const CLOCK_TOLERANCE = 60_000

const reachable: Check = {
  id: 'database.reachable',
  needs: ['key'],
  why: 'Every tool call makes one request to the database.',
  async look(subject) {
    const { database } = await readDiagnosis(subject)
    const { fault, project, api_code: code } = database
    switch (fault) {
      case 'database_unreachable':
        return reportUnreachable(subject, database)
      case 'database_busy':
      case 'database_full':
        return failed(
          `${faultMessage(fault)} (${code})`,
          `Check its state: ${dashboard(project, 'reports/database')}`,
        )
      case 'api_blocked':
      case 'api_rate_limited':
      case 'api_starting':
      case 'api_timeout':
      case 'database_read_only':
      case 'database_timeout':
      case 'project_restricted':
      case 'schema_not_exposed':
      case 'statement_timeout':
        return failed(faultMessage(fault), `Check its state: ${dashboard(project)}`)
      case 'database_answer_unexpected':
      case 'database_error':
        return reportStrangeAnswer(subject, database)
      // Each of these has a check of its own.
      case 'migration_missing':
      case 'permission_denied':
      case 'service_key_refused':
      case undefined:
        return ok(project ? `project ${project}` : 'reached')
    }
  },
}

/** Reports a database that cannot be reached. */
function reportUnreachable(
  subject: Subject,
  { project, api_code: code }: Diagnosis['database'],
): Finding {
  if (code === '540') {
    return failed('The Supabase project is paused (540).', `Restore it: ${dashboard(project)}`)
  }
  if (code === '530') {
    return failed(
      'There is no project at SUPABASE_URL (530): it is misspelled, was deleted, or has been paused for a long time.',
      `Check whether it exists: ${dashboard(project)}`,
      `If it does not: ${setSetting(subject, 'SUPABASE_URL')}`,
    )
  }
  const seen = `The Worker cannot reach the database (${code === '0' ? 'no answer' : code}).`
  return subject.isLocal && !project
    ? failed(seen, RESTART, readLog(subject))
    : failed(seen, `Check whether it is running: ${dashboard(project)}`)
}

/** Reports an answer that a healthy project would not give. */
function reportStrangeAnswer(
  subject: Subject,
  { project, api_code: code = '' }: Diagnosis['database'],
): Finding {
  if (!/^[234]\d\d$/.test(code))
    return failed(`The database reports an error (${code}).`, readLog(subject))
  return failed(
    `The server at SUPABASE_URL does not answer like a Supabase project (${code}).`,
    setSetting(subject, 'SUPABASE_URL'),
    `Find the project URL: ${dashboard(project, 'settings/api')}`,
  )
}

const key: Check = {
  id: 'database.key',
  needs: ['database.reachable'],
  why: 'Without the secret key of its project, Supabase refuses every tool call.',
  async look(subject) {
    const { fault, project, api_code: code } = (await readDiagnosis(subject)).database
    if (fault !== 'service_key_refused') return ok('accepted')
    return failed(
      `Supabase refuses SUPABASE_SERVICE_KEY (${code}): it was revoked, or belongs to a project other than SUPABASE_URL.`,
      setSetting(subject, 'SUPABASE_SERVICE_KEY'),
      `Find the secret key: ${dashboard(project, 'settings/api-keys')}`,
    )
  },
}

const user: Check = {
  id: 'user',
  needs: ['database.grants'],
  why: 'A relay shows only the threads of its RELAY_USER_ID.',
  async look(subject) {
    const { database } = await readDiagnosis(subject)
    const { thread_count, message_count, other_thread_count, due_thread_count, project } = database
    if (other_thread_count === 0) {
      const due = due_thread_count
        ? `, ${due_thread_count} archived threads are due for deletion`
        : ''
      return ok(`${thread_count} threads, ${message_count} messages${due}`)
    }
    const before =
      subject.isLocal && !project
        ? [
            'Use the previous UUID. Without this line, npm start uses the one in .relay/settings.json.',
          ]
        : [
            `Use the previous UUID. To list them, run this SQL: ${dashboard(project, 'sql/new')}`,
            'select user_id, count(*) from public.relay_threads group by user_id',
          ]
    const fix = [setSetting(subject, 'RELAY_USER_ID'), ...before]
    if (thread_count === 0) {
      return failed(
        `This RELAY_USER_ID has no threads, and other users have ${other_thread_count}.`,
        ...fix,
      )
    }
    const seen = `This RELAY_USER_ID has ${thread_count} threads, and other users have ${other_thread_count}.`
    return warning(
      seen,
      'If other people use this database too, nothing is wrong. Otherwise:',
      ...fix,
    )
  },
}

const clock: Check = {
  id: 'clock',
  needs: ['database.grants'],
  why: 'Messages are stamped by the database, tokens expire by the clock of the Worker, and clients on this machine send its time as `since`.',
  async look(subject) {
    const { now, database } = await readDiagnosis(subject)
    const ofDatabase = database.clock_difference_ms
    if (Math.abs(ofDatabase) > CLOCK_TOLERANCE) {
      const seen = `The clock of the database is ${formatDifference(ofDatabase)} that of the Worker.`
      const restart = `Restart the project: ${dashboard(database.project, 'settings/general')}`
      return failed(seen, subject.isLocal ? SET_CLOCK : restart)
    }
    const ofMachine = Date.now() - Date.parse(now)
    if (Math.abs(ofMachine) > CLOCK_TOLERANCE) {
      return warning(
        `The clock of this machine is ${formatDifference(ofMachine)} that of the Worker.`,
        SET_CLOCK,
      )
    }
    return ok('in agreement')
  },
}

const SET_CLOCK = 'Synchronize the clock of this machine: sudo timedatectl set-ntp true'

function formatDifference(milliseconds: number): string {
  const minutes = Math.round(Math.abs(milliseconds) / 60_000)
  return `${minutes} min ${milliseconds > 0 ? 'ahead of' : 'behind'}`
}

const roundTrip: Check = {
  id: 'database.round-trip',
  needs: ['database.grants'],
  why: 'Each tool call takes at least this long.',
  async look(subject) {
    const { colo, database } = await readDiagnosis(subject)
    const from = colo ? `, asked from ${colo}` : ''
    const seen = `${database.round_trip_ms} ms${from}`
    if (database.round_trip_ms <= LONG_ROUND_TRIP) return ok(seen)
    const slow = `A request to the database takes ${seen}.`
    if (subject.isLocal) {
      return warning(
        slow,
        'Use a project in a nearer region, or deploy the relay with npm run setup.',
      )
    }
    return warning(
      slow,
      `Add [placement] region = "aws:…" to wrangler.toml, ${thenDeploy(subject)}`,
      `Find the region of the project: ${dashboard(database.project, 'settings/general')}`,
    )
  },
}

const toolCall: Check = {
  id: 'tool-call',
  needs: ['era.legacy', 'database.grants'],
  why: 'Sessions get this error instead of their threads.',
  async look(subject) {
    const { isError, content } = await subject.relay.call('relay_list_threads', { limit: 1 })
    if (!isError) return ok('relay_list_threads')
    return failed(content[0]?.text ?? 'relay_list_threads fails.', readLog(subject))
  },
}

export const databaseChecks = [reachable, key, ...migrationChecks, user, clock, roundTrip, toolCall]
