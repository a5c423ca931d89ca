/** A database as relay-mcp 0.1.0 made it, and the writes of a 0.1.0 Worker. */
import type { Client, Pool } from 'pg'
import { USER } from './calls.ts'

/**
 * In a project of that time, whose default privileges give the API's roles everything; 0.1.0 took
 * it back from two of them.
 */
export const SCHEMA_0_1_0 = `
  alter default privileges in schema public
    grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public
    grant all on functions to anon, authenticated, service_role;

  create table public.relay_threads (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    name text not null,
    description text,
    created_at timestamptz not null default now(),
    last_message_at timestamptz,
    archived boolean not null default false,
    constraint relay_threads_user_name_unique unique (user_id, name)
  );
  create index relay_threads_user_last_message_idx
    on public.relay_threads (user_id, last_message_at desc) where archived = false;

  create table public.relay_messages (
    id uuid primary key default gen_random_uuid(),
    thread_id uuid not null references public.relay_threads (id) on delete cascade,
    user_id uuid not null,
    surface text not null,
    session_tag text,
    content text not null,
    metadata jsonb,
    created_at timestamptz not null default now(),
    constraint relay_messages_surface_check check (surface in ('chat', 'cowork', 'code', 'other'))
  );
  create index relay_messages_thread_created_idx
    on public.relay_messages (thread_id, created_at desc);

  create table public.relay_read_cursors (
    id uuid primary key default gen_random_uuid(),
    thread_id uuid not null references public.relay_threads (id) on delete cascade,
    user_id uuid not null,
    reader_tag text not null,
    last_read_at timestamptz not null,
    updated_at timestamptz not null default now(),
    constraint relay_read_cursors_thread_reader_unique unique (thread_id, reader_tag)
  );

  alter table public.relay_threads enable row level security;
  alter table public.relay_messages enable row level security;
  alter table public.relay_read_cursors enable row level security;
  revoke all on public.relay_threads from anon, authenticated;
  revoke all on public.relay_messages from anon, authenticated;
  revoke all on public.relay_read_cursors from anon, authenticated;
`

/** The calls of a 0.1.0 Worker, each statement a request and so a transaction of its own. */
export function legacyWorker(connection: Client | Pool) {
  return {
    async open(name: string): Promise<string> {
      const { rows } = await connection.query(
        'insert into public.relay_threads (user_id, name) values ($1, $2) returning id',
        [USER, name],
      )
      return rows[0].id
    },

    /** Returns the message's id. */
    async post(thread: string, content: string): Promise<string> {
      const { rows } = await connection.query(
        `insert into public.relay_messages (thread_id, user_id, surface, session_tag, content)
        values ($1, $2, 'code', null, $3) returning id, created_at::text`,
        [thread, USER, content],
      )
      await connection.query('update public.relay_threads set last_message_at = $2 where id = $1', [
        thread,
        rows[0].created_at,
      ])
      return rows[0].id
    },

    /** Ids of the unread messages, by 0.1.0's test, and the cursor moved to the last of them. */
    async check(thread: string, reader: string): Promise<string[]> {
      const { rows } = await connection.query(
        `select id, created_at::text from public.relay_messages
        where thread_id = $1 and created_at > $2 order by created_at, id`,
        [thread, await this.lastRead(thread, reader)],
      )
      const newest = rows.at(-1)
      if (newest) await this.setCursor(thread, reader, newest.created_at)
      return rows.map(({ id }) => id)
    },

    async unread(thread: string, reader: string): Promise<string[]> {
      const { rows } = await connection.query(
        'select id from public.relay_messages where thread_id = $1 and created_at > $2',
        [thread, await this.lastRead(thread, reader)],
      )
      return rows.map(({ id }) => id)
    },

    async lastRead(thread: string, reader: string): Promise<string> {
      const { rows } = await connection.query(
        `select last_read_at::text from public.relay_read_cursors
        where thread_id = $1 and reader_tag = $2`,
        [thread, reader],
      )
      return rows[0]?.last_read_at ?? '-infinity'
    },

    /** Names and how many messages each thread has, in one statement. */
    async list(): Promise<{ name: string; message_count: number }[]> {
      const { rows } = await connection.query(
        `select t.name, m.message_count from public.relay_threads t
        left join lateral (
          select count(*)::int as message_count from public.relay_messages where thread_id = t.id
        ) m on true
        where user_id = $1 and archived = false order by last_message_at desc nulls last`,
        [USER],
      )
      return rows
    },

    async setCursor(thread: string, reader: string, time: string): Promise<void> {
      await connection.query(
        `insert into public.relay_read_cursors (thread_id, user_id, reader_tag, last_read_at, updated_at)
        values ($1, $2, $3, $4, now())
        on conflict (thread_id, reader_tag) do update
        set user_id = excluded.user_id, last_read_at = excluded.last_read_at,
          updated_at = excluded.updated_at`,
        [thread, USER, reader, time],
      )
    },
  }
}
