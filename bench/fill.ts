/**
 * Fills databases of a given size by SQL: threads of 100 messages with about 300 characters each, a
 * reader who has read everything, one who has read half, and a rare word.
 */
import type { Client } from 'pg'
import type { Connection } from '../scripts/local/postgres/server.ts'
import { migrate } from '../scripts/local/supabase/migrate.ts'
import { createDatabase, withClient } from '../scripts/local/supabase/roles.ts'

export const USER = '5f0c9f6e-2a0b-4d0a-9a53-0d9c1c7d3b11'
export const MESSAGES_PER_THREAD = 100

/** The number of messages with the word `zanzibar`, at any size. */
const RARE_MESSAGES = 10

/** Creates `connection.database` with threads named `thread-1`, `thread-2` and so on. */
export async function fill(connection: Connection, threads: number): Promise<void> {
  await createDatabase(connection)
  await migrate(connection)
  await withClient(connection, async (client) => {
    // Disables triggers and foreign keys, which would look up threads a million times.
    await client.query(`set session_replication_role = replica; set maintenance_work_mem = '1GB'`)
    await insert(client, threads)
    for (const table of ['relay_threads', 'relay_messages', 'relay_read_cursors']) {
      await client.query(`vacuum analyze public.${table}`)
    }
    // Otherwise the first measurements would compete with writing this data to disk.
    await client.query('checkpoint')
  })
}

// Sentences that share words, as real messages do: 400 words, the first ones more common.
const SENTENCES = `
  create temporary table sentences as
  select n, string_agg(word, ' ' order by place) as sentence from (
    select n, place, case when random() < 0.3
      then (array['the', 'schema', 'backfill', 'release', 'decided', 'next', 'open', 'question'])
        [1 + floor(random() * 8)::integer]
      else 'word' || floor(400 * random() ^ 2)::integer end as word
    from generate_series(0, 1999) n, generate_series(1, 22) place) words
  group by n;
  create unique index on sentences (n);
`

async function insert(client: Client, threads: number): Promise<void> {
  await client.query(`select setseed(0.5); ${SENTENCES}`)
  await client.query(
    `insert into public.relay_threads
       (user_id, name, description, created_at, last_message_at, last_seq, message_count)
     select $1, 'thread-' || t, case when t % 3 = 0 then 'About topic ' || t end,
       now() - interval '400 days', now() - (t || ' seconds')::interval, $3::integer, $3::integer
     from generate_series(1, $2::integer) t`,
    [USER, threads, MESSAGES_PER_THREAD],
  )
  // Indexes are rebuilt at the end, which is faster than updating them row by row.
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `select indexrelid::regclass as name, pg_get_indexdef(indexrelid) as definition
     from pg_index
     where indrelid = 'public.relay_messages'::regclass
       and indexrelid not in (select conindid from pg_constraint)`,
  )
  for (const { name } of indexes) await client.query(`drop index ${name}`)
  await client.query(
    `insert into public.relay_messages
       (thread_id, user_id, surface, session_tag, seq, created_at, content)
     select t.id, $1, 'code', 'laptop', m.seq,
       t.last_message_at - ($2::integer - m.seq) * interval '1 hour',
       a.sentence || '. ' || b.sentence || ' ' || m.place
         || case when m.place % ($3::integer / $4::integer) = 0 then ' zanzibar' else '' end
     from public.relay_threads t
     cross join lateral (
       select seq, (substr(t.name, 8)::integer - 1) * $2::integer + seq as place
       from generate_series(1, $2::integer) seq) m
     join sentences a on a.n = m.place % 1999
     join sentences b on b.n = m.place % 1777`,
    [USER, MESSAGES_PER_THREAD, threads * MESSAGES_PER_THREAD, RARE_MESSAGES],
  )
  for (const { definition } of indexes) await client.query(definition)
  await client.query(
    `insert into public.relay_read_cursors (thread_id, user_id, reader_tag, last_read_seq, last_read_at)
     select id, $1, reader, seq, last_message_at
     from public.relay_threads, (values ('caught-up', $2::integer), ('half-way', $2::integer / 2))
       as readers (reader, seq)`,
    [USER, MESSAGES_PER_THREAD],
  )
}
