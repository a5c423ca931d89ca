/**
 * The messages that wait for the person: those addressed to them that are open, in all threads. One that is put
 * off for later is kept in this browser, and comes back at its time.
 */
import { batch, computed, effect, signal } from '@preact/signals'
import { callTool } from '../relay/client.ts'
import { isSignedIn } from '../relay/sign-in.ts'
import { storage } from '../relay/storage.ts'
import { type Message, PERSON, type Reading } from '../relay/types.ts'
import { minute } from './clock.ts'
import { outbox } from './outbox-store.ts'
import { route } from './route.ts'
import { noteFault } from './status.ts'
import { type Change, looks, onChange } from './threads.ts'

/** A message with its thread, as a search over all threads returns it. */
export type Waiting = Message & { thread_name: string }

/** Messages of one answer, and the most answers that are asked for. */
const PAGE = 50
const PAGES = 4

/** Milliseconds after which everything is read again: a message waits for 30 days at most. */
const READ_EVERY = 120_000

const STORE = 'relay-later'

/** All that are open, newest first; undefined until the relay has said. */
const open = signal<Waiting[] | undefined>(undefined)

/** Those that the person has marked as done here, which the relay may not know yet. */
const done = signal<ReadonlySet<string>>(new Set())

/** Those that the person has answered here, as thread and seq, which the list may still have. */
const answered = signal<ReadonlySet<string>>(new Set())

/** Until when a message is put off, in milliseconds. */
const putOff = signal<Record<string, number>>(loadPutOff())

/** Those that went from the list while it was shown, because they are answered or done somewhere else. */
export const settledElsewhere = signal<Waiting[]>([])

/** The key of a message, which stays when its thread is renamed. */
export function keyOf({ created_at, seq }: Message): string {
  return `${created_at} ${seq}`
}

const unsettled = computed(() => {
  const answering = outbox.value.map(({ thread, reply }) => `${thread}\n${reply?.seq}`)
  const gone = new Set([...answered.value, ...answering])
  return open.value?.filter(
    (each) => !done.value.has(keyOf(each)) && !gone.has(`${each.thread_name}\n${each.seq}`),
  )
})

/** The messages that wait now, newest first; undefined until the relay has said. */
export const forYou = computed(() => unsettled.value?.filter((each) => !laterOf(each)))

/** Those that come back later, the next first. */
export const later = computed(() =>
  (unsettled.value ?? []).filter(laterOf).sort((a, b) => laterOf(a) - laterOf(b)),
)

export const forYouCount = computed(() => forYou.value?.length ?? 0)

/** When a message comes back, in milliseconds; 0 when it is not put off. */
export function laterOf(message: Message): number {
  minute.value
  const until = putOff.value[keyOf(message)] ?? 0
  return until > Date.now() ? until : 0
}

type Listener = (messages: Waiting[]) => void
let announce: Listener = () => {}

/** Keeps the list up to date from now on, and calls back with messages that have just come. */
export function followForYou(onNew: Listener): void {
  announce = onNew
  onChange((changes) => {
    if (changes.some(mayMatter)) void readOpen()
  })
  effect(() => {
    looks.value
    if (isSignedIn.value && Date.now() - lastRead > READ_EVERY) void readOpen()
  })
  effect(() => {
    if (route.value.at !== 'home') settledElsewhere.value = []
  })
  addEventListener('storage', ({ key }) => {
    if (key === STORE) putOff.value = loadPutOff()
  })
}

/** Whether a change may open or close a message to the person. */
function mayMatter({ now, before }: Change): boolean {
  const { latest, changed_at } = now
  const added = (latest?.seq ?? 0) - (before?.latest?.seq ?? 0)
  if (changed_at !== before?.changed_at || added > 1 || !latest) return true
  return added > 0 && (latest.to === PERSON || latest.from === PERSON)
}

/** Whether the relay has been asked once: until then, the list would move when the answer comes. */
export const isForYouAsked = signal(false)

let lastRead = 0
let lastAsked = 0
let lastShown = 0
/** Threads in which the person has settled something here, with the last list that may not know it. */
const touched = new Map<string, number>()

/** Notes that what goes from the list next was settled here; with a seq, that it is answered. */
export function noteSettledHere(thread: string, seq?: number): void {
  touched.set(thread, lastAsked)
  if (seq !== undefined) answered.value = new Set([...answered.peek(), `${thread}\n${seq}`])
}

/** Reads the list again. */
async function readOpen(): Promise<void> {
  lastAsked += 1
  const asked = lastAsked
  lastRead = Date.now()
  let found: Waiting[] = []
  let before: string | undefined
  try {
    for (let page = 0; page < PAGES; page += 1) {
      const args = { open: true, to: PERSON, limit: PAGE, ...(before && { before }) }
      const reading: Reading = await callTool('relay_read_thread', args)
      found = [...found, ...(reading.messages as Waiting[])]
      before = reading.next_before
      if (!before) break
    }
  } catch (error) {
    noteFault(error)
    lastRead = 0
    isForYouAsked.value = true
    return
  }
  // A later answer has come already, and knows more.
  if (asked > lastShown) show(found, asked)
  isForYouAsked.value = true
}

function show(found: Waiting[], asked: number): void {
  lastShown = asked
  const before = open.peek()
  const keys = new Set(found.map(keyOf))
  const known = new Set(before?.map(keyOf))
  const gone = (forYou.peek() ?? []).filter(
    (each) => !keys.has(keyOf(each)) && !touched.has(each.thread_name),
  )
  for (const [thread, last] of touched) if (asked > last) touched.delete(thread)
  batch(() => {
    open.value = found
    if (gone.length > 0 && route.peek().at === 'home')
      settledElsewhere.value = [...settledElsewhere.peek(), ...gone]
    const kept = Object.entries(putOff.peek()).filter(([key]) => keys.has(key))
    if (kept.length < Object.keys(putOff.peek()).length) savePutOff(Object.fromEntries(kept))
  })
  if (before) announce(found.filter((each) => !known.has(keyOf(each))))
}

/** Takes a message off the list, or puts it back, before the relay confirms that it is done. */
export function markDone(thread: string, message: Message, isDone: boolean): void {
  const next = new Set(done.peek())
  const key = keyOf(message)
  if (isDone) next.add(key)
  else next.delete(key)
  batch(() => {
    done.value = next
    const all = open.peek()
    if (isDone || !all || all.some((each) => keyOf(each) === key)) return
    const back = [...all, { ...message, thread_name: thread }]
    open.value = back.sort((a, b) => (a.created_at < b.created_at ? 1 : -1))
  })
}

/** Puts a message off until then, in milliseconds; 0 brings it back now. */
export function putOffUntil(message: Message, until: number): void {
  const { [keyOf(message)]: _, ...rest } = putOff.peek()
  savePutOff(until ? { ...rest, [keyOf(message)]: until } : rest)
}

function loadPutOff(): Record<string, number> {
  try {
    return JSON.parse(storage.getItem(STORE) ?? '{}')
  } catch {
    return {}
  }
}

function savePutOff(next: Record<string, number>): void {
  putOff.value = next
  try {
    storage.setItem(STORE, JSON.stringify(next))
  } catch {
    // The browser's storage is full: it is put off in this tab only.
  }
}
