/**
 * The UserPromptSubmit hook. With a prompt it prints one line if something new has come since the last
 * one, looks at most every 30 seconds, waits at most 1.5 seconds, and is silent if the relay cannot be
 * asked. With one of the plugin's commands it names this session's reader_tag, and with /relay:watch it
 * leaves the monitor the data it needs to ask the relay.
 *
 *   node user-prompt.mjs [--url URL] [--data FOLDER]   the event as JSON on standard input; see session-start.mjs
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { askWithin, finish, TimeUp } from './limit.mjs'
import { callTool, findConnection, Refusal, readerTag } from './relay.mjs'
import { readTold, removeLeftovers, writeTold, writeWatch } from './state.mjs'
import { fold, quote } from './text.mjs'
import { parseWatch } from './thread-names.mjs'
import { findNews, peekFor, writeLine } from './unread.mjs'

/** From the request. */
const LIMIT_MS = 1_500

/** Between two looks; doubled with each look that fails, so that a relay that is down costs little. */
const PAUSE_MS = 30_000
const MAX_PAUSE_MS = 10 * 60_000

const CLIENT = 'relay-prompt'

const { CLAUDE_CODE_SESSION_ID: session, CLAUDE_PID: pid } = process.env
const { values: options } = parseArgs({
  options: { url: { type: 'string' }, data: { type: 'string' } },
})
const reader = readerTag()

finish(await run(readPrompt()))

function readPrompt() {
  try {
    return String(JSON.parse(readFileSync(0, 'utf8')).prompt)
  } catch {
    return ''
  }
}

async function run(prompt) {
  // A file that no monitor has taken holds the key.
  removeLeftovers(options.data)
  const [, command, args = ''] =
    /^\/relay:(watch|catch-up|hand-off)(?:\s+(.*))?$/s.exec(prompt) ?? []
  let relay
  try {
    relay = findConnection(options.url)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    // At the start of the session the person was told.
    return command === 'watch' ? `Relay cannot watch: ${error.message}.\n` : ''
  }
  if (!relay) return ''
  if (command === 'watch') return watch(relay, parseWatch(args))
  if (command) return `Relay: the reader_tag of this session is ${quoteWhole(reader)}.\n`
  return look(relay)
}

function quoteWhole(value) {
  return quote(value, Number.POSITIVE_INFINITY)
}

async function watch(relay, { isOff, threads }) {
  const { endpoint, key } = relay
  const given = isOff ? { isOff } : { url: endpoint.href, key, reader, threads, session }
  if (!writeWatch(options.data, pid, given)) {
    return 'Relay cannot watch: this version of Claude Code does not say what its monitor needs, or the folder of the plugin cannot be written.\n'
  }
  if (isOff) return 'Relay: no longer watching.\n'
  const list = (names, separator) => names.map((name) => quote(name, 100)).join(separator)
  const what = threads.length > 0 ? `, also ${list(threads, ', ')}` : ''
  const unknown = await findUnknown(relay, threads)
  const which = unknown.length > 0 ? ` No thread is named ${list(unknown, ' or ')} yet.` : ''
  return `Relay: watching for reader_tag ${quoteWhole(reader)}${what}.${which} Pass that reader_tag wherever a relay tool takes one, or your own posts would wake you.\n`
}

/** The names that no thread has: none if the relay does not list all its threads in time. */
async function findUnknown(relay, names) {
  if (names.length === 0) return []
  const args = { include_archived: true, limit: 500 }
  try {
    const { threads, remaining_count: others } = await askWithin(LIMIT_MS, (signal) =>
      callTool(relay, CLIENT, 'relay_list_threads', args, signal),
    )
    const known = new Set(threads.map(({ name }) => fold(name)))
    return others === 0 ? names.filter((name) => !known.has(fold(name))) : []
  } catch {
    return []
  }
}

async function look(relay) {
  const before = readTold(options.data, session)
  const { askedAt = 0, failures = 0 } = before
  const pause = Math.min(PAUSE_MS * 2 ** failures, MAX_PAUSE_MS)
  const passed = Date.now() - askedAt
  // A clock that was set back must not silence it.
  if (passed >= 0 && passed < pause) return ''
  const asked = { ...before, askedAt: Date.now() }
  // Before asking, because Claude Code may end this process.
  writeTold(options.data, session, asked)
  try {
    const answer = await askWithin(LIMIT_MS, (signal) =>
      callTool(relay, CLIENT, 'relay_check_new', peekFor(reader), signal),
    )
    const { news, told } = findNews(answer, reader, before)
    const after = { ...told, askedAt: Date.now(), failures: 0 }
    const isKept = writeTold(options.data, session, after)
    // News that cannot be remembered would be told again with every prompt.
    return isKept && news.length > 0 ? `${writeLine(news, reader)}\n` : ''
  } catch (error) {
    const isBusy = error instanceof TimeUp && error.isBusy
    if (!isBusy) writeTold(options.data, session, { ...asked, failures: failures + 1 })
    return ''
  }
}
