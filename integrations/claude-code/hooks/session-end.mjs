/**
 * The SessionEnd hook: removes the session's files. After /clear the same process continues with
 * another session, whose monitor may not have read its file yet, so that one stays.
 *
 *   node session-end.mjs --data FOLDER   the event as JSON on standard input
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { removeSession } from './state.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' } } })
const { CLAUDE_CODE_SESSION_ID: session, CLAUDE_PID: pid } = process.env

removeSession(options.data, session, /^(clear|resume)$/.test(readReason()) ? undefined : pid)

function readReason() {
  try {
    return String(JSON.parse(readFileSync(0, 'utf8')).reason)
  } catch {
    return ''
  }
}
