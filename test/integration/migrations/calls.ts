/**
 * The SQL functions as these tests call them: for one user, arguments under the names the tools
 * give them, and those that seldom matter filled in. What PostgreSQL refuses is thrown.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Pool } from 'pg'
import { show } from '../../../src/tools/shape.ts'

export const USER = '7d1f3a52-9d0e-4d7c-8a55-3f0c6f1b2e90'

// biome-ignore lint/suspicious/noExplicitAny: tests state what they expect by asserting it.
type Json = any

export interface Caller {
  call(fn: string, args: Record<string, unknown>): Promise<Json>
}

export interface Message {
  id: string
  thread_id: string
  thread_name?: string
  seq: number
  surface: string
  session_tag: string | null
  content: string
  metadata: Json
  created_at: string
}

/** The functions over one connection, so that a test decides which calls run side by side. */
export function over(connection: Client | Pool): Caller {
  return {
    async call(fn, args) {
      const passed = Object.keys(args).map((name, index) => `${name} => $${index + 1}`)
      const sql = `select public.${fn}(${passed.join(', ')}) as result`
      const { rows } = await connection.query(sql, Object.values(args))
      return rows[0].result
    },
  }
}

/** How many bytes and characters an answer may have in the lean shape; in the other one, as by default. */
const LEAN = { max_content: 8000, overhead: 100 }

/** An answer of a function as the Worker shows it, in the shape of 0.1.0 unless `lean`. */
export function shown(fn: string, result: Json, lean = false): Json {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return result
  const { moved, ...answer } = result
  const present = Object.entries(answer).filter(([, value]) => value !== null)
  const shown: Json = show(Object.fromEntries(present), lean)
  if (lean || !/check_new|archive_thread/.test(fn)) return shown
  const { thread_name, ...rest } = shown
  if (thread_name === undefined || !rest.messages) return rest
  return { ...rest, messages: rest.messages.map((each: Json) => ({ thread_name, ...each })) }
}

export function tools(caller: Caller, user = USER) {
  const call = (fn: string, { lean = false, ...args }: Json): Promise<Json> => {
    const reads = /read_thread|check_new/.test(fn)
    const passed = Object.entries({ ...args, ...(lean && reads && LEAN) })
    const named = passed.map(([name, value]) => [`p_${name}`, value])
    const given = { p_user_id: user, ...Object.fromEntries(named) }
    return caller.call(fn, given).then((result) => shown(fn, result, lean))
  }
  return {
    list: (args: object = {}) => call('relay_list_threads', args),
    create: (name: string, args: object = {}) => call('relay_create_thread', { name, ...args }),
    post: (thread_name: string, content = 'Hello.', args: object = {}) =>
      call('relay_post_message', {
        message_id: randomUUID(),
        thread_name,
        content,
        surface: 'code',
        ...args,
      }),
    read: (thread_name: string | null, args: object = {}) =>
      call('relay_read_thread', { thread_name, ...args }),
    check: (reader_tag: string, args: object = {}) =>
      call('relay_check_new', { reader_tag, ...args }),
    archive: (thread_name: string, args: object = {}) =>
      call('relay_archive_thread', { thread_name, ...args }),
    page: (limit: number, args: object = {}) => call('relay_page_threads', { limit, ...args }),
    complete: (value: string, args: object = {}) => call('relay_complete_name', { value, ...args }),
    status: () => call('relay_status', {}),
  }
}

export type Tools = ReturnType<typeof tools>

/** Checks until nothing remains; what came, in the order in which it came. */
export async function drain(relay: Tools, reader: string, args: object = {}): Promise<Message[]> {
  const messages: Message[] = []
  for (let calls = 0; calls < 1000; calls += 1) {
    const answer = await relay.check(reader, args)
    messages.push(...answer.messages)
    if (answer.remaining_count === 0) return messages
  }
  throw new Error(`${reader} still has something unread after 1,000 calls`)
}

/** Posts 1, 2, 3 … `count`. */
export async function fill(relay: Tools, thread: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n += 1) await relay.post(thread, `${n}`)
}

/** Adds `count` messages, as fast as may be; `content` is SQL over their number `n`. */
export async function bulk(
  owner: Client,
  thread: string,
  count: number,
  content = `'message ' || n`,
): Promise<void> {
  const step = 250
  for (let done = 0; done < count; done += step) {
    await owner.query(
      `insert into relay_messages (thread_id, user_id, surface, content)
      select id, user_id, 'code', ${content}
      from relay_threads, generate_series($2::int, $3::int) n where name = $1`,
      [thread, done + 1, Math.min(done + step, count)],
    )
  }
}

/** Resolves when `count` other transactions in this database wait for a lock. */
export async function waitingForLocks(observer: Client, count: number): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1) {
    // Within a transaction the observer would see the same activity indefinitely.
    await observer.query('select pg_stat_clear_snapshot()')
    const { rows } = await observer.query(
      `select count(distinct l.pid)::int as waiting from pg_locks l
      join pg_stat_activity a using (pid)
      where not l.granted and a.datname = current_database()`,
    )
    if (rows[0].waiting >= count) return
    await sleep(5)
  }
  throw new Error(`${count} transactions never came to wait`)
}

export const seqs = (messages: Message[]) => messages.map(({ seq }) => seq)
export const contents = (messages: Message[]) => messages.map(({ content }) => content)
export const names = (threads: { name: string }[]) => threads.map(({ name }) => name)

/** `first`, `first + 1` … `last`. */
export const range = (first: number, last: number) =>
  Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => first + index)

/** Runs `work` `count` times side by side. */
export const together = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(range(0, count - 1).map(work))
