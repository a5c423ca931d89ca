/**
 * Waits for news on the relay and prints one line for those that should wake the session: messages
 * addressed to its reader, news in the threads that /relay:watch named, or, when it named none, in
 * threads that the reader has posted to or read, unless they are addressed to another. Marks nothing as
 * read. Ends only with Claude Code.
 *
 *   node watcher.mjs FOLDER   user-prompt.mjs leaves there where to ask, with which key, as whom
 *
 * Reports its threads to watch.mjs, and a successor continues with those.
 */
import { callTool, parseConnection } from '../hooks/relay.mjs'
import { readTold, takeWatch, writeTold } from '../hooks/state.mjs'
import { fold } from '../hooks/text.mjs'
import { findNews, peekFor, writeLine } from '../hooks/unread.mjs'

const TICK_MS = 1_000

/**
 * Each wait repeats the last ten seconds, in which a message may have become visible after a later one. While
 * that returns messages, a wait would end at once. The other pause is after a line.
 */
const OVERLAP_MS = 10_000
const REPEAT_PAUSE_MS = 2_000
const LINE_PAUSE_MS = 30_000

/** The relay's longest wait, and how long an answer to it may take. */
const WAIT_SECONDS = 45
const LIMIT_MS = 60_000

/** After a failure: doubled with each, up to five minutes, and up to half as much more. */
const RETRY_MS = 5_000
const MAX_RETRY_MS = 5 * 60_000

const CLIENT = 'relay-watch'
const [data] = process.argv.slice(2)
const { CLAUDE_PID: pid } = process.env

/** The threads to watch, the news the session knows, and the relay's time then; /relay:watch replaces them. */
let watch
let told
let since
let failures = 0
let hasCommand = false
/** Ends the current wait or pause. */
let interrupt = new AbortController()

process.on('disconnect', () => process.exit())
process.on('message', (report) => {
  // A command that came after the report is newer.
  if (!hasCommand) replace(report.watch, report.told, report.since)
})
process.stdout.on('error', () => {})
setInterval(tick, TICK_MS)
tick()

for (;;) {
  const { signal } = interrupt
  await sleep(await look(signal), signal)
}

/** Ends with Claude Code, and takes the data that a command has left. */
function tick() {
  if (!isAlive(Number(pid))) process.exit()
  const next = takeWatch(data, pid)
  if (!next) return
  hasCommand = true
  replace(next.isOff ? undefined : next)
  report()
}

function replace(nextWatch, nextTold, nextSince) {
  watch = nextWatch
  told = nextTold
  since = nextSince
  failures = 0
  interrupt.abort()
  interrupt = new AbortController()
}

function report() {
  process.send?.({ watch, told, since }, () => {})
}

function isAlive(process_id) {
  try {
    // Without a number there is nothing to wait for, and the closed channel ends this process.
    return !process_id || process.kill(process_id, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Asks once, prints a line if there is one, and returns how long to pause, in milliseconds. */
async function look(signal) {
  if (!watch) return TICK_MS
  const current = watch
  try {
    const relay = parseConnection(current.url, current.key)
    const ask = (name, args) => limit(signal, (each) => callTool(relay, CLIENT, name, args, each))
    // The first look is at everything that is unread. Only a call that waits learns the relay's time.
    const wait = since ? { since, wait_seconds: WAIT_SECONDS } : { wait_seconds: 1 }
    const answer = await ask('relay_check_new', { ...peekFor(current.reader), ...wait })
    const found = findNews(answer, current.reader, told, Boolean(since))
    const news = told ? await choose(found.news, current, ask) : []
    if (signal.aborted) return 0
    told = found.told
    since = answer.now && new Date(Date.parse(answer.now) - OVERLAP_MS).toISOString()
    failures = 0
    report()
    if (news.length > 0) {
      tell(news, current)
      return LINE_PAUSE_MS
    }
    return answer.messages.length > 0 ? REPEAT_PAUSE_MS : 0
  } catch {
    if (signal.aborted) return 0
    failures += 1
    const pause = Math.min(RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS)
    return pause * (1 + Math.random() / 2)
  }
}

/** The news that should wake the session, without messages to another reader. */
async function choose(all, { reader, threads }, ask) {
  const news = all
    .map(({ others, ...each }) => ({ ...each, count: each.count - others }))
    .filter(({ count }) => count > 0)
  if (news.length === 0) return []
  const named = new Set(threads.map(fold))
  const isChosen = ({ name, addressed }) => addressed > 0 || named.has(fold(name))
  if (named.size > 0 || news.every(isChosen)) return news.filter(isChosen)
  // A thread counts as opened once some of its messages are behind the reader.
  const args = { reader_tag: reader, include_archived: true, limit: 500 }
  const list = await ask('relay_list_threads', args)
  const opened = list.threads.filter(
    ({ unread_count, message_count }) => unread_count < message_count,
  )
  const names = new Set(opened.map(({ name }) => name))
  return news.filter((each) => isChosen(each) || names.has(each.name))
}

/** The prompt hook does not repeat news from here. */
function tell(news, { reader, session }) {
  process.stdout.write(`${writeLine(news, reader)}\n`)
  writeTold(data, session, { ...readTold(data, session), ...told })
}

/** Node 18 has no AbortSignal.any. */
async function limit(signal, run) {
  const controller = new AbortController()
  const abort = () => controller.abort()
  const timer = setTimeout(abort, LIMIT_MS)
  signal.addEventListener('abort', abort)
  try {
    return await run(controller.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

function sleep(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
