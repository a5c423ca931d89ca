/**
 * Asks the relay what is new for this reader in all threads, without marking anything as read, and
 * prints a digest for the session: nothing if nothing is new, one line if it could not ask.
 * digest.mjs writes the text, session-start.mjs enforces the time limit.
 *
 *   node news.mjs --url URL [--data FOLDER]   the plugin's settings: URL and CLAUDE_PLUGIN_OPTION_API_KEY
 *   node news.mjs [--data FOLDER]             the environment: RELAY_URL and RELAY_API_KEY
 */
import { parseArgs } from 'node:util'
import { writeDigest } from './digest.mjs'
import { callTool, findConnection, notARelay, Refusal, readerTag } from './relay.mjs'
import { removeLeftovers, writeTold } from './state.mjs'
import { findNews, peekFor } from './unread.mjs'

/** Messages addressed to this reader are shown for a week, even if a session has taken them. */
const ADDRESSED_LIMIT = 3
const ADDRESSED_MS = 7 * 24 * 60 * 60 * 1000

const CLIENT = 'relay-session-start'

const { values: options } = parseArgs({
  options: { url: { type: 'string' }, data: { type: 'string' } },
})

const text = await news()
if (text) process.stdout.write(`${text}\n`)

async function news() {
  removeLeftovers(options.data)
  try {
    const relay = findConnection(options.url)
    if (!relay) return ''
    const reader = readerTag()
    // Together, because both must fit into the time limit.
    const [unread, addressed] = await Promise.all([
      callTool(relay, CLIENT, 'relay_check_new', peekFor(reader)),
      addressedMessages(relay, reader),
    ])
    try {
      const digest = writeDigest(unread, addressed, reader)
      // The next prompt repeats nothing of it.
      const { told } = findNews(unread, reader)
      const session = process.env.CLAUDE_CODE_SESSION_ID
      writeTold(options.data, session, { ...told, askedAt: Date.now(), failures: 0 })
      return digest
    } catch {
      throw notARelay(relay.endpoint)
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return `Relay could not be asked for news: ${error.message}.`
  }
}

/**
 * The latest messages addressed to this reader, read or not: a session that hands over to a later
 * one under the same tag may have taken its own message with a later check.
 */
async function addressedMessages(relay, reader) {
  const since = new Date(Date.now() - ADDRESSED_MS).toISOString()
  const args = { to: reader, since, limit: ADDRESSED_LIMIT }
  try {
    const found = await callTool(relay, CLIENT, 'relay_read_thread', args)
    return Array.isArray(found?.messages) ? found.messages : []
  } catch (error) {
    // A relay that does not know `to` refuses the call; a broken connection shows in the other one.
    if (error instanceof Refusal) return []
    throw error
  }
}
