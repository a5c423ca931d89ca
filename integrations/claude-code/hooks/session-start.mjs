/**
 * The SessionStart hook: asks the relay for this reader's news in all threads, without marking
 * anything as read, and prints a digest for the session: nothing if nothing is new, one line if it could
 * not ask. It never fails, so it cannot stop a session from starting. digest.mjs writes the text.
 * Runs on Node 18 or later, with nothing installed.
 *
 *   node session-start.mjs --url URL [--data FOLDER]   the plugin's settings: URL and CLAUDE_PLUGIN_OPTION_API_KEY
 *   node session-start.mjs [--data FOLDER]             the environment: RELAY_URL and RELAY_KEY
 */
import { parseArgs } from 'node:util'
import { writeDigest } from './digest.mjs'
import { askWithin, finish, TimeUp } from './limit.mjs'
import { callTool, findConnection, notARelay, Refusal, readerTag } from './relay.mjs'
import { removeLeftovers, writeTold } from './state.mjs'
import { findNews, peekFor } from './unread.mjs'

/** From the request. */
const LIMIT_MS = 2_000

/** Messages to this reader that wait for an answer are shown even if a session has received them. */
const OPEN_LIMIT = 3

const CLIENT = 'relay-session-start'

const { values: options } = parseArgs({
  options: { url: { type: 'string' }, data: { type: 'string' } },
})

const text = await news().catch(explain)
finish(text ? `${text}\n` : '')

async function news() {
  removeLeftovers(options.data)
  const relay = findConnection(options.url)
  if (!relay) return ''
  const reader = readerTag()
  // Together, because both must fit into the time limit.
  const [unread, open] = await askWithin(LIMIT_MS, (signal) =>
    Promise.all([
      callTool(relay, CLIENT, 'relay_check_new', peekFor(reader), signal),
      openMessages(relay, reader, signal),
    ]),
  )
  try {
    const digest = writeDigest(unread, open, reader)
    // The next prompt repeats nothing of it.
    const { told } = findNews(unread, reader)
    const session = process.env.CLAUDE_CODE_SESSION_ID
    writeTold(options.data, session, { ...told, askedAt: Date.now(), failures: 0 })
    return digest
  } catch {
    throw notARelay(relay.endpoint)
  }
}

/**
 * The latest messages to this reader that wait for an answer, read or not: a session that hands over to a
 * later one under the same tag may have received its own message with a later check.
 */
async function openMessages(relay, reader, signal) {
  const args = { to: reader, open: true, limit: OPEN_LIMIT }
  try {
    const found = await callTool(relay, CLIENT, 'relay_read_thread', args, signal)
    return Array.isArray(found?.messages) ? found.messages : []
  } catch (error) {
    // A relay that does not know `to` refuses the call; a broken connection shows in the other one.
    if (error instanceof Refusal) return []
    throw error
  }
}

function explain(error) {
  if (error instanceof TimeUp) {
    const why = error.isBusy
      ? 'this machine was too busy to ask for news'
      : `no news within ${LIMIT_MS / 1000} seconds`
    return `Relay: ${why}; the session can call relay_check_new.`
  }
  const reason = error instanceof Refusal ? error.message : 'its hook failed'
  return `Relay could not be asked for news: ${reason}.`
}
