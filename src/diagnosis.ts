/**
 * What only the Worker can see of its database, for whoever holds the key: never a value of a setting.
 * What it means, and what mends it, is the doctor's to say.
 */
import * as z from 'zod/mini'
import type { Config } from './config.ts'
import type { Database } from './db.ts'
import { RelayError } from './errors.ts'
import type { RequestLog } from './log.ts'

/** So that one slow answer, such as the first with its handshakes, does not decide the median. */
const CALLS = 3

/** The rest of it is passed on as it is. */
const Status = z.looseObject({ now: z.string() })

/** Asks the database for its status a few times. */
export async function diagnoseDatabase(
  db: Database,
  { supabaseUrl, userId }: Config,
  log: RequestLog,
): Promise<object> {
  // The first part of a project's host is its public name, by which the dashboard finds it.
  const [, project] = /^https:\/\/(\w+)\.supabase\.co$/.exec(supabaseUrl) ?? []
  const times: number[] = []
  let status = {}
  let clockDifference = 0
  try {
    while (times.length < CALLS) {
      const startedAt = Date.now()
      const answer = await db.call('relay_status', { p_user_id: userId }, Status)
      const time = Date.now() - startedAt
      times.push(time)
      status = answer
      clockDifference = Math.round(Date.parse(answer.now) - startedAt - time / 2)
    }
  } catch (error) {
    if (!(error instanceof RelayError)) throw error
    log.addError(error)
    return { project, fault: error.code, api_code: error.apiCode }
  }
  times.sort((a, b) => a - b)
  return { ...status, project, round_trip_ms: times[1], clock_difference_ms: clockDifference }
}
