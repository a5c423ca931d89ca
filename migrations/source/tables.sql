-- The relay's tables, the triggers on them, and the upgrade of a database made by relay-mcp 0.1.0.
--
-- Creates everything in an empty Supabase project, upgrades a 0.1.0 database in place, and changes
-- nothing when it runs again. A 0.1.0 Worker can keep writing throughout.
--
-- An upgrade of more than 200,000 messages takes minutes, and Supabase's SQL editor stops after 60
-- seconds: use a direct connection for it, with `set statement_timeout = 0` before this file.
--
-- Rules that every function keeps. Breaking any of them loses messages or deadlocks:
--   1. Locks are taken in one order: the reader (advisory), the reader's row, the thread (advisory,
--      on its folded name), the thread's row, cursors in the order of thread ids. Threads are locked
--      `for no key update`, which foreign keys do not wait for.
--   2. `seq` is assigned under the thread's row lock, which is held until commit. A transaction that
--      sees seq n therefore sees every seq below it, and a cursor that moves by seq skips nothing.
--   3. Counts and the messages they count come from one statement, hence one snapshot.
--   4. Functions that the API calls are volatile: it runs stable ones in a read-only transaction.
--   5. Functions whose plans are kept have `enable_seqscan = off`. A pooled session may plan while the
--      tables are empty, or have just been found so by analyze, and would read all of them from then on.
--   6. PostgreSQL plans a statement anew in every call while plans for the given values seem cheaper. Where
--      that took longer than the statement, the function has `plan_cache_mode = force_generic_plan`.
-- Helpers are plpgsql, whose plans a session keeps: an SQL function with a `set` is parsed and planned
-- again in every statement that calls it.
-- A refusal carries an SQLSTATE of our own (RL001 ...), a message for people, and what the caller
-- needs to explain it in `detail` and `hint`.

begin;

-- One run at a time: otherwise two runs that both find no table would both create it.
do $$
begin
  perform pg_advisory_xact_lock(hashtextextended('relay-mcp migration', 0));
end;
$$;

-- Waits for open transactions of a running Worker, but not indefinitely: everybody else queues behind
-- a lock that is being waited for.
set local lock_timeout = '10s';

-- Replaces punctuation with spaces before full-text parsing. The parser would otherwise look for tags,
-- addresses, paths and compounds, which takes quadratic time: 100,000 characters of `<!--` or `a_`
-- kept a post, and with it the whole thread, busy for 20 seconds. (translate() compares each character
-- with all 32, which took eight times as long as this.)
create or replace function public.relay_words(p_text text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return regexp_replace(p_text, '[!"#$%&''()*+,./:;<=>?@\[\\\]^_`{|}~-]+', ' ', 'g');
end;
$$;
revoke all on function public.relay_words from public, anon, authenticated;
grant execute on function public.relay_words to service_role;

-- Removes the white space around a name, as JavaScript's trim() does.
create or replace function public.relay_trim(p_text text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return btrim(p_text, E' \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007'
    '\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff');
end;
$$;
revoke all on function public.relay_trim from public, anon, authenticated;
grant execute on function public.relay_trim to service_role;

-- The form in which names are compared when no name is exactly equal: case is ignored, and spaces,
-- `-` and `_` are alike. Normalized, because 0.1.0 stored names as they came.
create or replace function public.relay_fold_name(p_name text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return regexp_replace(lower(public.relay_trim(normalize(p_name, nfc))), '[\s_-]+', '-', 'g');
end;
$$;
revoke all on function public.relay_fold_name from public, anon, authenticated;
grant execute on function public.relay_fold_name to service_role;

-- Tables ------------------------------------------------------------------------------------------

create table if not exists public.relay_threads (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  name text not null,
  description text,
  created_at timestamptz not null default now(),
  last_message_at timestamptz,
  archived boolean not null default false,
  -- The highest seq ever assigned. Never lowered: a deleted message's seq must not be assigned again.
  last_seq bigint not null default 0,
  message_count bigint not null default 0,
  -- The ten minutes of the last activity, which the list is sorted by first, with an index. An index on
  -- the last activity itself would keep every post's update of its thread from being a HOT update; this
  -- one does so once in ten minutes.
  active_slot timestamp generated always as (
    date_bin('10 minutes', coalesce(last_message_at, created_at) at time zone 'UTC',
      timestamp '2000-01-01')) stored,
  constraint relay_threads_user_name_unique unique (user_id, name)
)
-- Room on each page for the new version of a thread's row, which every post writes.
with (fillfactor = 70);

create table if not exists public.relay_messages (
  id uuid primary key default gen_random_uuid(),
  thread_id uuid not null references public.relay_threads (id) on delete cascade,
  user_id uuid not null,
  surface text not null,
  session_tag text,
  content text not null,
  metadata jsonb,
  created_at timestamptz not null default now(),
  -- The message's position in its thread: 1, 2, 3 ... in commit order. Deleting leaves a gap.
  seq bigint not null,
  idempotency_key text,
  -- Who posted (`from`), whom it is addressed to (`to`), and through which OAuth client (`via`).
  reader_tag text,
  addressee text,
  client text,
  -- `simple` does not stem, which is right for code and names. Messages have at most 100,000
  -- characters today; 0.1.0 accepted any length, and a tsvector of more than 1 MB is an error.
  search tsvector generated always as (
    to_tsvector('pg_catalog.simple', public.relay_words(left(content, 100000)))) stored,
  constraint relay_messages_surface_check check (surface in ('chat', 'cowork', 'code', 'other'))
);

create table if not exists public.relay_read_cursors (
  id uuid primary key default gen_random_uuid(),
  thread_id uuid not null references public.relay_threads (id) on delete cascade,
  user_id uuid not null,
  reader_tag text not null,
  -- The time of the message at last_read_seq. Kept in step so that 0.1.0 can be restored.
  last_read_at timestamptz not null,
  updated_at timestamptz not null default now(),
  -- Every message up to this seq was handed to this reader.
  last_read_seq bigint not null,
  constraint relay_read_cursors_thread_reader_unique unique (thread_id, reader_tag)
);

-- A reader exists apart from its cursors: one that polled an empty relay, or whose threads were
-- deleted, is not new again.
create table if not exists public.relay_readers (
  user_id uuid not null,
  reader_tag text not null,
  -- Null until the first check of all threads or the first post. From then on a thread without a
  -- cursor is one that was opened since, and is unread from its first message.
  introduced_at timestamptz,
  -- Written at most once a minute.
  last_seen_at timestamptz not null default clock_timestamp(),
  last_given_at timestamptz,
  -- When this reader was made and for which caller, `key` or the hash of a client's id, so that the
  -- readers that a caller makes can be counted. Null where an upgrade, an import or 0.1.0 made it.
  created_at timestamptz,
  made_by text,
  constraint relay_readers_pkey primary key (user_id, reader_tag)
);

-- Triggers: for what a 0.1.0 Worker and a person with an SQL editor write ---------------------------

-- Assigns the next seq, under the thread's lock, to a message inserted without one (by 0.1.0).
create or replace function public.relay_place_message()
  returns trigger
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  update public.relay_threads
  set last_seq = last_seq + 1,
      message_count = message_count + 1,
      last_message_at = greatest(last_message_at + interval '1 microsecond', clock_timestamp())
  where id = new.thread_id
  returning last_seq, last_message_at into new.seq, new.created_at;
  return new;
end;
$$;
revoke all on function public.relay_place_message from public, anon, authenticated;

-- Derives the seq of a cursor that was set by time (by 0.1.0), using 0.1.0's own test of what is read,
-- and creates its reader. A cursor never moves back. The reader is created here, before the cursor
-- exists, because an AFTER trigger takes the locks in the other order and deadlocked.
create or replace function public.relay_place_cursor()
  returns trigger
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  insert into public.relay_readers (user_id, reader_tag)
  values (new.user_id, new.reader_tag) on conflict do nothing;
  new.last_read_seq := coalesce((
    select m.seq from public.relay_messages m
    where m.thread_id = new.thread_id and m.created_at <= new.last_read_at
    order by m.created_at desc, m.seq desc
    limit 1), 0);
  if tg_op = 'UPDATE' and new.last_read_seq <= old.last_read_seq then
    new.last_read_seq := old.last_read_seq;
    new.last_read_at := old.last_read_at;
  end if;
  return new;
end;
$$;
revoke all on function public.relay_place_cursor from public, anon, authenticated;

-- Keeps a thread's last activity from running backwards: 0.1.0 sets it in a request after its post,
-- which another post may have overtaken. The trigger fires for service_role only, so that a person can
-- repair times written by a clock that was ahead.
create or replace function public.relay_keep_activity()
  returns trigger
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  new.last_message_at := old.last_message_at;
  return new;
end;
$$;
revoke all on function public.relay_keep_activity from public, anon, authenticated;

-- Keeps message_count right when messages are deleted by hand.
create or replace function public.relay_count_deleted()
  returns trigger
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  if tg_op = 'TRUNCATE' then
    update public.relay_threads set message_count = 0 where message_count > 0;
    return null;
  end if;
  -- In the order of ids, so that two deletions over several threads cannot deadlock with each other.
  perform from public.relay_threads
  where id in (select d.thread_id from deleted d)
  order by id for no key update;
  update public.relay_threads t
  set message_count = t.message_count - d.messages
  from (select thread_id, count(*) as messages from deleted group by thread_id) d
  where t.id = d.thread_id;
  return null;
end;
$$;
revoke all on function public.relay_count_deleted from public, anon, authenticated;

-- Upgrade from 0.1.0, indexes, triggers, row level security -----------------------------------------
-- Each part checks the catalogue first, so a second run locks no table.

do $$
declare
  v_messages bigint;
  v_deadline timestamptz;
begin
  if exists (
    select from pg_catalog.pg_attribute
    where attrelid = 'public.relay_messages'::regclass and attname = 'search' and not attisdropped
  ) then
    return;
  end if;

  select count(*) into v_messages from public.relay_messages;
  if v_messages > 200000 and current_setting('statement_timeout') <> '0' then
    raise exception '% messages are too many to upgrade under a statement timeout', v_messages
      using errcode = 'RL007', hint = 'Use a direct connection, and "set statement_timeout = 0" first.';
  end if;

  -- Waits for the first table while holding nothing, and does not wait for the others: a query that
  -- has read one of them and wants the next would otherwise wait for us while we wait for it. Two
  -- seconds at a time, because everybody else waits as long as this does.
  v_deadline := clock_timestamp() + interval '30 s';
  set local lock_timeout = '2s';
  loop
    begin
      lock table public.relay_messages in access exclusive mode;
      lock table public.relay_read_cursors, public.relay_threads in access exclusive mode nowait;
      exit;
    exception when lock_not_available then
      if clock_timestamp() > v_deadline then
        raise;
      end if;
      perform pg_sleep(0.05);
    end;
  end loop;

  alter table public.relay_threads set (fillfactor = 70);
  alter table public.relay_threads
    add column if not exists last_seq bigint not null default 0,
    add column if not exists message_count bigint not null default 0,
    add column if not exists active_slot timestamp generated always as (
      date_bin('10 minutes', coalesce(last_message_at, created_at) at time zone 'UTC',
      timestamp '2000-01-01')) stored;
  alter table public.relay_messages
    add column if not exists seq bigint,
    add column if not exists idempotency_key text,
    add column if not exists reader_tag text,
    add column if not exists addressee text,
    add column if not exists client text;
  alter table public.relay_read_cursors
    add column if not exists last_read_seq bigint;

  update public.relay_messages m
  set seq = placed.seq
  from (
    select n.id,
      t.last_seq + row_number() over (partition by n.thread_id order by n.created_at, n.id) as seq
    from public.relay_messages n
    join public.relay_threads t on t.id = n.thread_id
    where n.seq is null
  ) placed
  where m.id = placed.id;

  -- 0.1.0 sets last_message_at after its insert, in a request of its own that may not have come.
  update public.relay_threads t
  set last_seq = counted.last_seq,
      message_count = counted.messages,
      last_message_at = greatest(t.last_message_at, counted.last_message_at)
  from (
    select thread_id, max(seq) as last_seq, count(*) as messages, max(created_at) as last_message_at
    from public.relay_messages group by thread_id
  ) counted
  where t.id = counted.thread_id;

  update public.relay_read_cursors c
  set last_read_seq = coalesce((
    select m.seq from public.relay_messages m
    where m.thread_id = c.thread_id and m.created_at <= c.last_read_at
    order by m.created_at desc, m.seq desc
    limit 1), 0)
  where c.last_read_seq is null;
  alter table public.relay_read_cursors alter column last_read_seq set not null;

  -- Not introduced yet: their first check of all threads skips only threads without a cursor.
  insert into public.relay_readers (user_id, reader_tag, last_seen_at)
  select user_id, reader_tag, max(updated_at) from public.relay_read_cursors
  group by user_id, reader_tag order by user_id, reader_tag
  on conflict do nothing;

  -- Last, because it rewrites the table, which removes the row versions that the numbering left.
  alter table public.relay_messages
    alter column seq set not null,
    add column search tsvector generated always as (
      to_tsvector('pg_catalog.simple', public.relay_words(left(content, 100000)))) stored;
end;
$$;

do $$
begin
  if to_regclass('public.relay_read_cursors_reader_idx') is not null then
    return;
  end if;

  -- How posting finds a thread whose name differs only by case, spaces, `-` and `_`.
  create index relay_threads_folded_name_idx
    on public.relay_threads (user_id, (public.relay_fold_name(name)));
  -- In place of 0.1.0's index on the last activity. Also counts active threads without reading them.
  drop index if exists public.relay_threads_user_last_message_idx;
  -- Not by user first: planned while there are few threads, a lookup by name might use it.
  create index relay_threads_active_slot_idx
    on public.relay_threads (archived, user_id, active_slot desc);

  alter table public.relay_messages
    add constraint relay_messages_thread_seq_unique unique (thread_id, seq);
  create index if not exists relay_messages_thread_created_idx
    on public.relay_messages (thread_id, created_at desc);
  create index relay_messages_user_created_idx
    on public.relay_messages (user_id, created_at desc);
  create unique index relay_messages_idempotency_key_idx
    on public.relay_messages (thread_id, idempotency_key) where idempotency_key is not null;
  -- A reader's own posts, which are not news to it; those it addressed to itself are.
  create index relay_messages_own_idx on public.relay_messages (thread_id, reader_tag, seq)
    where reader_tag is not null and addressee is distinct from reader_tag;
  -- Folded, because an addressee that was not known yet is stored as it was given.
  create index relay_messages_addressee_idx
    on public.relay_messages (user_id, (public.relay_fold_name(addressee)), thread_id, seq)
    where addressee is not null;
  -- With fastupdate, one post in many would pay for flushing the pending list, and searches read it.
  create index relay_messages_search_idx
    on public.relay_messages using gin (search) with (fastupdate = off);

  -- Everything that relay_check_new over all threads reads of the cursors.
  create index relay_read_cursors_reader_idx
    on public.relay_read_cursors (user_id, reader_tag, thread_id) include (last_read_seq);

  create trigger relay_threads_activity
    before update of last_message_at on public.relay_threads
    for each row when (
      new.last_message_at < old.last_message_at and current_user = 'service_role')
    execute function public.relay_keep_activity();
  create trigger relay_messages_place
    before insert on public.relay_messages
    for each row when (new.seq is null)
    execute function public.relay_place_message();
  create trigger relay_messages_deleted
    after delete on public.relay_messages
    referencing old table as deleted
    for each statement execute function public.relay_count_deleted();
  create trigger relay_messages_truncated
    after truncate on public.relay_messages
    for each statement execute function public.relay_count_deleted();
  create trigger relay_read_cursors_place_inserted
    before insert on public.relay_read_cursors
    for each row when (new.last_read_seq is null)
    execute function public.relay_place_cursor();
  create trigger relay_read_cursors_place_updated
    before update of last_read_at on public.relay_read_cursors
    for each row when (
      new.last_read_seq = old.last_read_seq and new.last_read_at is distinct from old.last_read_at)
    execute function public.relay_place_cursor();

  -- No policies: only roles that bypass row level security, such as service_role, see a row.
  alter table public.relay_threads enable row level security;
  alter table public.relay_messages enable row level security;
  alter table public.relay_read_cursors enable row level security;
  alter table public.relay_readers enable row level security;

  -- Statistics of an empty or a small table would make pooled sessions keep plans for such a table.
  if (select count(*) from (select from public.relay_messages limit 1000) m) = 1000 then
    analyze public.relay_threads, public.relay_messages, public.relay_read_cursors,
      public.relay_readers;
  end if;
end;
$$;

revoke all on public.relay_threads, public.relay_messages, public.relay_read_cursors,
  public.relay_readers from public, anon, authenticated, service_role;
-- Explicit: older projects grant everything on new objects, newer ones nothing. No tool deletes.
grant select, insert, update on public.relay_threads, public.relay_read_cursors,
  public.relay_readers to service_role;
-- No update: nothing that the relay or 0.1.0 does changes a message.
grant select, insert on public.relay_messages to service_role;

