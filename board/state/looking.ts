/** Looks for news while a person looks at the board: waits at the relay, and reads the list when it answers. */
import { callTool, countRequests } from '../relay/client.ts'
import { isSignedIn, session } from '../relay/sign-in.ts'
import { PERSON } from '../relay/types.ts'
import { Bucket } from './pace.ts'
import { noteFault, noteSuccess, trouble } from './status.ts'
import { isSame, looks, takeOver, threads } from './threads.ts'

/** Seconds of one wait at the relay, which ends at once when a message comes. */
const WAIT_SECONDS = 24

/** Milliseconds between the looks of a tab that is not seen, and before the next after a failure. */
const HIDDEN_PAUSE = 60_000
const FAILURE_PAUSE = 2_850

/** Archiving and renaming do not show among the latest threads. */
const WHOLE_LIST_EVERY = 120_000

/** Threads that a look asks for, and threads of the whole list. */
const LATEST = 20
const WHOLE = 500

const bucket = new Bucket(Date.now())
let lastWhole = 0
/** Numbers of lists: the last that was asked for, and the last that is shown. */
let lastAsked = 0
let lastShown = 0
/** The time of the newest message that a wait returned: the list may be without it. */
let lastHeard = ''
let running: AbortController | undefined

/** Keeps the list up to date from now on, while signed in. */
export function followThreads(): void {
  countRequests(() => bucket.take(Date.now()))
  document.addEventListener('visibilitychange', lookNow)
  addEventListener('online', lookNow)
  session.subscribe(lookNow)
}

/** Looks at once, and then again and again. */
export function lookNow(): void {
  running?.abort()
  running = undefined
  if (!isSignedIn.peek()) return
  running = new AbortController()
  void look(running.signal)
}

async function look(signal: AbortSignal): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    try {
      if (threads.peek() === undefined) await introduce()
      await refreshList(signal)
      failures = 0
      await (document.hidden ? sleep(HIDDEN_PAUSE, signal) : untilNews(signal))
    } catch (error) {
      if (signal.aborted) return
      const fault = noteFault(error)
      // Without a sign-in there is nothing to ask: signing in looks again.
      if (fault.kind === 'signed_out') return
      failures += 1
      await sleep(Math.min(FAILURE_PAUSE * failures, 10_000), signal)
    }
  }
}

/** Waits at the relay for a message that is newer than all on screen, or until the whole list is due. */
async function untilNews(signal: AbortSignal): Promise<void> {
  while (Date.now() - lastWhole < WHOLE_LIST_EVERY) {
    const pause = bucket.pause(Date.now())
    if (pause > 0) await sleep(pause, signal)
    if (signal.aborted) return
    const wait = { reader_tag: PERSON, peek: true, limit: 1, wait_seconds: WAIT_SECONDS }
    const { messages } = await callTool('relay_check_new', { ...wait, since: afterAll() }, signal)
    noteSuccess()
    const [message] = messages
    if (!message) continue
    lastHeard = message.created_at
    return
  }
}

/** A time just after the newest message that this board knows. */
function afterAll(): string {
  const times = (threads.peek() ?? []).map(({ last_message_at = '' }) => last_message_at)
  const newest = [lastHeard, ...times].reduce((a, b) => (a > b ? a : b))
  return new Date(newest === '' ? 0 : Date.parse(newest) + 1).toISOString()
}

let introduction: Promise<unknown> | undefined

/**
 * Makes the person a reader, once: the first check of all threads decides what is unread, so no thread
 * is asked for its unread messages before. Throws Fault.
 */
export async function introduce(): Promise<void> {
  introduction ??= callTool('relay_check_new', { reader_tag: PERSON, peek: true, limit: 1 })
  try {
    await introduction
  } catch (error) {
    introduction = undefined
    throw error
  }
}

/** Asks for the latest threads, or now and then for all, and applies the changes. */
async function refreshList(signal?: AbortSignal): Promise<void> {
  const isWhole = Date.now() - lastWhole > WHOLE_LIST_EVERY || trouble.peek() !== undefined
  lastAsked += 1
  const asked = lastAsked
  const list = await callTool(
    'relay_list_threads',
    {
      reader_tag: PERSON,
      include_archived: true,
      preview: true,
      limit: isWhole ? WHOLE : LATEST,
    },
    signal,
  )
  noteSuccess()
  // A list that was asked for later has come already, and knows more.
  if (asked < lastShown) return
  lastShown = asked
  const known = threads.peek() ?? []
  // When even the oldest of the latest is new, there may be more behind it.
  const last = list.threads.at(-1)
  const joins = isWhole || list.remaining_count === 0 || known.some((each) => isSame(each, last))
  takeOver(list, known, isWhole)
  looks.value = { count: looks.peek().count + 1, isWhole: isWhole && list.remaining_count === 0 }
  if (isWhole) lastWhole = Date.now()
  else if (!joins) {
    lastWhole = 0
    await refreshList(signal)
  }
}

/** Passes over the lists that are on their way, before a change that is followed by reloadThreads(). */
export function outdateLists(): void {
  lastAsked += 1
  lastShown = lastAsked
}

/** Loads the whole list now, after a change that this board made itself. */
export async function reloadThreads(): Promise<void> {
  lastWhole = 0
  try {
    await refreshList()
  } catch (error) {
    noteFault(error)
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
