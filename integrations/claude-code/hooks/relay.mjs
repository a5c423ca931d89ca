/**
 * Asks the relay, for the hooks and the monitor: where it is, which key goes there, who reads, and one
 * tool call. Nothing else in the plugin sends a request.
 */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { homedir, hostname } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { flatten, quote } from './text.mjs'

/** In characters (code points). The relay accepts no longer reader_tag. */
const MAX_READER_TAG = 200
const MAX_REFUSAL = 300

/** Of the session's UUID: enough for the sessions of one person. */
const SESSION_LENGTH = 8

const PROTOCOL_VERSION = '2026-07-28'

const WHY = {
  401: ': it refuses the API key',
  404: ': its URL ends in /mcp',
}

const INCOMPLETE =
  'it needs url and api_key in the settings of its plugin (/plugin), or RELAY_URL and RELAY_KEY in the environment'

const { env } = process

/**
 * HTTPS uses the proxy that Claude Code itself uses (Node versions that cannot do that ignore the
 * option). Plain HTTP is for loopback only and needs none. Node's defaults come from the environment,
 * which a project's files may set, so neither a proxy for plain HTTP nor an unverified certificate is
 * taken from there. NODE_EXTRA_CA_CERTS stays, since company proxies need it.
 */
const TRANSPORTS = {
  'http:': { request: http.request, agent: new http.Agent() },
  'https:': {
    request: https.request,
    agent: new https.Agent({ proxyEnv: env, rejectUnauthorized: true }),
  },
}

/** A reason that the person should read, as opposed to a fault of a script. */
export class Refusal extends Error {}

/**
 * Where to ask, and with which key: both from the plugin's settings or both from the environment.
 * A project's files may set the environment, and must not lead the key of the settings elsewhere.
 * Returns undefined if the hook for the settings is the one to ask. Throws Refusal.
 *
 * Claude Code fills in `--url` from its settings, and does not run that hook if the URL is not set.
 * CLAUDE_PLUGIN_OPTION_URL says the same, but only until a project's `env` sets it.
 */
export function findConnection(url) {
  const key = env.CLAUDE_PLUGIN_OPTION_API_KEY
  if (url !== undefined) return parseConnection(url, key)
  // The other hook reports on these settings.
  if (env.CLAUDE_PLUGIN_OPTION_URL) return undefined
  if (key) throw new Refusal(INCOMPLETE)
  // A shell in which the relay itself runs may have only RELAY_API_KEY.
  return parseConnection(env.RELAY_URL, env.RELAY_KEY?.trim() || env.RELAY_API_KEY)
}

/** Takes a URL and a key as they were typed, and returns a connection. Throws Refusal. */
export function parseConnection(url = '', apiKey = '') {
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
  // They would be sent in place of the key.
  if (url.username || url.password) throw new Refusal('its configured URL contains credentials')
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)) return url
  throw new Refusal('its configured URL must use https, or http on this machine')
}

/**
 * The reader: this machine and this folder, so that no two projects take each other's news, and a
 * session finds the messages that the previous one in the same folder left unread. RELAY_READER_TAG
 * replaces it. In that, `{session}` stands for this session of Claude Code, and `{project}` for the tag of
 * the repository's main folder, which its worktrees share.
 */
export function readerTag(project = env.CLAUDE_PROJECT_DIR || process.cwd()) {
  const session = (env.CLAUDE_CODE_SESSION_ID ?? '').slice(0, SESSION_LENGTH)
  const given = env.RELAY_READER_TAG?.replaceAll('{session}', session)
    .replaceAll('{project}', () => folderTag(mainFolder(project)))
    .trim()
  return given || folderTag(project)
}

/** The folder of the repository's main working tree (gitrepository-layout(5)); without Git the folder itself. */
function mainFolder(project) {
  for (let folder = resolve(project); ; folder = dirname(folder)) {
    try {
      const git = join(folder, '.git')
      const common = commonGitFolder(git)
      return basename(common) === '.git' ? dirname(common) : common
    } catch {
      if (dirname(folder) === folder) return project
    }
  }
}

/** Throws if there is no Git folder at the path. */
function commonGitFolder(path) {
  let file
  try {
    file = readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'EISDIR') return path
    throw error
  }
  const own = resolve(dirname(path), file.replace(/^gitdir: /, '').trim())
  return resolve(own, readFileSync(join(own, 'commondir'), 'utf8').trim())
}

function folderTag(project) {
  const inHome = relative(homedir(), project)
  const isInHome = !inHome.startsWith('..') && !isAbsolute(inHome)
  const folder = isInHome ? join('~', inHome) : project
  const [machine] = hostname().split('.')
  const tag = flatten(`${machine}:${folder.replaceAll('\\', '/')}`)
  return Array.from(tag).slice(-MAX_READER_TAG).join('')
}

/**
 * Makes one tool call of the modern era, which needs no handshake, and returns its structured
 * content. `client` is the name in the relay's log. Throws Refusal, also when `signal` aborts it.
 */
export async function callTool({ endpoint, key }, client, name, args, signal) {
  let response
  try {
    response = await post({ endpoint, key, client, signal }, { name, arguments: args })
  } catch ({ code }) {
    throw new Refusal(`${endpoint.host} cannot be reached${code ? ` (${code})` : ''}`)
  }
  const { status, body } = response
  // The key is sent only to the address that was configured.
  if (status >= 300 && status < 400) {
    throw new Refusal(`${endpoint.host} redirects elsewhere, where the API key was not sent`)
  }
  if (status !== 200) throw new Refusal(`${endpoint.host} answered ${status}${WHY[status] ?? ''}`)
  let refusal
  try {
    const { result, error } = JSON.parse(body)
    refusal = error?.message ?? (result.isError ? result.content[0].text : undefined)
    if (!refusal) return result.structuredContent
  } catch {
    throw notARelay(endpoint)
  }
  throw new Refusal(`it answered ${quote(refusal, MAX_REFUSAL)}`)
}

/** For an answer that cannot be read as a relay's. */
export function notARelay({ host }) {
  return new Refusal(`the answer of ${host} is not from a relay`)
}

function post({ endpoint, key, client, signal }, call) {
  const params = {
    ...call,
    _meta: {
      'io.modelcontextprotocol/protocolVersion': PROTOCOL_VERSION,
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  }
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': PROTOCOL_VERSION,
    'mcp-method': 'tools/call',
    'mcp-name': params.name,
    'user-agent': client,
  }
  const { request, agent } = TRANSPORTS[endpoint.protocol]
  return new Promise((resolve, reject) => {
    // By itself a request ends only once a proxy has answered.
    signal.addEventListener('abort', () => reject(signal.reason))
    request(endpoint, { method: 'POST', agent, headers, signal })
      .on('response', (response) => {
        const { statusCode: status } = response
        text(response).then((body) => resolve({ status, body }), reject)
      })
      .on('error', reject)
      .end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }))
  })
}
