/**
 * Asks the relay what is new for this reader in all threads, without marking anything as read, and
 * prints a digest for the session: nothing if nothing is new, one line if it could not ask.
 * digest.mjs writes the text, session-start.mjs enforces the time limit.
 *
 *   node news.mjs --url URL                the plugin's settings: URL and CLAUDE_PLUGIN_OPTION_API_KEY
 *   node news.mjs                          the environment: RELAY_URL and RELAY_API_KEY
 *   node news.mjs --reader-tag [FOLDER]    prints the reader_tag for that project and asks nothing
 */
import { homedir, hostname } from 'node:os'
import { isAbsolute, join, relative } from 'node:path'
import { flatten, quote, writeDigest } from './digest.mjs'

/** In characters (code points). The relay accepts no longer reader_tag. */
const MAX_READER_TAG = 200
const MAX_REFUSAL = 300

/** The most that the relay returns at once; its own budget in bytes applies as well. */
const LIMIT = 500

/** Messages addressed to this reader are shown for a week, even if a session has taken them. */
const ADDRESSED_LIMIT = 3
const ADDRESSED_MS = 7 * 24 * 60 * 60 * 1000

const PROTOCOL_VERSION = '2026-07-28'

const WHY = {
  401: ': it refuses the API key',
  404: ': its URL ends in /mcp',
}

const INCOMPLETE =
  'it needs url and api_key in the settings of its plugin (/plugin), or RELAY_URL and RELAY_API_KEY in the environment'

/** A reason that the person should read, as opposed to a fault of this script. */
class Refusal extends Error {}

const { env } = process
const [option, argument] = process.argv.slice(2)
const text = option === '--reader-tag' ? readerTag(argument) : await news()
if (text) process.stdout.write(`${text}\n`)

async function news() {
  try {
    const relay = connection()
    if (!relay) return ''
    const reader = readerTag()
    // Together, because both must fit into the time limit.
    const [unread, addressed] = await Promise.all([
      call(relay, 'relay_check_new', { reader_tag: reader, peek: true, limit: LIMIT }),
      addressedMessages(relay, reader),
    ])
    try {
      return writeDigest(unread, addressed, reader)
    } catch {
      throw new Refusal(`what ${relay.endpoint.host} answered is not from a relay`)
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return `Relay could not be asked for news: ${error.message}.`
  }
}

/**
 * Where to ask, and with which key: both from the plugin's settings or both from the environment.
 * A project's files may set the environment, and must not lead the key of the settings elsewhere.
 *
 * Claude Code fills in `--url` from its settings, and does not run that hook if the URL is not set.
 * CLAUDE_PLUGIN_OPTION_URL says the same, but only until a project's `env` sets it.
 */
function connection() {
  const key = env.CLAUDE_PLUGIN_OPTION_API_KEY
  if (option === '--url') return parseConnection(argument, key)
  // The other hook reports on these settings.
  if (env.CLAUDE_PLUGIN_OPTION_URL) return undefined
  if (key) throw new Refusal(INCOMPLETE)
  return parseConnection(env.RELAY_URL, env.RELAY_API_KEY)
}

function parseConnection(url = '', apiKey = '') {
  const key = apiKey.trim()
  if (!url.trim() || !key) throw new Refusal(INCOMPLETE)
  const endpoint = parseEndpoint(url.trim())
  // Node would quote a key that no header can carry in its error.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new Refusal('its configured API key contains characters that no header can carry')
  }
  return { endpoint, key }
}

function parseEndpoint(value) {
  let url
  try {
    url = new URL(value)
  } catch {
    throw new Refusal('its configured URL is not valid')
  }
  // fetch refuses a URL with credentials, and its error would quote them.
  if (url.username || url.password) throw new Refusal('its configured URL contains credentials')
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)) return url
  throw new Refusal('its configured URL must use https, or http on this machine')
}

/**
 * The reader: this machine and this folder, so that no two projects take each other's news, and a
 * session finds what the previous one in the same folder has left unread.
 */
function readerTag(project = env.CLAUDE_PROJECT_DIR || process.cwd()) {
  const given = env.RELAY_READER_TAG?.trim()
  if (given) return given
  const inHome = relative(homedir(), project)
  const isInHome = !inHome.startsWith('..') && !isAbsolute(inHome)
  const folder = isInHome ? join('~', inHome) : project
  const [machine] = hostname().split('.')
  const tag = flatten(`${machine}:${folder.replaceAll('\\', '/')}`)
  return Array.from(tag).slice(-MAX_READER_TAG).join('')
}

/**
 * The latest messages addressed to this reader, read or not: a session that hands over to a later
 * one under the same tag may have taken its own message with a later check.
 */
async function addressedMessages(relay, reader) {
  const since = new Date(Date.now() - ADDRESSED_MS).toISOString()
  try {
    const found = await call(relay, 'relay_read_thread', {
      to: reader,
      since,
      limit: ADDRESSED_LIMIT,
    })
    return Array.isArray(found?.messages) ? found.messages : []
  } catch (error) {
    // A relay that does not know `to` refuses the call; a broken connection shows in the other one.
    if (error instanceof Refusal) return []
    throw error
  }
}

/** One tool call of the modern era, which needs no handshake. Returns its structured content. */
async function call({ endpoint, key }, name, args) {
  let response
  try {
    response = await post(endpoint, key, { name, arguments: args })
  } catch (error) {
    const code = error.cause?.code
    throw new Refusal(`${endpoint.host} cannot be reached${code ? ` (${code})` : ''}`)
  }
  const { status } = response
  if (status >= 300 && status < 400) {
    throw new Refusal(`${endpoint.host} redirects elsewhere, where the API key was not sent`)
  }
  if (status !== 200) throw new Refusal(`${endpoint.host} answered ${status}${WHY[status] ?? ''}`)
  let refusal
  try {
    const { result, error } = await response.json()
    refusal = error?.message ?? (result.isError ? result.content[0].text : undefined)
    if (!refusal) return result.structuredContent
  } catch {
    throw new Refusal(`what ${endpoint.host} answered is not from a relay`)
  }
  throw new Refusal(`it answered ${quote(refusal, MAX_REFUSAL)}`)
}

function post(endpoint, key, call) {
  const params = {
    ...call,
    _meta: {
      'io.modelcontextprotocol/protocolVersion': PROTOCOL_VERSION,
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  }
  return fetch(endpoint, {
    method: 'POST',
    // The key is sent only to the address that was configured.
    redirect: 'manual',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': PROTOCOL_VERSION,
      'mcp-method': 'tools/call',
      'mcp-name': params.name,
      'user-agent': 'relay-session-start',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  })
}
