/** A session plans a statement once: planning it in every call took longer than some calls themselves. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { USER } from './calls.ts'

const TAG = 'laptop-code'

/** One call of each kind that a session makes again and again. */
const CALLS: [name: string, fn: string, args: () => Record<string, unknown>][] = [
  ['a post', 'post_message', () => post()],
  ['a post by a reader', 'post_message', () => ({ ...post(), p_reader_tag: TAG })],
  ['a post to a reader', 'post_message', () => ({ ...post(), p_to: TAG })],
  ['a read', 'read_thread', () => ({ p_thread_name: 'plans' })],
  ['a read by a reader', 'read_thread', () => ({ p_thread_name: 'plans', p_reader_tag: TAG })],
  ['a check of a thread', 'check_new', () => ({ p_thread_name: 'plans', p_reader_tag: TAG })],
  ['a check of all threads', 'check_new', () => ({ p_reader_tag: TAG })],
  ['a peek', 'check_new', () => ({ p_reader_tag: 'phone', p_peek: true })],
  ['an archiving', 'archive_thread', () => ({ p_thread_name: 'plans', p_archived: false })],
  ['a list', 'list_threads', () => ({ p_reader_tag: TAG })],
  ['a list of all', 'list_threads', () => ({ p_include_archived: true, p_query: 'plan' })],
]

const post = () => ({
  p_message_id: randomUUID(),
  p_thread_name: 'plans',
  p_content: 'News.',
  p_surface: 'code',
})

test('no call plans a statement again that its session has planned', async () => {
  await using database = await createTestDatabase()
  const other = await database.connect()
  const client = await database.connect()
  // With this PostgreSQL sends every plan that it makes.
  await client.query('set client_min_messages = log; set debug_print_plan = on')
  let plans = 0
  client.on('notice', ({ message }) => {
    if (message === 'plan:') plans += 1
  })

  for (const [name, fn, make] of CALLS) {
    // A generic plan is considered from the sixth call on.
    for (let n = 0; n < 12; n += 1) {
      // Something new for the reader, so that a check does all of its work.
      await other.query('select public.relay_post_message($1, $2, $3, $4, $5)', [
        USER,
        ...Object.values(post()),
      ])
      const args = Object.entries({ p_user_id: USER, ...make() })
      plans = 0
      await client.query({
        name,
        text: `select public.relay_${fn}(${args.map(([key], i) => `${key} => $${i + 1}`).join(', ')})`,
        values: args.map(([, value]) => value),
      })
      if (n === 0) expect(plans, `the first time: ${name}`).toBeGreaterThan(0)
    }
    expect(plans, name).toBe(0)
  }
})
