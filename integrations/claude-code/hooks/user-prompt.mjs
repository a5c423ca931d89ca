/**
 * The UserPromptSubmit hook. With a prompt it prints one line if something new has come since the last
 * one, looks at most every 30 seconds, takes at most 1.5 seconds, and is silent if the relay cannot be
 * asked. With one of the plugin's commands it names this session's reader_tag, and with /relay:watch it
 * leaves for the monitor what that needs to ask the relay.
 *
 *   node user-prompt.mjs [--url URL] [--data FOLDER]   the event as JSON on standard input; see news.mjs
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runLimited } from './child.mjs'
import { findConnection, Refusal, readerTag } from './relay.mjs'
import { readTold, writeTold, writeWatch } from './state.mjs'
import { flatten, quote } from './text.mjs'

/** Counted from the start of this process. */
const LIMIT_MS = 1_400

/** Between two looks; doubled with each look that fails, so that a relay that is down costs little. */
const PAUSE_MS = 30_000
const MAX_PAUSE_MS = 10 * 60_000

const { CLAUDE_CODE_SESSION_ID: session, CLAUDE_PID: pid } = process.env
const { values: options } = parseArgs({
  options: { url: { type: 'string' }, data: { type: 'string' } },
})

const text = await run(readPrompt())
if (text) process.stdout.write(text)

function readPrompt() {
  try {
    return String(JSON.parse(readFileSync(0, 'utf8')).prompt)
  } catch {
    return ''
  }
}

async function run(prompt) {
  const [, command, args = ''] =
    /^\/relay:(watch|catch-up|hand-off)(?:\s+(.*))?$/s.exec(prompt) ?? []
  try {
    const relay = findConnection(options.url)
    if (!relay) return ''
    if (command === 'watch') return watch(relay, args)
    if (command) return `Relay: the reader_tag of this session is ${quoteTag()}.\n`
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    // At the start of the session the person was told.
    return command === 'watch' ? `Relay cannot watch: ${error.message}.\n` : ''
  }
  return look()
}

function quoteTag() {
  return quote(readerTag(), Number.POSITIVE_INFINITY)
}

function watch({ endpoint, key }, args) {
  const threads = parseThreads(args)
  const isOff = threads.length === 1 && threads[0].toLowerCase() === 'off'
  const reader = readerTag()
  const given = isOff ? { isOff } : { url: endpoint.href, key, reader, threads, session }
  if (!writeWatch(options.data, pid, given)) {
    return 'Relay cannot watch: this version of Claude Code does not say what its monitor needs, or the folder of the plugin cannot be written.\n'
  }
  if (isOff) return 'Relay: no longer watching.\n'
  const what =
    threads.length > 0 ? `, also ${threads.map((name) => quote(name, 100)).join(', ')}` : ''
  return `Relay: watching for reader_tag ${quoteTag()}${what}. Pass that reader_tag wherever a relay tool takes one, or your own posts would wake you.\n`
}

/** Words, or names with spaces in quotation marks. */
function parseThreads(args) {
  const names = [...args.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word)
  return names.map(flatten).filter(Boolean)
}

async function look() {
  const told = readTold(options.data, session)
  const { askedAt = 0, failures = 0 } = told
  const pause = Math.min(PAUSE_MS * 2 ** failures, MAX_PAUSE_MS)
  const passed = Date.now() - askedAt
  // A clock that was set back must not silence it.
  if (passed >= 0 && passed < pause) return ''
  // Before asking, and as a failure until there is an answer: this process may be killed as well.
  writeTold(options.data, session, { ...told, askedAt: Date.now(), failures: failures + 1 })
  const { stdout = '' } = await runLimited('prompt-news.mjs', process.argv.slice(2), LIMIT_MS)
  return stdout
}
