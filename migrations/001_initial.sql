-- Built from migrations/source/ by `npm run build:migration`: change the parts, not this file.

-- The relay's schema: tables, the functions that the API calls, and their helpers in the schema `relay`.
--
-- Creates everything in an empty Supabase project, upgrades a 0.1.0 database in place, and changes
-- nothing when it runs again. A 0.1.0 Worker can keep writing throughout.
--
-- An upgrade of more than 200,000 messages takes minutes, and Supabase's SQL editor stops after 60
-- seconds: use a direct connection for it, with `set statement_timeout = 0` before this file.
--
-- Rules that every function keeps. Breaking any of them loses messages or deadlocks:
--   1. Locks are taken in one order: the grant (advisory, shared; exclusive to cut it off), its row, the
--      reader (advisory), the reader's row, the thread (advisory, on its folded name), the thread's row,
--      cursors in the order of thread ids, the subscriptions of a user (advisory; shared by posts), deliveries.
--      Threads are locked `for no key update`, which foreign keys do not
--      wait for.
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
-- A refusal carries an SQLSTATE of our own (RL001 ...), a message for people, and the parts the caller
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

-- Helpers live here, where the API does not find them; public has those of the Worker and the commands.
create schema if not exists relay;
revoke all on schema relay from public, anon, authenticated;
grant usage on schema relay to service_role;

-- A text without its accents, composed or not: décomposé as decompose. Normalizing takes time quadratic in a
-- run of combining marks (100,000 of them a minute), so what is longer than 30 is cut before (UAX #15,
-- Stream-Safe Text). A text of ASCII has as many bytes as characters.
create or replace function relay.without_accents(p_text text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  if octet_length(p_text) = char_length(p_text) then
    return p_text;
  end if;
  return regexp_replace(normalize(
    regexp_replace(p_text, '([^\u0001-\u007f[:alnum:]]{30})[^\u0001-\u007f[:alnum:]]+', '\1', 'g'), nfd),
    '[\u0300-\u036f]', '', 'g');
end;
$$;

-- Replaces punctuation with spaces before full-text parsing, and takes the accents away. The parser would otherwise look for tags,
-- addresses, paths and compounds, which takes quadratic time: 100,000 characters of `<!--` or `a_`
-- kept a post, and with it the whole thread, busy for 20 seconds. (translate() compares each character
-- with all 32, which took eight times as long as this.)
create or replace function relay.words(p_text text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return regexp_replace(relay.without_accents(p_text), '[!"#$%&''()*+,./:;<=>?@\[\\\]^_`{|}~-]+', ' ', 'g');
end;
$$;

-- Removes the white space around a name, as JavaScript's trim() does.
create or replace function relay.trim(p_text text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return btrim(p_text, E' \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007'
    '\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff');
end;
$$;

-- The form in which names are compared when no name is exactly equal: case is ignored, and spaces,
-- `-` and `_` are alike. Normalized, because 0.1.0 stored names as they came.
create or replace function relay.fold_name(p_name text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return regexp_replace(lower(relay.trim(normalize(p_name, nfc))), '[\s_-]+', '-', 'g');
end;
$$;

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
  -- Set by a trigger, for 0.1.0 and changes by hand as well.
  archived_at timestamptz,
  -- Folded names under which the thread is still found; see relay.rename_thread.
  former_names text[] not null default '{}',
  -- When the person last renamed or described it, or took back or settled a message in it.
  changed_at timestamptz,
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
  -- The seq of the message in this thread that this one answers.
  reply_to bigint,
  -- How far the poster had received the thread: at this post, or, for a reply, as the post before it has it.
  read_seq bigint,
  -- When the person marked it as done, and when they took its content back.
  settled_at timestamptz,
  redacted_at timestamptz,
  -- `simple` does not stem, which is right for code and names. Messages have at most 100,000
  -- characters today; 0.1.0 accepted any length, and a tsvector of more than 1 MB is an error.
  search tsvector generated always as (
    to_tsvector('pg_catalog.simple', relay.words(left(content, 100000)))) stored,
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
  -- This reader has received every message up to this seq.
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
  -- When this reader was made and by which grant, so that the readers that a grant makes can be counted.
  -- Null where an upgrade, an import or 0.1.0 made it.
  created_at timestamptz,
  made_by text,
  -- When the person made the relay forget this reader; null again once it is used anew.
  forgotten_at timestamptz,
  constraint relay_readers_pkey primary key (user_id, reader_tag)
);

-- Each client that has access, or had it: by a sign-in (`oauth`), whose row is written when its code is
-- exchanged, or by a key of its own (`key`), whose row is written when it is made. Its tokens carry `gid`.
-- A call finds no row only after a move to another database, and adds it. `key` is the relay's own key, and
-- `client:<hash>` are all tokens of one client from before tokens carried a gid.
create table if not exists public.relay_connections (
  user_id uuid not null,
  gid text not null,
  name text not null,
  -- The hash of the OAuth client's id. Null for keys, and where a call added the row.
  client text,
  scope text not null,
  kind text not null,
  -- The gid of the grant that made this key.
  made_by text,
  created_at timestamptz not null default clock_timestamp(),
  -- Written at most once an hour.
  last_used_at timestamptz,
  -- From then on, every call of this grant is refused. The row stays: without it, the key would be good again.
  revoked_at timestamptz,
  constraint relay_connections_pkey primary key (user_id, gid),
  constraint relay_connections_kind_check check (kind in ('oauth', 'key'))
);

-- Whom the relay tells about new messages: a subscription of MCP Events (`webhook`), or the person (`notify`,
-- one row; its address is RELAY_NOTIFY_URL). A subscription ends with its grant, and at its time.
create table if not exists public.relay_targets (
  user_id uuid not null,
  id text not null,
  kind text not null,
  -- The grant that made it, and whose client that is: the hash of an OAuth client's id, otherwise the gid.
  gid text not null,
  client text not null,
  url text,
  -- Messages of this reader are left out, and with addressed_only all that are not to it.
  reader_tag text,
  thread_name text,
  addressed_only boolean not null default false,
  -- A device as the person knows it.
  label text,
  -- Sign its deliveries, or are the keys of a device; encrypted by the Worker. The previous one until
  -- previous_until.
  secret text,
  previous_secret text,
  previous_until timestamptz,
  -- The relay's own address, for links.
  origin text,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null default 'infinity',
  -- When the receiver last proved that it wants deliveries.
  verified_at timestamptz,
  -- A sender has it until lease_until.
  lease_owner text,
  lease_until timestamptz,
  -- The time of the newest message that the receiver has acknowledged, and when it did.
  acknowledged_at timestamptz not null default clock_timestamp(),
  last_delivery_at timestamptz,
  last_error text,
  failed_since timestamptz,
  -- Messages given up one after the other: after ten, a subscription gets nothing until it is renewed.
  failures integer not null default 0,
  -- Whether messages were given up or dropped since the subscription was last renewed.
  is_truncated boolean not null default false,
  constraint relay_targets_pkey primary key (user_id, id),
  constraint relay_targets_kind_check check (kind in ('webhook', 'notify', 'push'))
);

-- The outbox: a message for a target, written in the transaction of its post. No foreign keys: a post must
-- not wait for a sender. A row stays for an hour after it was settled, for the limit of messages an hour.
create table if not exists public.relay_deliveries (
  user_id uuid not null,
  target_id text not null,
  message_id uuid not null,
  -- The message's time.
  created_at timestamptz not null,
  attempts integer not null default 0,
  -- When it is to be sent; null once it was acknowledged, given up or dropped.
  due_at timestamptz,
  -- Dropped, because the target had its messages for that hour.
  is_dropped boolean not null default false,
  constraint relay_deliveries_pkey primary key (user_id, target_id, message_id)
);

-- The last run of the cron trigger, and the last day on which it did its daily work.
create table if not exists public.relay_schedule (
  user_id uuid primary key,
  ran_at timestamptz not null,
  daily_on date
);

-- relay-mcp 0.1.0 -----------------------------------------------------------------------------------
-- Everything about it: rows that its Workers may still write while this version runs, and the upgrade
-- of a database that it made. Its tables have no seq, no readers, and cursors by time.

-- Assigns the next seq, under the thread's lock, to a message inserted without one (by 0.1.0).
create or replace function relay.place_message()
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

-- Derives the seq of a cursor that was set by time (by 0.1.0), using 0.1.0's own test of a read message,
-- and creates its reader. A cursor never moves back. The reader is created here, before the cursor
-- exists, because an AFTER trigger takes the locks in the other order and deadlocked.
create or replace function relay.place_cursor()
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

-- Keeps a thread's last activity from running backwards: 0.1.0 sets it in a request after its post,
-- which another post may have overtaken. The trigger fires for service_role only, so that a person can
-- repair times written by a clock that was ahead.
create or replace function relay.keep_activity()
  returns trigger
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  new.last_message_at := old.last_message_at;
  return new;
end;
$$;

-- The upgrade in place. A second run finds the column that it adds last, and locks nothing.
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
      timestamp '2000-01-01')) stored,
    add column if not exists archived_at timestamptz,
    add column if not exists former_names text[] not null default '{}',
    add column if not exists changed_at timestamptz;
  update public.relay_threads set archived_at = clock_timestamp() where archived and archived_at is null;
  alter table public.relay_messages
    add column if not exists seq bigint,
    add column if not exists idempotency_key text,
    add column if not exists reader_tag text,
    add column if not exists addressee text,
    add column if not exists client text,
    add column if not exists reply_to bigint,
    add column if not exists read_seq bigint,
    add column if not exists settled_at timestamptz,
    add column if not exists redacted_at timestamptz;
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

  -- With an index on the last activity, no post's update of its thread would be a HOT update.
  drop index if exists public.relay_threads_user_last_message_idx;

  -- Last, because it rewrites the table, which removes the row versions that the numbering left.
  alter table public.relay_messages
    alter column seq set not null,
    add column search tsvector generated always as (
      to_tsvector('pg_catalog.simple', relay.words(left(content, 100000)))) stored;
end;
$$;

do $$
begin
  if exists (select from pg_catalog.pg_trigger where tgname = 'relay_messages_place') then
    return;
  end if;
  create trigger relay_threads_activity
    before update of last_message_at on public.relay_threads
    for each row when (
      new.last_message_at < old.last_message_at and current_user = 'service_role')
    execute function relay.keep_activity();
  create trigger relay_messages_place
    before insert on public.relay_messages
    for each row when (new.seq is null)
    execute function relay.place_message();
  create trigger relay_read_cursors_place_inserted
    before insert on public.relay_read_cursors
    for each row when (new.last_read_seq is null)
    execute function relay.place_cursor();
  create trigger relay_read_cursors_place_updated
    before update of last_read_at on public.relay_read_cursors
    for each row when (
      new.last_read_seq = old.last_read_seq and new.last_read_at is distinct from old.last_read_at)
    execute function relay.place_cursor();
end;
$$;

-- Indexes, triggers, row level security, grants ------------------------------------------------------
-- Each part checks the catalogue first, so a second run locks no table.

-- Keeps message_count right when messages are deleted by hand.
create or replace function relay.count_deleted()
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

-- Notes since when a thread has been archived.
create or replace function relay.note_archiving()
  returns trigger
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  new.archived_at := case when new.archived then clock_timestamp() end;
  return new;
end;
$$;

do $$
begin
  if to_regclass('public.relay_read_cursors_reader_idx') is not null then
    return;
  end if;

  -- How posting finds a thread whose name differs only by case, spaces, `-` and `_`. Not by user first, as
  -- below: planned while there are few threads, a lookup by name might use it, and read all of a user's.
  create index relay_threads_folded_name_idx
    on public.relay_threads ((relay.fold_name(name)), user_id);
  -- Also counts active threads without reading them.
  create index relay_threads_active_slot_idx
    on public.relay_threads (archived, user_id, active_slot desc);

  create index relay_threads_former_names_idx on public.relay_threads using gin (former_names)
    where former_names <> '{}';
  create trigger relay_threads_archived
    before update of archived on public.relay_threads
    for each row when (new.archived is distinct from old.archived)
    execute function relay.note_archiving();
  create trigger relay_threads_archived_inserted
    before insert on public.relay_threads
    for each row when (new.archived and new.archived_at is null)
    execute function relay.note_archiving();

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
  -- The newest messages to a reader, folded, because an addressee that was not known yet is stored as the
  -- caller wrote it; the newest that a reader addressed to others; and the replies to a message.
  create index relay_messages_addressee_idx
    on public.relay_messages (user_id, (relay.fold_name(addressee)), created_at desc)
    where addressee is not null;
  create index relay_messages_sent_idx
    on public.relay_messages (user_id, reader_tag, created_at desc) where addressee is not null;
  create index relay_messages_reply_idx
    on public.relay_messages (thread_id, reply_to, seq) where reply_to is not null;
  -- With fastupdate, one post in many would pay for flushing the pending list, and searches read it.
  create index relay_messages_search_idx
    on public.relay_messages using gin (search) with (fastupdate = off);

  -- How a reader that is addressed is found.
  create index relay_readers_folded_tag_idx
    on public.relay_readers ((relay.fold_name(reader_tag)), user_id);

  -- Everything that relay_check_new over all threads reads of the cursors.
  create index relay_read_cursors_reader_idx
    on public.relay_read_cursors (user_id, reader_tag, thread_id) include (last_read_seq);

  -- Deliveries that are to be sent, and the messages of a target in their order.
  create index relay_deliveries_due_idx on public.relay_deliveries (user_id, due_at)
    where due_at is not null;
  create index relay_deliveries_target_idx
    on public.relay_deliveries (user_id, target_id, created_at, message_id);

  create trigger relay_messages_deleted
    after delete on public.relay_messages
    referencing old table as deleted
    for each statement execute function relay.count_deleted();
  create trigger relay_messages_truncated
    after truncate on public.relay_messages
    for each statement execute function relay.count_deleted();

  -- No policies: only roles that bypass row level security, such as service_role, see a row.
  alter table public.relay_threads enable row level security;
  alter table public.relay_messages enable row level security;
  alter table public.relay_read_cursors enable row level security;
  alter table public.relay_readers enable row level security;
  alter table public.relay_connections enable row level security;
  alter table public.relay_targets enable row level security;
  alter table public.relay_deliveries enable row level security;
  alter table public.relay_schedule enable row level security;

  -- Statistics of an empty or a small table would make pooled sessions keep plans for such a table.
  if (select count(*) from (select from public.relay_messages limit 1000) m) = 1000 then
    analyze public.relay_threads, public.relay_messages, public.relay_read_cursors,
      public.relay_readers;
  end if;
end;
$$;

revoke all on public.relay_threads, public.relay_messages, public.relay_read_cursors,
  public.relay_readers, public.relay_connections, public.relay_targets, public.relay_deliveries,
  public.relay_schedule from public, anon, authenticated, service_role;
-- Explicit: older projects grant everything on new objects, newer ones nothing. No tool deletes.
grant select, insert, update on public.relay_threads, public.relay_read_cursors,
  public.relay_readers to service_role;
-- No update: nothing that the relay or 0.1.0 does changes a message.
grant select, insert on public.relay_messages to service_role;
-- Not `revoked_at`: only relay_manage, which runs as the owner, cuts a connection off, and nothing undoes it.
grant select, insert, update (client, scope, last_used_at) on public.relay_connections to service_role;
-- A post adds deliveries, and the target of notifications before the first of them. Everything else is done by
-- functions that run as the owner.
grant select, insert on public.relay_targets, public.relay_deliveries to service_role;
grant select on public.relay_schedule to service_role;

-- Shared by the tools: finding threads and readers, counting, moving cursors, writing messages --------

-- The 200 most recently active thread names, for the Worker to suggest from.
create or replace function relay.latest_names(p_user_id uuid)
  returns json
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return (
    select coalesce(json_agg(latest.name), '[]') from (
      select name from public.relay_threads
      where user_id = p_user_id
      order by coalesce(last_message_at, created_at) desc, id desc
      limit 200) latest);
end;
$$;

-- The id of the thread with that name, or null: exactly as given, else trimmed, else folded, else the one that
-- had the name before it was renamed.
-- Raises RL009 (several threads match) with their names, a JSON array, as its detail.
create or replace function relay.locate_thread(p_user_id uuid, p_name text)
  returns uuid
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_id uuid;
  v_ids uuid[];
  v_names json;
begin
  -- One name at a time, so that no other index than that on names can seem as good.
  select id into v_id from public.relay_threads where user_id = p_user_id and name = p_name;
  if found then
    return v_id;
  end if;
  select id into v_id from public.relay_threads
  where user_id = p_user_id and name = relay.trim(p_name);
  if found then
    return v_id;
  end if;
  select array_agg(id), json_agg(name order by name) into v_ids, v_names
  from (
    select id, name from public.relay_threads
    where user_id = p_user_id and relay.fold_name(name) = relay.fold_name(p_name)
    limit 20) folded;
  if cardinality(v_ids) > 1 then
    raise exception 'several threads match "%"', p_name
      using errcode = 'RL009', detail = v_names::text;
  elsif v_ids is not null then
    return v_ids[1];
  end if;
  select id into v_id from public.relay_threads
  where user_id = p_user_id and former_names <> '{}'
    and former_names @> array[relay.fold_name(p_name)];
  if not found then
    -- Renamed to this name since it was looked for among the names.
    select id into v_id from public.relay_threads
    where user_id = p_user_id and relay.fold_name(name) = relay.fold_name(p_name);
  end if;
  return v_id;
end;
$$;

-- The thread with that name. Raises RL001 (thread not found): its detail is the name that was asked
-- for, its hint the latest names. Raises RL009 (several threads match).
create or replace function relay.find_thread(p_user_id uuid, p_name text)
  returns public.relay_threads
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  -- Not within the query: a volatile function there is called again for each thread.
  v_id constant uuid := relay.locate_thread(p_user_id, p_name);
  v_thread public.relay_threads;
begin
  select * into v_thread from public.relay_threads where id = v_id;
  if not found then
    raise exception 'thread "%" not found', p_name using
      errcode = 'RL001', detail = p_name, hint = relay.latest_names(p_user_id)::text;
  end if;
  return v_thread;
end;
$$;

-- Makes all calls that open or post to a thread under some spelling of its name take turns, so that
-- two spellings cannot open two threads, and so that waiting posts queue here instead of in a herd
-- around the thread's row. Call it as a statement of its own, like relay.lock_reader.
create or replace function relay.lock_thread_name(p_user_id uuid, p_name text)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_void text;
begin
  v_void := pg_advisory_xact_lock(hashtextextended(p_user_id || ' ' || relay.fold_name(p_name), 1));
end;
$$;

-- Makes calls of one reader take turns until the transaction ends. Call it as a statement of its own:
-- the snapshot of a statement is older than the locks it waits for.
create or replace function relay.lock_reader(p_user_id uuid, p_reader_tag text)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_void text;
begin
  v_void := pg_advisory_xact_lock(hashtextextended(p_user_id || ' ' || p_reader_tag, 0));
end;
$$;

-- The known reader that a `to` means, or null: exactly as given, else folded as thread names are and
-- without an `@` in front; of several the one that was introduced first, so that a newcomer with a similar
-- tag takes no address away.
create or replace function relay.resolve_reader(p_user_id uuid, p_reader_tag text)
  returns public.relay_readers
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_reader public.relay_readers;
begin
  select * into v_reader from public.relay_readers
  where user_id = p_user_id and reader_tag = p_reader_tag and forgotten_at is null;
  if not found then
    select * into v_reader from public.relay_readers
    where user_id = p_user_id and forgotten_at is null
      and relay.fold_name(reader_tag) = relay.fold_name(relay.drop_at(p_reader_tag))
    order by introduced_at nulls last, created_at nulls first, reader_tag limit 1;
  end if;
  return v_reader;
end;
$$;

-- A name without the `@` that people and models put in front of whom they address.
create or replace function relay.drop_at(p_name text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return regexp_replace(p_name, '^@(?=.)', '');
end;
$$;

-- The reader that a message is for, null until one exists. An addressee that was not known at the time
-- of the message is stored as the caller wrote it, and belongs to the first reader whose tag folds to it.
create or replace function relay.reader_for(
  p_user_id uuid, p_addressee text, p_posted_at timestamptz)
  returns text
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return (
    select reader_tag from public.relay_readers
    where user_id = p_user_id and forgotten_at is null
      and relay.fold_name(reader_tag) = relay.fold_name(p_addressee)
    order by (reader_tag = p_addressee and coalesce(created_at, '-infinity') <= p_posted_at) desc,
      created_at nulls first, reader_tag limit 1);
end;
$$;

-- Whether a message is for that reader.
create or replace function relay.is_addressed(
  p_user_id uuid, p_addressee text, p_posted_at timestamptz, p_reader_tag text)
  returns boolean
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return relay.fold_name(p_addressee) = relay.fold_name(p_reader_tag)
    and relay.reader_for(p_user_id, p_addressee, p_posted_at) = p_reader_tag;
end;
$$;

-- How many messages of others a reader has not received in a thread: those with
-- p_after < seq < p_before, less the reader's own. Messages that it addressed to itself count as
-- others'. Counts no rows, except the reader's own and where messages were deleted by hand. Without a
-- reader (null) nothing is anybody's own.
create or replace function relay.count_unread(
  p_thread_id uuid, p_last_seq bigint, p_message_count bigint, p_reader_tag text, p_after bigint,
  p_before bigint)
  returns bigint
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_count bigint;
begin
  if p_before <= p_after + 1 or p_last_seq <= p_after then
    return 0;
  elsif p_message_count = p_last_seq then
    v_count := least(p_before - 1, p_last_seq) - greatest(p_after, 0);
  elsif p_after <= 0 and p_before > p_last_seq then
    v_count := p_message_count;
  else
    v_count := (
      select count(*) from public.relay_messages
      where thread_id = p_thread_id and seq > p_after and seq < p_before);
  end if;
  if p_reader_tag is null or v_count = 0 then
    return v_count;
  end if;
  return v_count - (
    select count(*) from public.relay_messages
    where thread_id = p_thread_id and reader_tag = p_reader_tag
      and addressee is distinct from reader_tag and seq > p_after and seq < p_before);
end;
$$;

-- The time that belongs to a cursor at p_seq: that of the last message up to it, but below the next
-- one's. Messages that 0.1.0 wrote may share a time, and a restored 0.1.0 should rather repeat one than
-- lose one. Null where no message is left to take a time from.
create or replace function relay.time_of_seq(p_thread_id uuid, p_seq bigint)
  returns timestamptz
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_time timestamptz;
  v_next timestamptz;
begin
  -- By the order of the one index that has seq. With `thread_id = ... and seq = ...`, while a table is
  -- small an index that finds only the thread seems as good, and a session that has planned then goes
  -- on reading the whole thread as it grows.
  select case when thread_id = p_thread_id then created_at end into v_time
  from public.relay_messages
  where (thread_id, seq) <= (p_thread_id, p_seq)
  order by thread_id desc, seq desc limit 1;
  select case when thread_id = p_thread_id then created_at end into v_next
  from public.relay_messages
  where (thread_id, seq) > (p_thread_id, p_seq)
  order by thread_id, seq limit 1;
  return least(v_time, v_next - interval '1 microsecond');
end;
$$;

-- Moves a reader's cursors forward, each to the seq that goes with its thread. Needs relay.lock_reader.
create or replace function relay.move_cursors(
  p_user_id uuid, p_reader_tag text, p_thread_ids uuid[], p_seqs bigint[])
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  insert into public.relay_read_cursors as c
    (thread_id, user_id, reader_tag, last_read_seq, last_read_at)
  select t.id, p_user_id, p_reader_tag, moved.seq,
    coalesce(relay.time_of_seq(t.id, moved.seq), t.created_at)
  from unnest(p_thread_ids, p_seqs) as moved (thread_id, seq)
  join public.relay_threads t on t.id = moved.thread_id
  order by t.id
  -- Waits for a deletion by hand, and then skips the thread that is gone.
  for key share of t
  on conflict (thread_id, reader_tag) do update
  set last_read_seq = excluded.last_read_seq, last_read_at = excluded.last_read_at, updated_at = now()
  where c.last_read_seq < excluded.last_read_seq;
end;
$$;

-- Messages as a JSON array in the order of p_ids, as many as fit into p_max_bytes but at least one, and
-- the ids and seqs of those that fit. In an array of more than one message, contents of more than
-- p_max_content characters are cut to a quarter of that; null leaves all of them whole, and adds ids. p_overhead is how
-- many bytes the caller shows around a content: 100, or 238 in the shape of 0.1.0. With p_reader_tag a
-- message to that reader in another spelling is shown as addressed to the tag, and one of its own to another
-- reader with what became of it. The thread is named in each message where there may be several.
-- Weighed twice: first by octet_length, which reads no long text, to bound the text to be written; then by
-- the written text, because escaping can make a text longer. Written as text, because jsonb takes longer.
create or replace function relay.pack_messages(
  p_ids uuid[], p_max_bytes integer, p_max_content integer, p_overhead integer,
  p_with_thread_name boolean, p_reader_tag text default null,
  out messages json, out ids uuid[], out seqs bigint[])
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_cuts constant boolean := p_max_content is not null and cardinality(p_ids) > 1;
  -- Ids are for the shape of 0.1.0, which cuts nothing.
  v_has_ids constant boolean := p_max_content is null;
  -- The bytes written around a content: times to the microsecond, and ids.
  v_surplus constant integer := p_overhead - 103
    - case when not v_has_ids then 0 when p_with_thread_name then 95 else 44 end;
  v_written text[];
  v_fitting integer;
begin
  with listed as (
    select m.id, m.thread_id, m.seq, m.surface, m.session_tag, m.reader_tag, m.client, m.reply_to,
      m.redacted_at,
      case when coalesce(m.addressee <> p_reader_tag, false)
        and relay.is_addressed(m.user_id, m.addressee, m.created_at, p_reader_tag)
        then p_reader_tag else m.addressee end as addressee,
      m.content, m.metadata, m.created_at, given.place,
      -- A character has at most four bytes, so most lengths in bytes decide without reading the text.
      v_cuts and octet_length(m.content) > p_max_content
        and (octet_length(m.content) > 4 * p_max_content
          or char_length(m.content) > p_max_content) as is_cut
    from unnest(p_ids) with ordinality as given (id, place)
    join public.relay_messages m on m.id = given.id
  ), weighed as (
    select *,
      sum(case when is_cut then p_max_content / 4 else octet_length(content) end
        + coalesce(octet_length(metadata::text), 0) + p_overhead) over (order by place) as bytes
    from listed
  ), written as (
    select w.id, w.seq, w.place, '{' || concat_ws(',',
        case when p_with_thread_name then (
          select concat_ws(',', '"thread_name":' || to_json(t.name),
            case when t.archived then '"archived":true' end,
            case when v_has_ids then '"thread_id":"' || t.id || '"' end)
          from public.relay_threads t where t.id = w.thread_id) end,
        case when v_has_ids then '"id":"' || w.id || '"' end,
        '"seq":' || w.seq,
        '"surface":' || to_json(w.surface),
        '"session_tag":' || to_json(nullif(w.session_tag, '')),
        '"from":' || to_json(w.reader_tag),
        '"to":' || to_json(w.addressee),
        '"via":' || to_json(w.client),
        '"reply_to":' || w.reply_to,
        case when w.redacted_at is not null then '"redacted":true' end,
        case when w.addressee is not null then relay.show_outcome(w.id,
          w.reader_tag = p_reader_tag and w.addressee <> p_reader_tag) end,
        '"content":' || to_json(case
          when w.is_cut then left(w.content, p_max_content / 4) else w.content end),
        case when w.is_cut then '"content_length":' || char_length(w.content) end,
        '"metadata":' || w.metadata::text,
        -- As relay.full_time does, which would be called for each message.
        to_char(w.created_at at time zone 'UTC',
          '"\"created_at\":\""YYYY-MM-DD"T"HH24:MI:SS.US"Z\""')) || '}' as message
    from weighed w
    where w.bytes <= p_max_bytes or w.place = 1
  )
  select array_agg(message order by place), array_agg(id order by place), array_agg(seq order by place)
  into v_written, ids, seqs
  from written;

  -- In the end, and rarely: a window function above would write each message twice.
  messages := '[' || array_to_string(v_written, ',') || ']';
  if octet_length(messages::text) + v_surplus * cardinality(v_written) - 1 > p_max_bytes then
    select count(*) into v_fitting
    from (
      select place, sum(octet_length(message) + 1 + v_surplus) over (order by place) as bytes
      from unnest(v_written) with ordinality as each (message, place)) summed
    where bytes <= p_max_bytes or place = 1;
    messages := '[' || array_to_string(v_written[:v_fitting], ',') || ']';
    ids := ids[:v_fitting];
    seqs := seqs[:v_fitting];
  end if;

  if v_cuts and cardinality(ids) = 1 then
    select packed.messages, packed.ids, packed.seqs into messages, ids, seqs
    from relay.pack_messages(
      ids, p_max_bytes, null, p_overhead, p_with_thread_name, p_reader_tag) packed;
  end if;
  messages := coalesce(messages, '[]');
  ids := coalesce(ids, '{}');
  seqs := coalesce(seqs, '{}');
end;
$$;

-- The outcome of a message as fields of JSON, or null; to its own author with what became of it.
create or replace function relay.show_outcome(p_message_id uuid, p_is_own boolean)
  returns text
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_outcome record;
begin
  select * into v_outcome from relay.outcome(p_message_id);
  return nullif(concat_ws(',', case when v_outcome.is_open then '"open":true' end,
    case when p_is_own then concat_ws(',',
      '"given":' || v_outcome.is_given, '"answered_by":' || v_outcome.answered_by) end), '');
end;
$$;

-- A time in UTC with milliseconds: cut, and never rounded up, or `since` would pass over a message.
create or replace function relay.show_time(p_time timestamptz)
  returns text
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end;
$$;

-- A time in UTC with microseconds, where the Worker may have to show it as 0.1.0 did.
create or replace function relay.full_time(p_time timestamptz)
  returns text
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
end;
$$;

-- Connections -----------------------------------------------------------------------------------------

-- Takes the grant of a caller for the rest of the transaction, and notes that it was used. The first
-- statement of every function that the Worker calls for a caller: Disconnect waits for the lock, so nothing
-- of a grant commits once Disconnect has answered. p_caller without a `gid` comes from no client. Every post
-- pays for it, so what returns nothing is called as an expression, `v_void := f()`: `perform f()` is a query.
-- Raises RL014 (the grant was cut off).
create or replace function relay.take_grant(p_user_id uuid, p_caller jsonb)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_gid constant text := p_caller ->> 'gid';
  v_void text;
  v_used_at timestamptz;
  v_revoked_at timestamptz;
begin
  if v_gid is null then
    return;
  end if;
  -- A statement of its own: the snapshot of the next one must be newer than the lock, which
  -- relay.disconnect takes too.
  v_void := pg_advisory_xact_lock_shared(hashtextextended(p_user_id || ' ' || v_gid, 3));
  select c.last_used_at, c.revoked_at into v_used_at, v_revoked_at
  from public.relay_connections c where c.user_id = p_user_id and c.gid = v_gid;
  if not found then
    perform relay.add_connection(p_user_id, p_caller);
  elsif v_revoked_at is not null then
    raise exception 'the connection was cut off' using errcode = 'RL014';
  elsif coalesce(v_used_at < clock_timestamp() - interval '1 hour', true) then
    -- Another call's lock on the row is not worth waiting for.
    update public.relay_connections c set last_used_at = clock_timestamp()
    where (c.user_id, c.gid) in (
      select s.user_id, s.gid from public.relay_connections s
      where s.user_id = p_user_id and s.gid = v_gid
      for update skip locked);
  end if;
end;
$$;

-- Adds the row of a caller's grant; false if it is there already.
create or replace function relay.add_connection(p_user_id uuid, p_caller jsonb)
  returns boolean
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_gid constant text := p_caller ->> 'gid';
begin
  insert into public.relay_connections (user_id, gid, name, client, scope, kind, last_used_at)
  values (p_user_id, v_gid,
    case when v_gid = 'key' then 'the relay''s key' else coalesce(p_caller ->> 'client', '') end,
    coalesce(p_caller ->> 'client_hash',
      case when v_gid like 'client:%' then substr(v_gid, length('client:') + 1) end),
    p_caller ->> 'scope', p_caller ->> 'kind', clock_timestamp())
  on conflict do nothing;
  return found;
end;
$$;

-- For the token endpoint and /health, which ask nothing else: takes the grant of a caller. With p_opens the
-- grant is a new one, of a code; `opened` is false if the code was used before. A refresh knows more of the
-- grant than a call does, and fills in what a call that added the row had to leave out.
-- Raises RL014 (the grant was cut off).
create or replace function public.relay_use_grant(
  p_user_id uuid, p_caller jsonb, p_opens boolean default false)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
begin
  if p_opens then
    return jsonb_build_object('opened', relay.add_connection(p_user_id, p_caller));
  end if;
  perform relay.take_grant(p_user_id, p_caller);
  update public.relay_connections c
  set client = p_caller ->> 'client_hash', scope = p_caller ->> 'scope'
  where c.user_id = p_user_id and c.gid = p_caller ->> 'gid' and c.client is null
    and p_caller ->> 'client_hash' is not null;
  return '{}';
end;
$$;
revoke all on function public.relay_use_grant from public, anon, authenticated;
grant execute on function public.relay_use_grant to service_role;

-- The outbox ------------------------------------------------------------------------------------------

-- Whether there is something to send now.
create or replace function relay.is_due(p_user_id uuid)
  returns boolean
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return nullif(exists (
    select from public.relay_deliveries
    where user_id = p_user_id and due_at <= clock_timestamp()), false);
end;
$$;

-- Adds a new message to the outbox, once for each target that it is for; p_is_known: p_to is the tag of a reader
-- that is known. p_notify is as in relay_post_message. The last writes of a post, in the order of targets, and
-- without a lock on any of them.
create or replace function relay.queue_deliveries(
  p_message public.relay_messages, p_thread public.relay_threads, p_is_known boolean, p_notify jsonb)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_to constant text := relay.fold_name(p_message.addressee);
  v_notifies constant boolean := coalesce(p_notify -> 'for' ? v_to, false);
  v_now constant timestamptz := clock_timestamp();
begin
  -- A subscription that takes the place of another, under a new id, waits for this post and moves its delivery
  -- as well, or this post waits for it.
  perform pg_advisory_xact_lock_shared(hashtextextended(p_message.user_id::text, 5));
  if v_notifies then
    insert into public.relay_targets (user_id, id, kind, gid, client, origin)
    values (p_message.user_id, 'notify', 'notify', '', '', p_notify ->> 'origin') on conflict do nothing;
  end if;
  insert into public.relay_deliveries (user_id, target_id, message_id, created_at, due_at, is_dropped)
  select p_message.user_id, t.id, p_message.id, p_message.created_at,
    -- Behind one that failed, it waits as long as that one.
    case when not sent.is_full then greatest(v_now, sent.due_at) end, sent.is_full
  from public.relay_targets t
  cross join lateral (
    select coalesce(count(*) filter (where not d.is_dropped and d.created_at > v_now - interval '1 hour')
        >= relay.hourly_limit(t.kind), false) as is_full,
      max(d.due_at) as due_at, coalesce(bool_or(d.is_dropped), false) as has_dropped
    from public.relay_deliveries d where d.user_id = p_message.user_id and d.target_id = t.id) sent
  where t.user_id = p_message.user_id and t.expires_at > v_now and (t.failures < 10 or t.kind <> 'webhook')
    -- That something was dropped needs noting once, and for a device not at all.
    and not (sent.is_full and (sent.has_dropped or t.kind = 'push'))
    and case t.kind
      when 'notify' then v_notifies
      when 'push' then coalesce(v_to = 'board', false)
      else relay.is_for_target(t.reader_tag, t.addressed_only, p_message.reader_tag, p_message.addressee,
          p_is_known)
        and (t.thread_name is null or relay.is_thread(p_thread, t.thread_name)) end
  order by t.id
  on conflict do nothing;
end;
$$;

-- How many messages an hour a target of that kind gets; null for any number. A chat runs for each; a phone
-- that rang twice a minute for an hour says nothing new, and the next message has the right count.
create or replace function relay.hourly_limit(p_kind text)
  returns integer
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return case p_kind when 'webhook' then 30 when 'push' then 120 end;
end;
$$;

-- Whether a subscription with that reader_tag and addressed_only is for a message: never for the reader's own.
-- An addressee that is not a known reader means each whose tag folds to it.
create or replace function relay.is_for_target(
  p_reader_tag text, p_addressed_only boolean, p_from text, p_to text, p_is_known boolean)
  returns boolean
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return p_reader_tag is null or (
    relay.fold_name(p_from) is distinct from relay.fold_name(p_reader_tag)
    and (not p_addressed_only or coalesce(p_to = p_reader_tag, false)
      or (not p_is_known and coalesce(relay.fold_name(p_to) = relay.fold_name(p_reader_tag), false))));
end;
$$;

-- Whether a thread has that name, or had it.
create or replace function relay.is_thread(p_thread public.relay_threads, p_name text)
  returns boolean
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return relay.fold_name(p_thread.name) = relay.fold_name(p_name)
    or p_thread.former_names @> array[relay.fold_name(p_name)];
end;
$$;

-- The one call of a sender, p_owner: notes the outcomes of the attempts that it made under its leases, and
-- leases what is due, at most p_limit messages, one of each target, and p_push_limit to devices. An outcome has target_id, message_id,
-- `result` (`delivered`, `failed`, `refused` for good, or `ended`: the target cannot be used any more), the
-- `error` of a failure, and after how many seconds the receiver wants to be asked again (`retry_after`).
-- p_origin is the relay's own address, where the sender knows it.
-- Returns the leased messages as `deliveries`, and after how many milliseconds one that has just failed is to
-- be sent again, if that is soon.
create or replace function public.relay_deliver(
  p_user_id uuid, p_owner text, p_outcomes jsonb default '[]', p_limit integer default 6,
  p_origin text default null, p_push_limit integer default 2)
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_target public.relay_targets;
  v_leased jsonb;
  v_deliveries jsonb := '[]';
  v_retry_at timestamptz;
begin
  -- Waits for the lock also of a target that someone else has leased: its sender may be about to let it go
  -- without having seen what is due since.
  for v_target in
    select t.* from public.relay_targets t
    where t.user_id = p_user_id and (
      t.id in (select value ->> 'target_id' from jsonb_array_elements(p_outcomes))
      or t.id in (
        select d.target_id from public.relay_deliveries d
        where d.user_id = p_user_id and d.due_at <= clock_timestamp()))
    order by t.id for update
  loop
    if v_target.lease_owner = p_owner then
      v_target := relay.settle_deliveries(v_target, p_outcomes);
    end if;
    if v_target.id is not null and p_limit > jsonb_array_length(v_deliveries)
      and (v_target.kind <> 'push' or p_push_limit > 0)
      and coalesce(v_target.lease_until < clock_timestamp(), true)
    then
      v_leased := relay.lease_delivery(v_target, p_owner, p_origin);
      v_deliveries := v_deliveries || coalesce(v_leased, '[]');
      if v_target.kind = 'push' and v_leased is not null then
        p_push_limit := p_push_limit - 1;
      end if;
    end if;
  end loop;
  select min(d.due_at) into v_retry_at
  from public.relay_deliveries d
  where d.user_id = p_user_id and d.attempts = 1 and d.due_at > clock_timestamp()
    and d.target_id in (select value ->> 'target_id' from jsonb_array_elements(p_outcomes));
  return jsonb_strip_nulls(jsonb_build_object(
    'deliveries', v_deliveries,
    'retry_ms', case when v_retry_at < clock_timestamp() + interval '10 seconds'
      then ceil(extract(epoch from v_retry_at - clock_timestamp()) * 1000) end));
end;
$$;
revoke all on function public.relay_deliver from public, anon, authenticated;
grant execute on function public.relay_deliver to service_role;

-- Notes what became of the attempt for a target under its lease, and lets it go. Returns the target; null once
-- it has ended. A message is given up after five attempts, about twelve minutes, and if another waits behind
-- it, after three or five minutes.
create or replace function relay.settle_deliveries(p_target public.relay_targets, p_outcomes jsonb)
  returns public.relay_targets
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_outcome record;
  v_delivery public.relay_deliveries;
  v_pauses constant interval[] := '{5 seconds,2 minutes,5 minutes,5 minutes}';
  v_due_at timestamptz;
begin
  for v_outcome in
    select * from jsonb_to_recordset(p_outcomes)
      as o (target_id text, message_id uuid, result text, error text, retry_after integer)
    where target_id = p_target.id
  loop
    if v_outcome.result = 'ended' then
      perform relay.end_targets(p_target.user_id, array[p_target.id]);
      return null;
    end if;
    update public.relay_deliveries d set attempts = d.attempts + 1, due_at = null
    where d.user_id = p_target.user_id and d.target_id = p_target.id
      and d.message_id = v_outcome.message_id and d.due_at is not null
    returning * into v_delivery;
    continue when not found;
    p_target.last_error := v_outcome.error;
    if v_outcome.result = 'delivered' then
      p_target.last_delivery_at := clock_timestamp();
      p_target.acknowledged_at := greatest(p_target.acknowledged_at, v_delivery.created_at);
      p_target.failed_since := null;
      p_target.failures := 0;
    elsif v_outcome.result = 'refused' then
      p_target.is_truncated := true;
    else
      p_target.failed_since := coalesce(p_target.failed_since, clock_timestamp());
      v_due_at := clock_timestamp() + greatest(v_pauses[v_delivery.attempts],
        least(coalesce(v_outcome.retry_after, 0), 600) * interval '1 second');
      if v_delivery.attempts > cardinality(v_pauses) or (
        (v_delivery.attempts >= 3 or v_delivery.created_at < clock_timestamp() - interval '5 minutes')
        and exists (
          select from public.relay_deliveries d
          where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null))
      then
        p_target.failures := p_target.failures + 1;
        p_target.is_truncated := true;
      else
        update public.relay_deliveries d set due_at = greatest(d.due_at, v_due_at)
        where d.user_id = p_target.user_id and d.target_id = p_target.id
          and (d.due_at is not null or d.message_id = v_delivery.message_id);
      end if;
    end if;
  end loop;
  if p_target.kind = 'webhook' and p_target.failures >= 10 then
    delete from public.relay_deliveries d
    where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null;
  end if;
  p_target.lease_owner := null;
  p_target.lease_until := null;
  update public.relay_targets t
  set last_error = p_target.last_error, last_delivery_at = p_target.last_delivery_at,
    acknowledged_at = p_target.acknowledged_at, failed_since = p_target.failed_since,
    failures = p_target.failures, is_truncated = p_target.is_truncated, lease_owner = null,
    lease_until = null
  where t.user_id = p_target.user_id and t.id = p_target.id;
  return p_target;
end;
$$;

-- Leases the first unsettled message of a target for a minute, if it is due: an array of one, or null. What can
-- no longer be delivered goes: messages that were deleted or taken back, and all once the target has expired.
create or replace function relay.lease_delivery(
  p_target public.relay_targets, p_owner text, p_origin text)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  -- A client reaches the relay where it subscribed; for the person, the latest address is the best.
  v_origin constant text := coalesce(case when p_target.kind = 'notify' then p_origin end, p_target.origin);
  v_delivery public.relay_deliveries;
  v_message public.relay_messages;
begin
  if p_target.expires_at < clock_timestamp() then
    perform relay.end_targets(p_target.user_id, array[p_target.id]);
    return null;
  end if;
  delete from public.relay_deliveries d
  where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null
    and not exists (
      select from public.relay_messages m where m.id = d.message_id and m.redacted_at is null);
  if p_target.kind = 'push' then
    perform relay.drop_stale_pushes(p_target);
  end if;
  select * into v_delivery from public.relay_deliveries d
  where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null
  order by d.created_at, d.message_id limit 1;
  if v_delivery.due_at is null or v_delivery.due_at > clock_timestamp() then
    return null;
  end if;
  select * into v_message from public.relay_messages where id = v_delivery.message_id;
  update public.relay_targets t
  set lease_owner = p_owner, lease_until = clock_timestamp() + interval '1 minute', origin = v_origin
  where t.user_id = p_target.user_id and t.id = p_target.id;
  return jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
    'target_id', p_target.id,
    'kind', p_target.kind,
    'url', p_target.url,
    'secret', p_target.secret,
    'previous_secret', case when p_target.previous_until > clock_timestamp()
      then p_target.previous_secret end,
    'arguments', jsonb_build_object('reader_tag', p_target.reader_tag,
      'thread_name', p_target.thread_name, 'addressed_only', p_target.addressed_only),
    'origin', v_origin,
    -- Everything before it was acknowledged, given up or will come by a later delivery.
    'cursor_at', relay.full_time(least(p_target.acknowledged_at,
      v_message.created_at - interval '1 microsecond', relay.settled_until())),
    'open', case when p_target.kind = 'push'
      then (select count(*) from relay.open_messages(p_target.user_id, null, 'board')) end,
    'event', relay.show_event(v_message))));
end;
$$;

-- A device rings once for a burst: of the messages of a thread that wait, the newest stands for the others. It
-- does not ring for one that was answered or marked as done meanwhile.
create or replace function relay.drop_stale_pushes(p_target public.relay_targets)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  delete from public.relay_deliveries d
  where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null
    and not (select o.is_open from relay.outcome(d.message_id) o);
  with waiting as materialized (
    select d.message_id, row_number() over (partition by m.thread_id order by m.seq desc) as place
    from public.relay_deliveries d join public.relay_messages m on m.id = d.message_id
    where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null
  )
  delete from public.relay_deliveries d
  where d.user_id = p_target.user_id and d.target_id = p_target.id
    and d.message_id in (select w.message_id from waiting w where w.place > 1);
end;
$$;

-- A message as events describe it: names and numbers, and nothing of its text.
create or replace function relay.show_event(p_message public.relay_messages)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return jsonb_build_object(
    'id', p_message.id,
    'thread_name', (select t.name from public.relay_threads t where t.id = p_message.thread_id),
    'seq', p_message.seq,
    'from', coalesce(p_message.reader_tag, p_message.session_tag),
    'to', p_message.addressee,
    'surface', p_message.surface,
    'posted_at', relay.full_time(p_message.created_at));
end;
$$;

-- The time up to which every post has committed or failed: each takes its time under its thread's lock, and has
-- eight seconds in all.
create or replace function relay.settled_until()
  returns timestamptz
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return clock_timestamp() - interval '10 seconds';
end;
$$;

-- Readers ---------------------------------------------------------------------------------------------

-- Notes that a reader is here, creating it on first use. Returns the reader as it was before this
-- call, with `is_new` and, for a new one, the other known readers. `is_known` is false where the caller may
-- make no reader of that tag, and `may_move` where it may not move this one's bookmarks: a caller that may
-- only read moves those of readers that it made, so that it cannot make others miss a message.
create or replace function relay.note_reader(
  p_user_id uuid, p_reader_tag text, p_waits boolean, p_caller jsonb,
  out is_known boolean, out may_move boolean, out is_new boolean, out introduced_at timestamptz,
  out last_given_at timestamptz, out known_readers json)
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_seen timestamptz;
  v_made_by text;
  v_forgotten timestamptz;
begin
  is_new := false;
  select r.introduced_at, r.last_given_at, r.last_seen_at, r.made_by, r.forgotten_at
  into introduced_at, last_given_at, v_seen, v_made_by, v_forgotten
  from public.relay_readers r
  where r.user_id = p_user_id and r.reader_tag = p_reader_tag;
  is_known := found;
  if v_forgotten > clock_timestamp() - interval '1 minute' then
    raise exception 'reader "%" was forgotten', p_reader_tag
      using errcode = 'RL017', detail = p_reader_tag;
  elsif not is_known or v_forgotten is not null then
    is_new := relay.make_reader(p_user_id, p_reader_tag, p_caller);
    -- Not new either if another call has just made it.
    is_known := is_new or exists (
      select from public.relay_readers r
      where r.user_id = p_user_id and r.reader_tag = p_reader_tag);
  end if;
  may_move := is_new or p_caller ->> 'scope' is distinct from 'mcp:read' or coalesce(
    v_made_by = p_caller ->> 'gid' or p_reader_tag = 'board' and p_caller ->> 'client' = 'Relay board',
    false);
  if is_new then
    known_readers := relay.other_readers(p_user_id, p_reader_tag, 50);
  elsif may_move and v_seen < clock_timestamp() - interval '1 minute' then
    -- Without the reader's lock, another call's row lock is not worth waiting for.
    if p_waits then
      update public.relay_readers r set last_seen_at = clock_timestamp()
      where r.user_id = p_user_id and r.reader_tag = p_reader_tag;
    else
      update public.relay_readers r set last_seen_at = clock_timestamp()
      where (r.user_id, r.reader_tag) in (
        select s.user_id, s.reader_tag from public.relay_readers s
        where s.user_id = p_user_id and s.reader_tag = p_reader_tag
        for update skip locked);
    end if;
  end if;
end;
$$;

-- Makes a reader for a caller; false where the caller may not. Each costs a bookmark in every thread, and
-- nothing removes them: a caller makes at most 60 in an hour, and one that may only read at most 10, none of
-- which resembles a known one. The board is the person.
create or replace function relay.make_reader(
  p_user_id uuid, p_reader_tag text, p_caller jsonb)
  returns boolean
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  -- One at a time for each caller, or many at once would all be counted too early.
  perform pg_advisory_xact_lock(hashtextextended(p_user_id || ' ' || (p_caller ->> 'gid'), 2));
  if p_reader_tag <> 'board' and (
    relay.may_make_reader_at(p_user_id, p_caller) is not null
    or relay.takes_name(p_user_id, p_reader_tag, p_caller))
  then
    return false;
  end if;
  insert into public.relay_readers (user_id, reader_tag, created_at, made_by)
  values (p_user_id, p_reader_tag, clock_timestamp(), p_caller ->> 'gid')
  on conflict (user_id, reader_tag) do update
  set created_at = excluded.created_at, made_by = excluded.made_by, forgotten_at = null,
    last_seen_at = excluded.created_at
  where relay_readers.forgotten_at is not null;
  return found;
end;
$$;

-- When the caller may make another reader; null where it may now.
create or replace function relay.may_make_reader_at(p_user_id uuid, p_caller jsonb)
  returns timestamptz
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_limit constant integer := case when p_caller ->> 'scope' = 'mcp:read' then 10 else 60 end;
begin
  return (
    select created_at + interval '1 hour' from public.relay_readers
    where user_id = p_user_id and made_by = p_caller ->> 'gid'
      and created_at > clock_timestamp() - interval '1 hour'
    order by created_at desc offset v_limit - 1 limit 1);
end;
$$;

-- Whether a caller that may only read asks for a tag that differs from a known one in spelling only, and
-- with which it could be taken for that one.
create or replace function relay.takes_name(
  p_user_id uuid, p_reader_tag text, p_caller jsonb)
  returns boolean
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return p_caller ->> 'scope' = 'mcp:read' and exists (
    select from public.relay_readers
    where user_id = p_user_id
      and relay.fold_name(reader_tag) = relay.fold_name(relay.drop_at(p_reader_tag)));
end;
$$;

-- Refuses a check under a tag whose bookmarks the caller may not move, or may not make.
-- Raises RL011 (another connection's reader), RL012 (too many new readers): its detail is when to try again.
create or replace function relay.refuse_reader(
  p_user_id uuid, p_reader_tag text, p_caller jsonb)
  returns void
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  if exists (
      select from public.relay_readers where user_id = p_user_id and reader_tag = p_reader_tag)
    or relay.takes_name(p_user_id, p_reader_tag, p_caller)
  then
    raise exception 'reader "%" belongs to another connection', p_reader_tag
      using errcode = 'RL011', detail = p_reader_tag;
  end if;
  raise exception 'too many new readers' using errcode = 'RL012', detail =
    relay.show_time(relay.may_make_reader_at(p_user_id, p_caller));
end;
$$;

-- Other readers, the most recently seen first.
create or replace function relay.other_readers(
  p_user_id uuid, p_reader_tag text, p_limit integer)
  returns json
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return (
    select coalesce(json_agg(json_build_object(
        'reader_tag', r.reader_tag, 'last_seen_at', relay.show_time(r.last_seen_at))
      order by r.last_seen_at desc, r.reader_tag), '[]')
    from (
      select reader_tag, last_seen_at from public.relay_readers
      where user_id = p_user_id and reader_tag is distinct from p_reader_tag and forgotten_at is null
      order by last_seen_at desc, reader_tag limit p_limit) r);
end;
$$;

-- Introduces a reader to all threads: with at most 20 messages in the relay everything is unread;
-- otherwise the newest two messages of each of the ten most recently active threads are, and whatever
-- comes from the first open message addressed to it on. The rest counts as read: each thread gets a cursor
-- there unless the reader already has one. Returns the threads in which messages were skipped, most
-- recently active first: at most 20, and how many there are. Needs relay.lock_reader.
create or replace function relay.introduce_reader(
  p_user_id uuid, p_reader_tag text, out skipped json, out skipped_count bigint)
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_folded constant text := relay.fold_name(p_reader_tag);
begin
  update public.relay_readers set introduced_at = clock_timestamp()
  where user_id = p_user_id and reader_tag = p_reader_tag;

  -- One statement, and each cursor is set from its snapshot. A value read again from the row that
  -- `for key share` locks may be newer, and a message that came in between would be lost.
  with total as materialized (
    select coalesce(sum(message_count), 0) as messages
    from public.relay_threads where user_id = p_user_id
  ), recent as materialized (
    select t.id, coalesce((
      select m.seq from public.relay_messages m
      where m.thread_id = t.id order by m.seq desc offset 2 limit 1), 0) as seq
    from (
      select id from public.relay_threads
      where user_id = p_user_id and not archived and last_seq > 0
      order by active_slot desc, coalesce(last_message_at, created_at) desc, id desc limit 10) t
  ), addressed as materialized (
    select m.thread_id as id, min(m.seq) - 1 as seq
    from public.relay_messages m cross join lateral relay.outcome(m.id) o
    where m.user_id = p_user_id
      and m.addressee is not null and relay.fold_name(m.addressee) = v_folded
      and m.created_at > clock_timestamp() - interval '30 days'
      and o.owner = p_reader_tag and o.is_open
    group by m.thread_id
  ), starts as materialized (
    select t.id, t.name, t.archived, coalesce(t.last_message_at, t.created_at) as active_at, t.last_seq,
      t.message_count, least(coalesce(recent.seq, t.last_seq), addressed.seq) as seq
    from public.relay_threads t
    left join recent on recent.id = t.id
    left join addressed on addressed.id = t.id
    where t.user_id = p_user_id and (select messages from total) > 20
      and not exists (
        select from public.relay_read_cursors c
        where c.thread_id = t.id and c.reader_tag = p_reader_tag)
  ), written as (
    insert into public.relay_read_cursors
      (thread_id, user_id, reader_tag, last_read_seq, last_read_at)
    select t.id, p_user_id, p_reader_tag, s.seq, case
      when s.seq = s.last_seq then s.active_at
      else coalesce(relay.time_of_seq(t.id, s.seq), t.created_at) end
    from starts s join public.relay_threads t on t.id = s.id
    where s.seq > 0
    order by t.id
    for key share of t
    on conflict (thread_id, reader_tag) do nothing
  ), passed as (
    select s.name, s.archived, s.active_at, s.id,
      relay.count_unread(s.id, s.last_seq, s.message_count, null, 0, s.seq + 1) as messages
    from starts s where s.seq > 0
  ), numbered as (
    select *, row_number() over (order by active_at desc, id desc) as place
    from passed where messages > 0
  )
  select json_agg(relay.passed_thread(name, archived, messages) order by place) filter (where place <= 20),
    count(*)
  into skipped, skipped_count
  from numbered;
end;
$$;

-- An entry of `skipped`.
create or replace function relay.passed_thread(p_name text, p_archived boolean, p_messages bigint)
  returns json
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return json_strip_nulls(json_build_object(
    'thread_name', p_name, 'archived', nullif(p_archived, false), 'message_count', p_messages));
end;
$$;

-- Passes over a reader's unread messages older than p_since, in one thread, or with p_thread_id null in all:
-- each cursor goes, from one snapshot, to the last message before the first that stays unread, which is one
-- that is not older or is addressed to the reader. Returns the threads in which messages were passed over, as
-- relay.introduce_reader does. Needs relay.lock_reader.
create or replace function relay.pass_over(
  p_user_id uuid, p_reader_tag text, p_thread_id uuid, p_since timestamptz,
  out skipped json, out skipped_count bigint)
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_folded constant text := relay.fold_name(p_reader_tag);
  v_ids uuid[];
  v_seqs bigint[];
begin
  with behind as materialized (
    select t.id, t.name, t.archived, t.last_seq, t.message_count,
      coalesce(t.last_message_at, t.created_at) as active_at, coalesce(c.last_read_seq, 0) as seq
    from public.relay_threads t
    left join public.relay_read_cursors c
      on c.user_id = p_user_id and c.reader_tag = p_reader_tag and c.thread_id = t.id
    where t.user_id = p_user_id and t.last_seq > coalesce(c.last_read_seq, 0)
      and (p_thread_id is null or t.id = p_thread_id)
  ), addressed as materialized (
    select b.id, min(m.seq) as seq
    from public.relay_messages m join behind b on b.id = m.thread_id and m.seq > b.seq
    where m.user_id = p_user_id
      and m.addressee is not null and relay.fold_name(m.addressee) = v_folded and m.created_at < p_since
      and relay.is_addressed(p_user_id, m.addressee, m.created_at, p_reader_tag)
    group by b.id
  ), targets as materialized (
    select b.*, (
      select max(m.seq) from public.relay_messages m
      where m.thread_id = b.id and m.seq <= b.last_seq and m.seq < coalesce(least((
        select m.seq from public.relay_messages m
        where m.thread_id = b.id and m.created_at >= p_since
        order by m.created_at limit 1), a.seq), b.last_seq + 1)) as target
    from behind b left join addressed a on a.id = b.id
  ), numbered as (
    select id, name, archived, target, messages,
      row_number() over (partition by messages > 0 order by active_at desc, id desc) as place
    from (
      select *, relay.count_unread(id, last_seq, message_count, p_reader_tag, seq, target + 1) as messages
      from targets where target > seq) passed
  )
  select array_agg(id), array_agg(target),
    json_agg(relay.passed_thread(name, archived, messages) order by place)
      filter (where messages > 0 and place <= 20),
    count(*) filter (where messages > 0)
  into v_ids, v_seqs, skipped, skipped_count
  from numbered;
  perform relay.move_cursors(p_user_id, p_reader_tag, v_ids, v_seqs);
end;
$$;

-- Messages that are addressed, and whether an answer is due --------------------------------------------

-- The outcome of a message that is addressed: the reader it is for; whether that reader has received it; the
-- seq of its answer; and whether it is open, which is to say that an answer is still due. It is answered by a
-- reply of that reader or of the person, or, once received, by a post of that reader without reply_to; one to
-- its own author by a reply only. It stays open for 30 days at most.
create or replace function relay.outcome(
  p_message_id uuid, out owner text, out is_given boolean, out answered_by bigint, out is_open boolean)
  language plpgsql stable security invoker
  set search_path = '' set enable_sort = off set enable_incremental_sort = off
as $$
declare
  v_message record;
begin
  select user_id, thread_id, seq, reader_tag, addressee, created_at,
    settled_at is null and redacted_at is null
      and created_at > clock_timestamp() - interval '30 days' as may_be_open
  into v_message
  from public.relay_messages where id = p_message_id;
  owner := relay.reader_for(v_message.user_id, v_message.addressee, v_message.created_at);
  is_given := v_message.seq <= coalesce((
    select last_read_seq from public.relay_read_cursors
    where thread_id = v_message.thread_id and reader_tag = owner), 0);
  -- Each in the order of the one index that has it, without sorting: otherwise a session that planned while
  -- the thread was short would read all of it from then on.
  select seq into answered_by from public.relay_messages
  where (thread_id, reply_to) >= (v_message.thread_id, v_message.seq)
    and (thread_id, reply_to) <= (v_message.thread_id, v_message.seq)
    and reply_to is not null and reader_tag in (owner, 'board')
  order by thread_id, reply_to, seq limit 1;
  if answered_by is null and is_given and owner is distinct from v_message.reader_tag then
    -- Its last post decides: a reply carries on what the post before it had answered.
    if relay.last_read_seq(v_message.thread_id, owner, v_message.seq) >= v_message.seq then
      select seq into answered_by from (
        select seq, read_seq from public.relay_messages
        where (thread_id, reader_tag, seq) > (v_message.thread_id, owner, v_message.seq)
          and (thread_id, reader_tag) <= (v_message.thread_id, owner)
          and reader_tag is not null and addressee is distinct from reader_tag
        order by thread_id, reader_tag, seq limit 1000) own
      where read_seq >= v_message.seq order by seq limit 1;
      is_open := false;
    end if;
  end if;
  is_open := coalesce(is_open, v_message.may_be_open and answered_by is null);
end;
$$;

-- The read_seq of a reader's last post after p_after; null without one.
create or replace function relay.last_read_seq(p_thread_id uuid, p_reader_tag text, p_after bigint)
  returns bigint
  language plpgsql stable security invoker
  set search_path = '' set enable_sort = off set enable_incremental_sort = off
as $$
begin
  return (
    select read_seq from public.relay_messages
    where (thread_id, reader_tag, seq) > (p_thread_id, p_reader_tag, p_after)
      and (thread_id, reader_tag) <= (p_thread_id, p_reader_tag)
      and reader_tag is not null and addressee is distinct from reader_tag
    order by thread_id desc, reader_tag desc, seq desc limit 1);
end;
$$;

-- The newest unread messages that are addressed to a reader, in any thread, each with the first 300 characters
-- of its text; at most three, and how many there are among the newest 20 to it of the last 30 days. Not those
-- that the answer has anyway (p_shown).
create or replace function relay.addressed_unread(
  p_user_id uuid, p_reader_tag text, p_shown uuid[], out messages json, out total bigint)
  language plpgsql stable security invoker
  set search_path = '' set plan_cache_mode = force_generic_plan
as $$
declare
  v_folded constant text := relay.fold_name(p_reader_tag);
begin
  -- First by itself, for a reader that is never addressed: to begin the statement below takes five times as long.
  perform from public.relay_messages
  where user_id = p_user_id and addressee is not null and relay.fold_name(addressee) = v_folded limit 1;
  if not found then
    return;
  end if;
  with newest as materialized (
    select id, thread_id, seq, addressee, created_at, redacted_at from public.relay_messages
    where user_id = p_user_id and addressee is not null and relay.fold_name(addressee) = v_folded
      and created_at > clock_timestamp() - interval '30 days'
    order by created_at desc limit 20
  ), above as materialized (
    select n.*
    from newest n
    left join public.relay_read_cursors c
      on c.user_id = p_user_id and c.reader_tag = p_reader_tag and c.thread_id = n.thread_id
    where n.seq > coalesce(c.last_read_seq, 0) and n.redacted_at is null and n.id <> all (p_shown)
  ), unread as (
    select a.id, t.name, t.archived, row_number() over (order by a.created_at desc, a.id) as place
    from above a join public.relay_threads t on t.id = a.thread_id
    where relay.is_addressed(p_user_id, a.addressee, a.created_at, p_reader_tag)
  )
  select json_agg(json_strip_nulls(json_build_object(
      'thread_name', u.name,
      'archived', nullif(u.archived, false),
      'seq', m.seq,
      'from', m.reader_tag,
      'content', left(m.content, 300),
      'content_length', case when octet_length(m.content) > 300 and char_length(m.content) > 300
        then char_length(m.content) end,
      'created_at', relay.show_time(m.created_at))) order by u.place) filter (where u.place <= 3),
    nullif(count(*), 0)
  into messages, total
  from unread u left join public.relay_messages m on m.id = u.id and u.place <= 3;
end;
$$;

-- Messages of a reader to others that are still open, newest first: at most three, and how many there are among
-- its newest 20 of the last seven days. Not p_except, which it has just posted, and no reply that was received,
-- which needs no answer.
create or replace function relay.sent(
  p_user_id uuid, p_reader_tag text, p_except uuid default null, out messages json, out total bigint)
  language plpgsql stable security invoker
  set search_path = '' set plan_cache_mode = force_generic_plan
as $$
begin
  -- As in relay.addressed_unread.
  perform from public.relay_messages
  where user_id = p_user_id and reader_tag = p_reader_tag and addressee is not null limit 1;
  if not found then
    return;
  end if;
  with newest as materialized (
    select id, thread_id, seq, addressee, reply_to, created_at from public.relay_messages
    where user_id = p_user_id and reader_tag = p_reader_tag and addressee is not null
      and created_at > clock_timestamp() - interval '7 days'
    order by created_at desc limit 20
  ), due as (
    select n.*, o.owner, o.is_given, row_number() over (order by n.created_at desc, n.id) as place
    from newest n cross join lateral relay.outcome(n.id) o
    where n.id is distinct from p_except and o.is_open and o.owner is distinct from p_reader_tag
      and (n.reply_to is null or not o.is_given)
  )
  select json_agg(json_strip_nulls(json_build_object(
      'thread_name', t.name, 'archived', nullif(t.archived, false), 'seq', d.seq,
      'to', coalesce(d.owner, d.addressee), 'given', d.is_given)) order by d.place)
      filter (where d.place <= 3),
    nullif(count(*), 0)
  into messages, total
  from due d join public.relay_threads t on t.id = d.thread_id;
end;
$$;

-- The ids of the open messages among the newest 1,000 that are addressed: in one thread, or with p_thread_id
-- null in all; to one reader, or with p_addressee null to any.
create or replace function relay.open_messages(p_user_id uuid, p_thread_id uuid, p_addressee text)
  returns setof uuid
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return query
  select newest.id from (
    select m.id from public.relay_messages m
    where m.user_id = p_user_id and m.addressee is not null
      and m.created_at > clock_timestamp() - interval '30 days'
      and (p_addressee is null or relay.fold_name(m.addressee) = relay.fold_name(p_addressee))
      and (p_thread_id is null or m.thread_id = p_thread_id)
    order by m.created_at desc limit 1000) newest
  cross join lateral relay.outcome(newest.id) o
  where o.is_open;
end;
$$;

-- Search ----------------------------------------------------------------------------------------------

-- The parts of a query: `words`, for the index, and null without a searchable word; `any_word`, the same
-- with any of them; `parts` and `excluded`, texts in lower case that may also be parts of words; and its
-- terms one by one. Parentheses count as spaces, and a `-` excludes only when a word follows it.
-- Raises RL005 (no search term) for a query that only excludes.
create or replace function relay.parse_query(
  p_query text, out words tsquery, out any_word tsquery, out parts text[], out excluded text[],
  out terms text[])
  language plpgsql immutable security invoker set search_path = ''
as $$
declare
  v_query constant text := translate(relay.without_accents(p_query), '()', '  ');
  v_has_or boolean;
begin
  -- Each term as a phrase of its words, the way they were indexed; the operators stay.
  with found as (
    select place, coalesce(term[1], '') as sign, coalesce(term[2], term[3]) as term,
      lower(coalesce(term[3], '')) = 'or' and term[1] is null as is_or
    from regexp_matches(v_query, '(-(?=[[:alnum:]_"]))?(?:"([^"]+)"|(\S+))', 'g')
      with ordinality as matches (term, place)
  ), phrases as (
    select *, case when is_or then 'or' else '"' || relay.words(term) || '"' end as phrase
    from (
      -- Between nothing and nothing, `or` is a word like any other.
      select place, sign, term, is_or and (select bool_or(sign = '' and not is_or) from found) as is_or
      from found) found
  )
  select
    websearch_to_tsquery('pg_catalog.simple', string_agg(sign || phrase, ' ' order by place)),
    websearch_to_tsquery('pg_catalog.simple',
        string_agg(phrase, ' or ' order by place) filter (where sign = '' and not is_or))
      && !!websearch_to_tsquery('pg_catalog.simple',
        coalesce(string_agg(phrase, ' or ' order by place) filter (where sign = '-'), '')),
    array_agg(term order by place) filter (where sign = '' and not is_or),
    coalesce(array_agg(lower(term) order by place) filter (where sign = '-'), '{}'),
    bool_or(is_or)
  into words, any_word, terms, excluded, v_has_or
  from phrases;

  if terms is null then
    raise exception 'the query has nothing to look for' using errcode = 'RL005';
  end if;
  -- querytree() is the part that an index can look up: nothing, if there is no word or only excluded ones.
  if querytree(words) in ('', 'T') then
    words := null;
  end if;
  -- With `or`, only the text as it stands can be looked for literally.
  parts := case
    when v_has_or then array[lower(relay.trim(v_query))]
    else (select array_agg(lower(term)) from unnest(terms) term) end;
end;
$$;

-- Whether a text has all of the parts and none of the excluded ones, which are in lower case and have no
-- accents. p_is_near says whether its accents are taken away, which takes ten times as long as the rest.
create or replace function relay.has_parts(
  p_text text, p_parts text[], p_excluded text[], p_is_near boolean)
  returns boolean
  language plpgsql immutable security invoker set search_path = ''
as $$
declare
  v_text constant text := lower(case when p_is_near then relay.without_accents(p_text) else p_text end);
  v_part text;
begin
  foreach v_part in array p_parts loop
    if strpos(v_text, v_part) = 0 then
      return false;
    end if;
  end loop;
  foreach v_part in array p_excluded loop
    if strpos(v_text, v_part) > 0 then
      return false;
    end if;
  end loop;
  return true;
end;
$$;

-- The newest messages that match every filter given, newest first, in one thread or, with p_thread_id
-- null, in all: the ids of at most p_limit, and over all threads the hits per thread among the matches that
-- it came across: the newest 1,000 messages, and 1,000 matches before them where p_limit needs those. (To
-- look for these always took twice as long for a word that every seventh of 100,000 messages had.) When no
-- message has all the words, those with any of them: `matched` is then 'any', and `missing_words` has the
-- terms that occur nowhere: as a word in none, and as part of one in none of the newest.
-- Raises RL005 (no search term).
--
-- The statement is put together from the filters that are there: with `p is null or ...` for each, a
-- cached plan took 17.9 s where this takes milliseconds.
create or replace function relay.search(
  p_user_id uuid, p_thread_id uuid, p_limit integer, p_since timestamptz, p_before_seq bigint,
  p_surface text, p_session_tag text, p_from text, p_addressee text, p_query text, p_open boolean,
  p_before text, out ids uuid[], out hits json, out matched text, out missing_words json)
  language plpgsql volatile security invoker
  set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = on
as $$
declare
  v_scope constant text := case when p_thread_id is null then 'm.user_id = $1' else 'm.thread_id = $2' end
    || case when p_before_seq is null then '' else ' and m.seq < $3' end
    || case when p_before is null then '' else
      ' and (m.created_at, m.id) < (split_part($13, ''/'', 1)::timestamptz, split_part($13, ''/'', 2)::uuid)' end;
  -- Whether readers differ in spelling only, so that each message is looked at for whom it is.
  v_has_twin constant boolean := p_addressee is not null and 1 < (
    select count(*) from public.relay_readers
    where user_id = p_user_id and relay.fold_name(reader_tag) = relay.fold_name(p_addressee));
  v_filters constant text := 'true'
    || case when p_since is null then '' else ' and m.created_at > $4' end
    || case when p_surface is null then '' else ' and m.surface = $5' end
    || case when p_session_tag is null then '' else ' and m.session_tag = $6' end
    || case when p_from is null then '' else ' and m.reader_tag = $12' end
    || case when p_addressee is null then '' else $sql$
      and m.addressee is not null
      and relay.fold_name(m.addressee) = relay.fold_name($7)
      $sql$ end
    || case when v_has_twin then 'and coalesce(relay.reader_for($1, m.addressee, m.created_at), $7) = $7'
      else '' end
    || case when p_open then $sql$
      and m.id in (select relay.open_messages($1, $2, $7))
      $sql$ else '' end;
  -- With p_since by time, for the index on it; within a thread both orders are one.
  v_order constant text := case
    when p_thread_id is null then 'm.created_at desc, m.id desc'
    when p_since is null then 'm.seq desc'
    else 'm.created_at desc, m.seq desc' end;
  v_query record;
  v_sql text;
begin
  if p_query is null then
    v_sql := format($sql$
      select m.id, m.thread_id, row_number() over (order by %3$s) as place
      from public.relay_messages m where %1$s and %2$s
      order by %3$s limit case when $2 is null then 1000 else $8 end
    $sql$, v_scope, v_filters, v_order);
    select null::tsquery as words, null::tsquery as any_word, null::text[] as parts,
      null::text[] as excluded, null::text[] as terms into v_query;
  else
    -- First the newest messages one by one, which finds parts of identifiers and of text without
    -- spaces: 1,000 at most and 5 MB, the newest MB without accents, for at most 8 terms. The inner limit is
    -- a fence. Then, if more is wanted, the index: materialized, or the planner may walk all messages from
    -- the newest on in the hope of a match. One statement, or a message posted between two would come last.
    v_sql := format($sql$
      with newest as materialized (
        select m.*, row_number() over (order by %3$s) as place
        from (
          select *, sum(octet_length(content)) over (order by %3$s) as bytes
          from (select * from public.relay_messages m where %1$s order by %3$s limit 1000) m
        ) m
        where bytes <= 5000000
          -- The first part is looked for here: calling a function for each message costs as much again.
          and (m.search @@ $9 or cardinality($10) <= 8
            and (strpos(lower(m.content), $10[1]) > 0 or octet_length(m.content) > char_length(m.content))
            and relay.has_parts(m.content, $10, $11, bytes <= 1000000))
          and %2$s
      ), older as materialized (
        select m.id, m.thread_id, row_number() over (order by %3$s) as place
        from public.relay_messages m
        where (select count(*) from newest) < $8
          and m.search @@ $9 and %1$s and %2$s and m.id not in (select id from newest)
        order by %3$s limit 1000
      )
      select id, thread_id, place from newest
      union all
      select id, thread_id, place + (select count(*) from newest) from older
    $sql$, v_scope, v_filters, v_order);
    v_query := relay.parse_query(p_query);
  end if;
  v_sql := format($sql$
    with found as materialized (
      select * from (%s) f order by place limit 1000
    )
    select coalesce((select array_agg(id order by place) from found where place <= $8), '{}'), (
      select json_agg(json_strip_nulls(json_build_object(
          'thread_name', t.name, 'archived', nullif(t.archived, false), 'hits', h.hits))
        order by h.hits desc, h.place)
      from (
        select thread_id, count(*) as hits, min(place) as place from found group by thread_id
        order by count(*) desc, min(place) limit 20) h
      join public.relay_threads t on t.id = h.thread_id
      where $2 is null and $13 is null)
  $sql$, v_sql);
  execute v_sql into ids, hits
  using p_user_id, p_thread_id, p_before_seq, p_since, p_surface, p_session_tag, p_addressee, p_limit,
    v_query.words, v_query.parts, v_query.excluded, p_from, p_before;
  if cardinality(ids) > 0 or p_query is null or cardinality(v_query.terms) < 2
    or querytree(v_query.any_word) in ('', 'T')
  then
    return;
  end if;

  -- Nothing has all the words. Null for the parts: any word is found by the index, and whole.
  execute v_sql into ids, hits
  using p_user_id, p_thread_id, p_before_seq, p_since, p_surface, p_session_tag, p_addressee, p_limit,
    v_query.any_word, null::text[], null::text[], p_from, p_before;
  if cardinality(ids) > 0 then
    matched := 'any';
    execute format($sql$
      with unindexed as materialized (
        select term, place
        from unnest($3[:20]) with ordinality as terms (term, place)
        where not exists (
          select from public.relay_messages m
          where %1$s and m.search @@ phraseto_tsquery('pg_catalog.simple', relay.words(term)))
        order by place limit 8
      ), newest as materialized (
        select lower(case when bytes <= 1000000 then relay.without_accents(content) else content end) as content
        from (
          select content, sum(octet_length(content)) over (order by %2$s) as bytes
          from (select * from public.relay_messages m where %1$s order by %2$s limit 1000) m
        ) m
        where bytes <= 5000000 and exists (select from unindexed)
      )
      select json_agg(term order by place) from unindexed
      where not exists (select from newest where strpos(content, lower(term)) > 0)
    $sql$, case when p_thread_id is null then 'm.user_id = $1' else 'm.thread_id = $2' end,
      case when p_thread_id is null then 'm.created_at desc, m.id desc' else 'm.seq desc' end)
    into missing_words using p_user_id, p_thread_id, v_query.terms;
  end if;
end;
$$;

-- The six tools -----------------------------------------------------------------------------------------
-- A lock is waited for at most 4 s, half of the API's statement timeout.

-- Threads, latest activity first; with p_reader_tag, how many messages of each that reader has not
-- received; with p_preview, the latest message of each in one line. Does not introduce a reader.
create or replace function public.relay_list_threads(
  p_user_id uuid, p_include_archived boolean default false, p_reader_tag text default null,
  p_query text default null, p_preview boolean default false, p_limit integer default 100,
  p_caller jsonb default '{}')
  returns json
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_query constant text := lower(relay.without_accents(p_query));
  v_is_new boolean;
  v_introduced_at timestamptz;
  v_known_readers json;
  v_ids uuid[];
  v_threads json;
  v_remaining bigint;
  v_archived bigint;
  v_addressed json;
  v_addressed_count bigint;
  v_due boolean;
begin
  perform relay.take_grant(p_user_id, p_caller);
  if p_reader_tag is not null then
    select messages, total into v_addressed, v_addressed_count
    from relay.addressed_unread(p_user_id, p_reader_tag, '{}');
    select is_new, introduced_at, known_readers
    into v_is_new, v_introduced_at, v_known_readers
    from relay.note_reader(p_user_id, p_reader_tag, false, p_caller);
  end if;

  -- First by the index, which starts with `archived`: hence two statements. One thread more than
  -- asked for tells whether the rest is worth counting, which the same statement does: a thread archived
  -- between two would be missing from one of them. Without a query the index is enough to count.
  if p_include_archived then
    select ids, case when cardinality(ids) <= p_limit then null when p_query is null then (
      select count(*) from public.relay_threads where user_id = p_user_id) - p_limit
      else (
      select count(*) from public.relay_threads
      where user_id = p_user_id
        and relay.has_text(name, description, v_query)) - p_limit end
    into v_ids, v_remaining
    from (
      select array(
        select id from public.relay_threads
        where user_id = p_user_id and (p_query is null
          or relay.has_text(name, description, v_query))
        order by active_slot desc, coalesce(last_message_at, created_at) desc, id desc
        limit p_limit + 1) as ids
      offset 0) listed;
  else
    select ids, case when cardinality(ids) <= p_limit then null when p_query is null then (
      select count(*) from public.relay_threads where user_id = p_user_id and not archived) - p_limit
      else (
      select count(*) from public.relay_threads
      where user_id = p_user_id and not archived
        and relay.has_text(name, description, v_query)) - p_limit end
    into v_ids, v_remaining
    from (
      select array(
        select id from public.relay_threads
        where user_id = p_user_id and not archived and (p_query is null
          or relay.has_text(name, description, v_query))
        order by active_slot desc, coalesce(last_message_at, created_at) desc, id desc
        limit p_limit + 1) as ids
      offset 0) listed;
  end if;

  select '[' || string_agg('{' || concat_ws(',',
      '"id":"' || t.id || '"',
      '"name":' || to_json(t.name),
      '"description":' || to_json(nullif(t.description, '')),
      -- As relay.full_time does, which would be called for each thread.
      to_char(t.last_message_at at time zone 'UTC',
        '"\"last_message_at\":\""YYYY-MM-DD"T"HH24:MI:SS.US"Z\""'),
      '"archived":' || t.archived,
      '"message_count":' || t.message_count,
      -- A client drops the messages that it has kept from before.
      to_char(t.changed_at at time zone 'UTC', '"\"changed_at\":\""YYYY-MM-DD"T"HH24:MI:SS.MS"Z\""'),
      -- Without an introduction, the unread messages of a thread without a cursor are unknown.
      case when p_reader_tag is not null
        and (c.last_read_seq is not null or v_introduced_at is not null) then '"unread_count":' ||
        relay.count_unread(t.id, t.last_seq, t.message_count, p_reader_tag,
          coalesce(c.last_read_seq, 0), t.last_seq + 1) end,
      case when p_preview then '"latest":' || relay.preview(t.id) end
    ) || '}', ',' order by listed.place) || ']'
  into v_threads
  from unnest(v_ids[:p_limit]) with ordinality as listed (id, place)
  join public.relay_threads t on t.id = listed.id
  left join public.relay_read_cursors c
    on c.user_id = p_user_id and c.reader_tag = p_reader_tag and c.thread_id = t.id;

  if v_threads is null and not p_include_archived then
    select count(*) into v_archived from public.relay_threads
    where user_id = p_user_id and archived and (p_query is null
      or relay.has_text(name, description, v_query));
  end if;

  v_due := nullif(exists (
    select from public.relay_deliveries
    where user_id = p_user_id and due_at <= clock_timestamp()), false);
  return json_build_object(
    'threads', coalesce(v_threads, '[]'),
    'remaining_count', coalesce(v_remaining, 0),
    'archived_count', nullif(v_archived, 0),
    'addressed_unread', v_addressed,
    'addressed_unread_count', case when v_addressed_count > 3 then v_addressed_count end,
    'readers', relay.other_readers(p_user_id, p_reader_tag, 20),
    'new_reader', nullif(v_is_new, false),
    'known_readers', v_known_readers,
    'due', v_due);
end;
$$;
revoke all on function public.relay_list_threads from public, anon, authenticated;
grant execute on function public.relay_list_threads to service_role;

-- Whether a thread's name or description has a text in it, which is in lower case and has no accents. Text of
-- ASCII is not looked at for them, which takes half of the time.
create or replace function relay.has_text(p_name text, p_description text, p_text text)
  returns boolean
  language plpgsql immutable security invoker set search_path = ''
as $$
declare
  v_text text := lower(concat_ws(E'\n', p_name, p_description));
begin
  if octet_length(v_text) > char_length(v_text) then
    v_text := relay.without_accents(v_text);
  end if;
  return strpos(v_text, p_text) > 0;
end;
$$;

-- The latest message of a thread in one line of at most 120 characters; null for an empty thread.
create or replace function relay.preview(p_thread_id uuid)
  returns text
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return (
    select '{' || concat_ws(',',
      '"seq":' || m.seq,
      '"surface":' || to_json(m.surface),
      '"session_tag":' || to_json(nullif(m.session_tag, '')),
      '"from":' || to_json(m.reader_tag),
      '"to":' || to_json(m.addressee),
      '"via":' || to_json(m.client),
      case when m.redacted_at is not null then '"redacted":true' end,
      '"excerpt":' || to_json(
        left(btrim(regexp_replace(left(m.content, 1000), '\s+', ' ', 'g')), 120))) || '}'
    from public.relay_messages m
    where m.thread_id = p_thread_id
    order by m.seq desc limit 1);
end;
$$;

-- Opens a thread. Raises RL002 (thread exists): its detail has the name of the thread that is there,
-- which may be spelled otherwise, and whether it is archived.
create or replace function public.relay_create_thread(
  p_user_id uuid, p_name text, p_description text default null, p_caller jsonb default '{}')
  returns json
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_id uuid;
  v_thread public.relay_threads;
begin
  perform relay.take_grant(p_user_id, p_caller);
  perform relay.lock_thread_name(p_user_id, p_name);
  v_id := relay.locate_thread(p_user_id, p_name);
  select * into v_thread from public.relay_threads where id = v_id;
  if v_thread.former_names @> array[relay.fold_name(p_name)] then
    -- Made on purpose, the name is this thread's from now on.
    update public.relay_threads set former_names = array_remove(former_names, relay.fold_name(p_name))
    where id = v_id;
    v_thread := null;
  end if;
  if v_thread.id is null then
    insert into public.relay_threads (user_id, name, description)
    values (p_user_id, relay.trim(p_name), p_description)
    on conflict (user_id, name) do nothing
    returning * into v_thread;
    if found then
      return json_build_object(
        'id', v_thread.id,
        'name', v_thread.name,
        'created_at', relay.full_time(v_thread.created_at),
        'due', relay.is_due(p_user_id));
    end if;
    -- A 0.1.0 Worker, which does not take the lock, was first.
    select * into v_thread from public.relay_threads
    where user_id = p_user_id and name = relay.trim(p_name);
  end if;
  raise exception 'thread "%" already exists', v_thread.name using errcode = 'RL002',
    detail = json_build_object('name', v_thread.name, 'archived', v_thread.archived)::text;
end;
$$;
revoke all on function public.relay_create_thread from public, anon, authenticated;
grant execute on function public.relay_create_thread to service_role;

-- Posts a message under the id that the caller chose, so that posting the same id again, after an answer
-- that never came, returns the stored message. Creates a missing thread and reopens an archived one. A new
-- p_reader_tag is introduced before its post takes its place. A reply (p_reply_to) without p_to is addressed to
-- the author of the message that it answers, or, if that is the poster itself, to that message's addressee.
-- p_notify: `for`, the folded names whose messages the person is notified of, and `origin`, the relay's own
-- address for the link.
-- Raises RL003 (idempotency key used for another message), RL009 (several threads match), RL010 (no message
-- with the seq p_reply_to).
create or replace function public.relay_post_message(
  p_user_id uuid, p_message_id uuid, p_thread_name text, p_content text, p_surface text,
  p_session_tag text default null, p_metadata jsonb default null, p_reader_tag text default null,
  p_to text default null, p_idempotency_key text default null, p_caller jsonb default '{}',
  p_reply_to bigint default null, p_notify jsonb default null)
  returns json
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_void text;
  -- Null where the caller may make no further reader: the post is taken, and no bookmark is kept.
  v_reader_tag text;
  v_is_new boolean;
  v_introduced_at timestamptz;
  v_known_readers json;
  v_skipped json;
  v_skipped_count bigint;
  v_answered public.relay_messages;
  v_addressee public.relay_readers;
  v_to text := p_to;
  v_id uuid;
  v_thread public.relay_threads;
  v_created boolean := false;
  v_message public.relay_messages;
  v_read bigint;
  v_read_seq bigint;
  v_unread bigint;
  v_addressed json;
  v_addressed_count bigint;
  v_sent json;
  v_sent_count bigint;
  v_only_posts boolean;
  v_is_only_reader boolean;
  v_other_threads json;
  v_other_readers json;
  v_has_targets boolean;
begin
  v_void := relay.take_grant(p_user_id, p_caller);
  if p_reader_tag is not null then
    v_void := relay.lock_reader(p_user_id, p_reader_tag);
    select case when is_known then p_reader_tag end, is_new, introduced_at, known_readers
    into v_reader_tag, v_is_new, v_introduced_at, v_known_readers
    from relay.note_reader(p_user_id, p_reader_tag, true, p_caller);
    -- The key is looked up here only so that a duplicate does not introduce a reader: this look is too
    -- early to decide whether to post.
    if v_introduced_at is null and p_idempotency_key is not null then
      v_id := relay.locate_thread(p_user_id, p_thread_name);
      select * into v_message from public.relay_messages
      where thread_id = v_id and idempotency_key = p_idempotency_key;
    end if;
    if v_introduced_at is null and v_message.id is null and v_reader_tag is not null then
      select skipped, skipped_count into v_skipped, v_skipped_count
      from relay.introduce_reader(p_user_id, p_reader_tag);
    end if;
  end if;
  v_void := relay.lock_thread_name(p_user_id, p_thread_name);
  -- Now that an earlier attempt with this id has finished, and before a thread is opened: the one that it
  -- posted to may have been renamed by hand since. By the id only, or an index that finds a user's or a
  -- thread's messages could seem as good while there are few.
  select * into v_message from public.relay_messages where id = p_message_id;
  if v_message.user_id = p_user_id then
    select * into v_thread from public.relay_threads where id = v_message.thread_id;
    return relay.posted_before(v_message, v_thread.name, false, v_is_new,
      v_known_readers, v_skipped, v_skipped_count);
  end if;

  -- The thread of exactly that name, in one statement. A row that was renamed meanwhile is not returned.
  select * into v_thread from public.relay_threads
  where user_id = p_user_id and name = p_thread_name
  for no key update;
  while v_thread.id is null loop
    v_id := relay.locate_thread(p_user_id, p_thread_name);
    if v_id is null and p_reply_to is not null then
      perform relay.refuse_seq(p_thread_name, p_reply_to);
    elsif v_id is null then
      insert into public.relay_threads (user_id, name)
      values (p_user_id, relay.trim(p_thread_name))
      on conflict (user_id, name) do nothing;
      v_created := found;
    else
      -- Renamed or deleted by hand since: look again.
      select * into v_thread from public.relay_threads
      where id = v_id and (relay.fold_name(name) = relay.fold_name(p_thread_name)
        or former_names @> array[relay.fold_name(p_thread_name)])
      for no key update;
    end if;
  end loop;

  if p_reply_to is not null then
    select * into v_answered from public.relay_messages
    where thread_id = v_thread.id and seq = p_reply_to;
    if v_to is null then
      v_to := case when v_answered.reader_tag is distinct from p_reader_tag then v_answered.reader_tag
        else nullif(v_answered.addressee, p_reader_tag) end;
    end if;
  end if;
  if v_to is not null then
    v_addressee := relay.resolve_reader(p_user_id, v_to);
    v_to := coalesce(v_addressee.reader_tag, relay.drop_at(v_to));
  end if;

  -- Only now, under the lock: before it, two calls with one key would both find nothing.
  if p_idempotency_key is not null then
    select * into v_message from public.relay_messages
    where thread_id = v_thread.id and idempotency_key = p_idempotency_key;
    -- The same `to` may have been stored as the caller wrote it, or as the name of the reader it means.
    if found and v_message.redacted_at is null and (
      (v_message.content, v_message.surface, v_message.metadata, v_message.reply_to,
        relay.fold_name(v_message.addressee))
      is distinct from (p_content, p_surface, p_metadata, p_reply_to, relay.fold_name(v_to)))
    then
      raise exception 'idempotency key "%" already belongs to another message', p_idempotency_key
        using errcode = 'RL003', detail = v_message.seq::text;
    elsif found then
      return relay.posted_before(v_message, v_thread.name, true, v_is_new,
        v_known_readers, v_skipped, v_skipped_count);
    end if;
  end if;

  if p_reply_to is not null and (v_answered.id is null or v_answered.redacted_at is not null) then
    perform relay.refuse_seq(v_thread.name, p_reply_to);
  end if;

  if v_reader_tag is not null then
    v_read := coalesce((
      select last_read_seq from public.relay_read_cursors
      where thread_id = v_thread.id and reader_tag = p_reader_tag), 0);
    -- A reply answers one message: what the post before it answered, it carries on.
    v_read_seq := case when p_reply_to is null then v_read
      else relay.last_read_seq(v_thread.id, p_reader_tag, 0) end;
  end if;

  -- The time is taken here, under the lock: a default, now() or a value from outside is older than the
  -- wait for it, and would run backwards from one seq to the next. Never the same time twice in a
  -- thread, or a cursor by time (0.1.0) would take both messages for read.
  update public.relay_threads t
  set last_seq = t.last_seq + 1,
      message_count = t.message_count + 1,
      last_message_at = greatest(t.last_message_at + interval '1 microsecond', clock_timestamp()),
      archived = false
  where t.id = v_thread.id
  returning t.last_seq, t.last_message_at into v_message.seq, v_message.created_at;

  insert into public.relay_messages (
    id, thread_id, user_id, seq, surface, session_tag, content, metadata, idempotency_key, created_at,
    reader_tag, addressee, client, reply_to, read_seq)
  values (
    p_message_id, v_thread.id, p_user_id, v_message.seq, p_surface, p_session_tag, p_content,
    p_metadata, p_idempotency_key, v_message.created_at, p_reader_tag, v_to, p_caller ->> 'client',
    p_reply_to, v_read_seq);

  if v_reader_tag is not null then
    -- Looked for in the first 1,000 seqs only: a post must not count a backlog of any length.
    v_unread := relay.count_unread(v_thread.id, v_message.seq, v_thread.message_count + 1,
      p_reader_tag, v_read, least(v_message.seq, v_read + 1001));
    -- A reader that had read everything has read this too, unless it should receive it.
    if v_unread = 0 and v_read + 1001 >= v_message.seq and v_to is distinct from p_reader_tag then
      -- As relay.move_cursors does, which would look up the thread and the message again.
      insert into public.relay_read_cursors as c
        (thread_id, user_id, reader_tag, last_read_seq, last_read_at)
      values (v_thread.id, p_user_id, p_reader_tag, v_message.seq, v_message.created_at)
      on conflict (thread_id, reader_tag) do update
      set last_read_seq = excluded.last_read_seq, last_read_at = excluded.last_read_at,
        updated_at = now()
      where c.last_read_seq < excluded.last_read_seq;
    end if;
    v_is_only_reader := not exists (
      select from public.relay_readers where user_id = p_user_id and reader_tag <> p_reader_tag);
    select messages, total into v_addressed, v_addressed_count
    from relay.addressed_unread(p_user_id, p_reader_tag, array[p_message_id]);
    select messages, total into v_sent, v_sent_count
    from relay.sent(p_user_id, p_reader_tag, p_message_id);
  end if;
  if v_created then
    v_other_threads := (
      select json_agg(json_build_object(
        'name', name, 'message_count', message_count, 'archived', archived))
      from (
        select name, message_count, archived from public.relay_threads
        where user_id = p_user_id and id <> v_thread.id
        order by coalesce(last_message_at, created_at) desc, id desc limit 200) latest);
  end if;

  if v_to is not null and v_addressee.reader_tag is null then
    v_other_readers := relay.other_readers(p_user_id, p_reader_tag, 50);
    v_only_posts := exists (
      select from (
        select session_tag from public.relay_messages
        where user_id = p_user_id order by created_at desc limit 1000) latest
      where relay.fold_name(latest.session_tag) = relay.fold_name(v_to));
  end if;

  -- Last, and in an order that all posts keep.
  v_has_targets := p_notify is not null
    or exists (select from public.relay_targets where user_id = p_user_id);
  if v_has_targets then
    select * into v_message from public.relay_messages where id = p_message_id;
    perform relay.queue_deliveries(v_message, v_thread, v_addressee.reader_tag is not null, p_notify);
  end if;

  -- Without a query in it, this needs no plan; with the two above, planning it took as long as the insert.
  return json_build_object(
    'id', p_message_id,
    'thread_id', v_thread.id,
    'thread_name', v_thread.name,
    'seq', v_message.seq,
    -- As relay.full_time does.
    'created_at', to_char(v_message.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'unread_count', v_unread,
    'addressed_unread', v_addressed,
    'addressed_unread_count', case when v_addressed_count > 3 then v_addressed_count end,
    'sent', v_sent,
    'sent_count', case when v_sent_count > 3 then v_sent_count end,
    'unread_count_is_minimum',
      case when v_read + 1001 < v_message.seq then true end,
    'thread_created', case when v_created then true end,
    'thread_reopened', case when v_thread.archived then true end,
    'to', v_to,
    'to_last_seen_at', case when v_addressee.last_seen_at is not null
      then relay.show_time(v_addressee.last_seen_at) end,
    -- An unknown addressee may be the name of a session that posts, or a slip for another reader.
    'to_only_posts', nullif(v_only_posts, false),
    'other_readers', v_other_readers,
    'only_reader', nullif(v_is_only_reader, false),
    'new_reader', nullif(v_is_new, false),
    'known_readers', v_known_readers,
    'skipped', v_skipped,
    'skipped_thread_count', nullif(v_skipped_count, 0),
    'other_threads', v_other_threads,
    'due', case when v_has_targets then relay.is_due(p_user_id) end);
end;
$$;
revoke all on function public.relay_post_message from public, anon, authenticated;
grant execute on function public.relay_post_message to service_role;

-- The answer to a post whose message is already there. Whether an earlier attempt created, reopened or
-- introduced anything is not told again, because nothing remembers it.
create or replace function relay.posted_before(
  p_message public.relay_messages, p_thread_name text, p_is_duplicate boolean, p_is_new boolean,
  p_known_readers json, p_skipped json, p_skipped_count bigint)
  returns json
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return json_build_object(
    'id', p_message.id,
    'thread_id', p_message.thread_id,
    'thread_name', p_thread_name,
    'seq', p_message.seq,
    'created_at', relay.full_time(p_message.created_at),
    'duplicate', nullif(p_is_duplicate, false),
    'new_reader', nullif(p_is_new, false),
    'known_readers', p_known_readers,
    'skipped', p_skipped,
    'skipped_thread_count', nullif(p_skipped_count, 0),
    -- The first attempt may have ended before its deliveries were sent.
    'due', relay.is_due(p_message.user_id));
end;
$$;

-- Raises RL010: the thread of that name has no message with that seq.
create or replace function relay.refuse_seq(p_thread_name text, p_seq bigint)
  returns void
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  raise exception 'thread "%" has no message with seq %', p_thread_name, p_seq using
    errcode = 'RL010', detail = json_build_object('name', p_thread_name, 'seq', p_seq)::text;
end;
$$;

-- Messages of one thread, or with p_thread_name null those that a search finds in all, newest first, and on
-- from p_before, the `next_before` of the page before; with p_seq that one message, whole. Moves the reader's cursor over an unfiltered window that joins onto the
-- messages it has read. Does not introduce a reader.
-- Raises RL001 (thread not found), RL005 (no search term), RL009 (several threads match), RL010 (no
-- message with that seq).
create or replace function public.relay_read_thread(
  p_user_id uuid, p_thread_name text default null, p_limit integer default 50,
  p_since timestamptz default null, p_reader_tag text default null, p_before_seq bigint default null,
  p_seq bigint default null, p_surface text default null, p_session_tag text default null,
  p_to text default null, p_query text default null, p_max_bytes integer default 60000,
  p_max_content integer default null, p_overhead integer default 238, p_from text default null,
  p_caller jsonb default '{}', p_open boolean default null, p_before text default null)
  returns json
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_is_search constant boolean :=
    num_nonnulls(p_since, p_surface, p_session_tag, p_from, p_to, p_query, p_open) > 0;
  v_moves boolean :=
    num_nonnulls(p_before_seq, p_seq) = 0 and not v_is_search and p_reader_tag is not null;
  v_is_new boolean;
  v_known_readers json;
  v_thread public.relay_threads;
  v_ids uuid[];
  v_hits json;
  v_matched text;
  v_missing_words json;
  v_messages json;
  v_packed bigint[];
  v_packed_ids uuid[];
  v_newest bigint;
  v_oldest bigint;
  v_older bigint;
  v_read bigint;
  v_unread bigint;
  v_moved json;
  v_next_before text;
  v_addressed json;
  v_addressed_count bigint;
  v_due boolean;
begin
  perform relay.take_grant(p_user_id, p_caller);
  if p_reader_tag is not null then
    if v_moves then
      perform relay.lock_reader(p_user_id, p_reader_tag);
    end if;
    select note.may_move and v_moves, note.is_new, note.known_readers
    into v_moves, v_is_new, v_known_readers
    from relay.note_reader(p_user_id, p_reader_tag, v_moves, p_caller) note;
  end if;
  if p_thread_name is not null then
    v_thread := relay.find_thread(p_user_id, p_thread_name);
  end if;

  if v_is_search then
    -- One id more than asked for tells whether there is more.
    select ids, hits, matched, missing_words into v_ids, v_hits, v_matched, v_missing_words
    from relay.search(p_user_id, v_thread.id, p_limit + 1, p_since, p_before_seq, p_surface,
      p_session_tag,
      coalesce((relay.resolve_reader(p_user_id, p_from)).reader_tag, relay.drop_at(p_from)),
      coalesce((relay.resolve_reader(p_user_id, p_to)).reader_tag, relay.drop_at(p_to)),
      p_query, p_open, p_before);
  elsif p_seq is not null then
    v_ids := array(
      select id from public.relay_messages where thread_id = v_thread.id and seq = p_seq);
    if cardinality(v_ids) = 0 then
      perform relay.refuse_seq(v_thread.name, p_seq);
    end if;
  else
    -- The counts again, in the statement that chooses the messages.
    select t.last_seq, t.message_count, array(
      select m.id from public.relay_messages m
      where m.thread_id = t.id and m.seq < coalesce(p_before_seq, t.last_seq + 1)
      order by m.seq desc limit p_limit)
    into v_thread.last_seq, v_thread.message_count, v_ids
    from public.relay_threads t where t.id = v_thread.id;
  end if;

  select packed.messages, packed.seqs, packed.ids into v_messages, v_packed, v_packed_ids
  from relay.pack_messages(v_ids[:p_limit], p_max_bytes, p_max_content, p_overhead,
    p_thread_name is null, p_reader_tag) packed;

  if p_thread_name is not null and p_seq is null then
    select min(seq), max(seq) into v_oldest, v_newest from unnest(v_packed) as packed (seq);
    v_oldest := coalesce(v_oldest, p_before_seq, v_thread.last_seq + 1);
    if not v_is_search then
      v_older := relay.count_unread(
        v_thread.id, v_thread.last_seq, v_thread.message_count, null, 0, v_oldest);
    end if;
    if p_reader_tag is not null then
      v_read := coalesce((
        select last_read_seq from public.relay_read_cursors
        where thread_id = v_thread.id and reader_tag = p_reader_tag), 0);
      v_unread := relay.count_unread(
        v_thread.id, v_thread.last_seq, v_thread.message_count, p_reader_tag, v_read, v_oldest);
      if v_moves and v_unread = 0 and v_newest > v_read then
        perform relay.move_cursors(
          p_user_id, p_reader_tag, array[v_thread.id], array[v_newest]);
        v_moved := json_build_array(json_build_object(
          'thread_id', v_thread.id, 'from', v_read, 'to', v_newest));
        update public.relay_readers set last_given_at = clock_timestamp()
        where user_id = p_user_id and reader_tag = p_reader_tag;
      end if;
    end if;
  end if;

  if p_thread_name is null and cardinality(v_packed) < cardinality(v_ids) then
    select relay.full_time(created_at) || '/' || id into v_next_before
    from public.relay_messages where id = v_packed_ids[cardinality(v_packed_ids)];
  end if;
  if p_reader_tag is not null then
    select messages, total into v_addressed, v_addressed_count
    from relay.addressed_unread(p_user_id, p_reader_tag, v_packed_ids);
  end if;
  v_due := nullif(exists (
    select from public.relay_deliveries
    where user_id = p_user_id and due_at <= clock_timestamp()), false);
  return json_build_object(
    'due', v_due,
    'thread_name', v_thread.name,
    'thread_id', v_thread.id,
    'archived', nullif(v_thread.archived, false),
    'messages', v_messages,
    'uncut_count', case when cardinality(v_packed) < cardinality(v_ids[:p_limit])
      then cardinality(v_ids[:p_limit]) end,
    'older_count', v_older,
    -- How many more match a search is not counted: that would read the whole thread.
    'has_more', case when v_is_search then cardinality(v_packed) < cardinality(v_ids) end,
    'next_before_seq', case
      when p_thread_name is null or p_seq is not null then null
      when v_older > 0 or cardinality(v_packed) < cardinality(v_ids) then v_oldest end,
    'next_before', v_next_before,
    'unread_older_count', v_unread,
    'addressed_unread', v_addressed,
    'addressed_unread_count', case when v_addressed_count > 3 then v_addressed_count end,
    'threads', v_hits,
    'matched', v_matched,
    'missing_words', v_missing_words,
    'new_reader', nullif(v_is_new, false),
    'known_readers', v_known_readers,
    'moved', v_moved);
end;
$$;
revoke all on function public.relay_read_thread from public, anon, authenticated;
grant execute on function public.relay_read_thread to service_role;

-- The messages after the reader's cursor, oldest first, without its own posts, and the cursor moved over
-- exactly those; in one thread, or with p_thread_name null in all of them, archived ones included, the
-- least recently active first. The first check of all threads introduces the reader. With p_since what is
-- older counts as read, save what is addressed to the reader; with p_since and p_peek it is left out, and
-- the reader is not introduced.
-- Raises RL001 (thread not found), RL004 (ack_seq beyond the thread's end), RL009 (several threads match),
-- RL011 (the reader of another connection), RL012 (too many new readers), RL013 (p_since is ahead of the
-- clock): its detail is the clock's time.
create or replace function public.relay_check_new(
  p_user_id uuid, p_reader_tag text, p_thread_name text default null, p_limit integer default 100,
  p_peek boolean default false, p_ack_seq bigint default null, p_max_bytes integer default 60000,
  p_max_content integer default null, p_overhead integer default 238, p_caller jsonb default '{}',
  p_since timestamptz default null)
  returns json
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_now constant timestamptz := clock_timestamp();
  v_void text;
  v_introduces constant boolean := p_thread_name is null and not (p_peek and p_since is not null);
  v_is_known boolean;
  v_may_move boolean;
  v_is_new boolean;
  v_introduced_at timestamptz;
  v_last_given_at timestamptz;
  v_known_readers json;
  v_skipped json;
  v_skipped_count bigint;
  v_thread public.relay_threads;
  v_read bigint;
  v_moved json;
  v_moved_ids uuid[];
  v_moved_seqs bigint[];
  v_acknowledged bigint;
  v_has_all boolean;
  v_thread_ids uuid[];
  v_reads bigint[];
  v_unreads bigint[];
  v_unread bigint := 0;
  v_own bigint := 0;
  v_ids uuid[];
  v_messages json := '[]';
  v_packed uuid[] := '{}';
  v_seqs bigint[];
  v_remaining json;
  v_addressed json;
  v_addressed_count bigint;
  v_sent json;
  v_sent_count bigint;
  v_due boolean;
begin
  v_void := relay.take_grant(p_user_id, p_caller);
  if p_since > v_now then
    raise exception 'since is ahead of the clock' using errcode = 'RL013', detail = relay.show_time(v_now);
  end if;
  -- A peek that acknowledges nothing moves nothing, so it takes no lock, unless it introduces.
  if not p_peek or p_ack_seq is not null or v_introduces and not exists (
    select from public.relay_readers
    where user_id = p_user_id and reader_tag = p_reader_tag and introduced_at is not null)
  then
    v_void := relay.lock_reader(p_user_id, p_reader_tag);
  end if;
  select is_known, may_move, is_new, introduced_at, last_given_at, known_readers
  into v_is_known, v_may_move, v_is_new, v_introduced_at, v_last_given_at, v_known_readers
  from relay.note_reader(p_user_id, p_reader_tag, not p_peek, p_caller);
  if not v_is_known or not v_may_move and (not p_peek or p_ack_seq is not null) then
    perform relay.refuse_reader(p_user_id, p_reader_tag, p_caller);
  end if;
  if p_thread_name is not null then
    v_thread := relay.find_thread(p_user_id, p_thread_name);
  end if;
  if p_since is not null and not p_peek then
    update public.relay_readers set introduced_at = v_now
    where user_id = p_user_id and reader_tag = p_reader_tag
      and introduced_at is null and p_thread_name is null;
    select skipped, skipped_count into v_skipped, v_skipped_count
    from relay.pass_over(p_user_id, p_reader_tag, v_thread.id, p_since);
  elsif v_introduces and v_introduced_at is null and v_may_move then
    select skipped, skipped_count into v_skipped, v_skipped_count
    from relay.introduce_reader(p_user_id, p_reader_tag);
  end if;

  if v_thread.id is not null then
    v_read := coalesce((
      select last_read_seq from public.relay_read_cursors
      where thread_id = v_thread.id and reader_tag = p_reader_tag), 0);
    if p_ack_seq > v_thread.last_seq then
      raise exception 'ack_seq % is above the last seq of thread "%", %',
        p_ack_seq, v_thread.name, v_thread.last_seq using errcode = 'RL004',
        detail = json_build_object('name', v_thread.name, 'last_seq', v_thread.last_seq)::text;
    elsif p_ack_seq is not null then
      v_acknowledged := relay.count_unread(v_thread.id, v_thread.last_seq,
        v_thread.message_count, p_reader_tag, v_read, p_ack_seq + 1);
      -- To a message that exists: a cursor beyond would hide messages that an import puts there.
      perform relay.move_cursors(p_user_id, p_reader_tag, array[v_thread.id], array[m.seq])
      from (
        select max(seq) as seq from public.relay_messages
        where thread_id = v_thread.id and seq <= p_ack_seq) m
      where m.seq > v_read;
    end if;
    v_has_all := v_thread.last_seq <= greatest(v_read, p_ack_seq);
  -- A polling reader usually has everything. Two sums tell, at half the price of a look at each thread:
  -- no cursor is ever above its thread's last seq, so equal sums are equal seqs.
  else
    v_has_all := (select sum(last_seq) from public.relay_threads where user_id = p_user_id) = (
      select sum(last_read_seq) from public.relay_read_cursors
      where user_id = p_user_id and reader_tag = p_reader_tag);
  end if;

  -- Unread messages are counted by seq, and only as many threads are read as fill the answer.
  if v_has_all is not true then
    with pending as materialized (
      select * from relay.pending_threads(
        p_user_id, p_reader_tag, v_thread.id, case when p_peek then p_since end)
    ), turns as (
      select *, sum(unread) over (order by last_message_at, thread_id) - unread as unread_before
      from pending where unread > 0
    ), picked as (
      select m.id, m.seq, turns.last_message_at, turns.thread_id
      from turns
      cross join lateral (
        select m.id, m.seq from public.relay_messages m
        where m.thread_id = turns.thread_id and m.seq > turns.read_seq
          and (m.reader_tag is distinct from p_reader_tag or m.addressee = m.reader_tag)
        order by m.seq limit p_limit) m
      where turns.unread_before < p_limit
      order by turns.last_message_at, turns.thread_id, m.seq
      limit p_limit
    )
    select
      (select array_agg(id order by last_message_at, thread_id, seq) from picked),
      array_agg(thread_id order by last_message_at, thread_id),
      array_agg(read_seq order by last_message_at, thread_id),
      array_agg(unread order by last_message_at, thread_id),
      coalesce(sum(unread), 0), coalesce(sum(own), 0)
    into v_ids, v_thread_ids, v_reads, v_unreads, v_unread, v_own
    from pending;
  end if;

  if v_ids is not null then
    select packed.messages, packed.ids, packed.seqs into v_messages, v_packed, v_seqs
    from relay.pack_messages(
      v_ids, p_max_bytes, p_max_content, p_overhead, p_thread_name is null, p_reader_tag) packed;
  end if;
  if not p_peek and v_unread + v_own > 0 then
    -- Over the returned messages, and over own posts that join onto them.
    select json_agg(json_build_object(
        'thread_id', moved.thread_id, 'from', moved.read_seq, 'to', moved.seq)),
      array_agg(moved.thread_id), array_agg(moved.seq)
    into v_moved, v_moved_ids, v_moved_seqs
    from (
      select pending.thread_id, pending.read_seq, relay.step_over_own(
        pending.thread_id, p_reader_tag, coalesce(given.seq, pending.read_seq)) as seq
      from unnest(v_thread_ids, v_reads, v_unreads) as pending (thread_id, read_seq, unread)
      left join (
        -- Of one thread nothing needs to be looked up.
        select v_thread.id as thread_id, max(seq) as seq from unnest(v_seqs) as packed (seq)
        where v_thread.id is not null
        union all
        select thread_id, max(seq) from public.relay_messages
        where v_thread.id is null and id = any (v_packed) group by thread_id
      ) given on given.thread_id = pending.thread_id
      where given.seq is not null or pending.unread = 0
      offset 0) moved
    where moved.seq > moved.read_seq;
    if v_moved is not null then
      perform relay.move_cursors(p_user_id, p_reader_tag, v_moved_ids, v_moved_seqs);
    end if;
    v_unread := v_unread - cardinality(v_packed);
    if cardinality(v_packed) > 0 then
      update public.relay_readers set last_given_at = clock_timestamp()
      where user_id = p_user_id and reader_tag = p_reader_tag;
    end if;
  end if;

  if v_unread > 0 and v_thread.id is not null then
    v_remaining := json_build_array(
      relay.unread_thread(v_thread.name, v_thread.archived, v_unread));
  elsif v_unread > 0 then
    select json_agg(relay.unread_thread(t.name, t.archived, left_over.unread) order by left_over.place)
    into v_remaining
    from (
      select pending.thread_id, pending.place,
        pending.unread - case when p_peek then 0 else coalesce(given.messages, 0) end as unread
      from unnest(v_thread_ids, v_unreads) with ordinality as pending (thread_id, unread, place)
      left join (
        select thread_id, count(*) as messages from public.relay_messages
        where id = any (v_packed) group by thread_id) given on given.thread_id = pending.thread_id
      where pending.unread > case when p_peek then 0 else coalesce(given.messages, 0) end
      order by pending.place limit 20) left_over
    join public.relay_threads t on t.id = left_over.thread_id;
  end if;
  -- A reader that has received everything has nothing addressed to it unread either.
  if v_thread.id is not null or v_has_all is not true then
    select messages, total into v_addressed, v_addressed_count
    from relay.addressed_unread(p_user_id, p_reader_tag, v_packed);
  end if;
  select messages, total into v_sent, v_sent_count from relay.sent(p_user_id, p_reader_tag);
  v_due := nullif(exists (
    select from public.relay_deliveries
    where user_id = p_user_id and due_at <= clock_timestamp()), false);
  return json_build_object(
    'due', v_due,
    'thread_name', v_thread.name,
    'thread_id', v_thread.id,
    'archived', nullif(v_thread.archived, false),
    'new_message_count', cardinality(v_packed),
    'messages', v_messages,
    'uncut_count', case when cardinality(v_packed) < cardinality(v_ids) then cardinality(v_ids) end,
    'remaining_count', v_unread,
    'remaining', v_remaining,
    'addressed_unread', v_addressed,
    'addressed_unread_count', case when v_addressed_count > 3 then v_addressed_count end,
    'sent', v_sent,
    'sent_count', case when v_sent_count > 3 then v_sent_count end,
    -- Once everything has been returned: until then some of them have not been reached.
    'own_message_count', case when v_unread = 0 then v_own end,
    'acknowledged_count', v_acknowledged,
    'last_given_at', case when cardinality(v_packed) = 0
      then relay.show_time(v_last_given_at) end,
    'now', relay.show_time(v_now),
    'new_reader', nullif(v_is_new, false),
    'known_readers', v_known_readers,
    'skipped', v_skipped,
    'skipped_thread_count', nullif(v_skipped_count, 0),
    -- Not for the caller: relay_give_back needs it if the caller has gone meanwhile.
    'moved', v_moved);
end;
$$;
revoke all on function public.relay_check_new from public, anon, authenticated;
grant execute on function public.relay_check_new to service_role;

-- The threads in which a reader has something above its cursor: the messages of others, and its own.
-- With p_thread_id only that thread; with p_since nothing older.
create or replace function relay.pending_threads(
  p_user_id uuid, p_reader_tag text, p_thread_id uuid, p_since timestamptz)
  returns table (thread_id uuid, last_message_at timestamptz, read_seq bigint, unread bigint, own bigint)
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  if p_thread_id is null then
    return query
    select t.id, t.last_message_at, r.read_seq, counted.unread,
      relay.count_unread(t.id, t.last_seq, t.message_count, null, r.read_seq, t.last_seq + 1)
        - counted.unread
    from public.relay_threads t
    left join public.relay_read_cursors c
      on c.user_id = p_user_id and c.reader_tag = p_reader_tag and c.thread_id = t.id
    cross join lateral (select case when p_since is null then coalesce(c.last_read_seq, 0)
      else greatest(c.last_read_seq, relay.seq_before(t.id, p_since)) end as read_seq) r
    cross join lateral (select relay.count_unread(t.id, t.last_seq, t.message_count,
      p_reader_tag, r.read_seq, t.last_seq + 1) as unread offset 0) counted
    where t.user_id = p_user_id and t.last_seq > coalesce(c.last_read_seq, 0)
      and (p_since is null or t.last_message_at >= p_since);
  else
    return query
    select t.id, t.last_message_at, r.read_seq, counted.unread,
      relay.count_unread(t.id, t.last_seq, t.message_count, null, r.read_seq, t.last_seq + 1)
        - counted.unread
    from public.relay_threads t
    left join public.relay_read_cursors c on c.reader_tag = p_reader_tag and c.thread_id = t.id
    cross join lateral (select case when p_since is null then coalesce(c.last_read_seq, 0)
      else greatest(c.last_read_seq, relay.seq_before(t.id, p_since)) end as read_seq) r
    cross join lateral (select relay.count_unread(t.id, t.last_seq, t.message_count,
      p_reader_tag, r.read_seq, t.last_seq + 1) as unread offset 0) counted
    where t.id = p_thread_id and t.last_seq > coalesce(c.last_read_seq, 0);
  end if;
end;
$$;

-- The seq of the last message of a thread that is older than p_since; 0 if none is.
create or replace function relay.seq_before(p_thread_id uuid, p_since timestamptz)
  returns bigint
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return coalesce((
    select seq from public.relay_messages
    where thread_id = p_thread_id and created_at < p_since
    order by created_at desc limit 1), 0);
end;
$$;

-- The seq of the last own post that joins onto p_seq, with no message for the reader in between; else
-- p_seq itself.
create or replace function relay.step_over_own(
  p_thread_id uuid, p_reader_tag text, p_seq bigint)
  returns bigint
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return coalesce((
    select max(own.seq) from public.relay_messages own
    where own.thread_id = p_thread_id and own.reader_tag = p_reader_tag
      and own.addressee is distinct from own.reader_tag and own.seq > p_seq
      and own.seq < coalesce((
        select m.seq from public.relay_messages m
        where m.thread_id = p_thread_id and m.seq > p_seq
          and (m.reader_tag is distinct from p_reader_tag or m.addressee = m.reader_tag)
        order by m.seq limit 1), 9223372036854775807)), p_seq);
end;
$$;

-- An entry of `remaining`.
create or replace function relay.unread_thread(p_name text, p_archived boolean, p_unread bigint)
  returns json
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return json_strip_nulls(json_build_object(
    'thread_name', p_name, 'archived', nullif(p_archived, false), 'unread_count', p_unread));
end;
$$;

-- Takes back a look whose caller has gone before the answer arrived: each bookmark that still is where the
-- look put it returns to where it was. p_moved is from relay_check_new or relay_read_thread.
create or replace function public.relay_give_back(
  p_user_id uuid, p_reader_tag text, p_moved jsonb, p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
declare
  v_count bigint;
begin
  perform relay.take_grant(p_user_id, p_caller);
  perform relay.lock_reader(p_user_id, p_reader_tag);
  with back as (
    select c.thread_id, m."from" as seq
    from jsonb_to_recordset(p_moved) as m (thread_id uuid, "from" bigint, "to" bigint)
    join public.relay_read_cursors c
      on c.thread_id = m.thread_id and c.reader_tag = p_reader_tag and c.last_read_seq = m."to"
    where c.user_id = p_user_id
    order by c.thread_id for update of c
  )
  update public.relay_read_cursors c
  set last_read_seq = back.seq, updated_at = now(),
    last_read_at = coalesce(relay.time_of_seq(t.id, back.seq), t.created_at)
  from back join public.relay_threads t on t.id = back.thread_id
  where c.thread_id = back.thread_id and c.reader_tag = p_reader_tag;
  get diagnostics v_count = row_count;
  return jsonb_build_object('thread_count', v_count);
end;
$$;
revoke all on function public.relay_give_back from public, anon, authenticated;
grant execute on function public.relay_give_back to service_role;

-- Hides a thread from the list, or restores it. History and cursors stay.
-- Raises RL001 (thread not found), RL009 (several threads match).
create or replace function public.relay_archive_thread(
  p_user_id uuid, p_thread_name text, p_archived boolean default true, p_caller jsonb default '{}')
  returns json
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_thread public.relay_threads;
begin
  perform relay.take_grant(p_user_id, p_caller);
  v_thread := relay.find_thread(p_user_id, p_thread_name);
  update public.relay_threads set archived = p_archived
  where id = v_thread.id and archived <> p_archived;
  return json_build_object(
    'thread_name', v_thread.name, 'archived', p_archived, 'due', relay.is_due(p_user_id));
end;
$$;
revoke all on function public.relay_archive_thread from public, anon, authenticated;
grant execute on function public.relay_archive_thread to service_role;

-- Not tools: data for resources and completion -------------------------------------------------------

-- Active threads, latest activity first, after the position (active_at, id). By position and not by
-- offset: a thread that becomes active in the meantime moves to the front, and neither repeats nor
-- hides another.
create or replace function public.relay_page_threads(
  p_user_id uuid, p_limit integer, p_active_at timestamptz default 'infinity',
  p_id uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff', p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
begin
  perform relay.take_grant(p_user_id, p_caller);
  return (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'id', t.id,
        'name', t.name,
        -- One line of a list; a description has up to 2,000 characters.
        'description', left(t.description, 200),
        'last_message_at', t.last_message_at,
        'active_at', t.active_at)
      order by t.active_at desc, t.id desc), '[]')
    from (
      select *, coalesce(last_message_at, created_at) as active_at
      from public.relay_threads
      where user_id = p_user_id and not archived
        and (coalesce(last_message_at, created_at), id) < (p_active_at, p_id)
      order by active_slot desc, coalesce(last_message_at, created_at) desc, id desc
      limit p_limit) t);
end;
$$;
revoke all on function public.relay_page_threads from public, anon, authenticated;
grant execute on function public.relay_page_threads to service_role;

-- Names with p_value in them, in any case and without regard to accents: archived threads last, names that start with it first,
-- then by latest activity. The first p_limit, and how many there are.
create or replace function public.relay_complete_name(
  p_user_id uuid, p_value text, p_limit integer default 100, p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
begin
  perform relay.take_grant(p_user_id, p_caller);
  return (
    with matching as (
      select t.name, row_number() over (order by t.archived, found.at > 1,
        coalesce(t.last_message_at, t.created_at) desc, t.id desc) as place
      from public.relay_threads t
      -- strpos() takes the value as it is, where a pattern would need escaping.
      cross join lateral (select strpos(lower(relay.without_accents(t.name)),
      lower(relay.without_accents(p_value))) as at) found
      where t.user_id = p_user_id and found.at > 0
    )
    select jsonb_build_object(
      'values', coalesce(jsonb_agg(name order by place) filter (where place <= p_limit), '[]'),
      'total', count(*))
    from matching);
end;
$$;
revoke all on function public.relay_complete_name from public, anon, authenticated;
grant execute on function public.relay_complete_name to service_role;

-- Targets of deliveries ---------------------------------------------------------------------------------

-- Makes or renews the subscription p_target ->> 'id' of a caller; the Worker has derived the id from the grant,
-- the URL and the arguments. Without p_is_verified nothing is written unless the receiver at this URL has
-- proved within a day that it wants the deliveries of this grant: `unverified` then asks for the proof.
-- A live subscription of the same client with the same URL and arguments is taken over, whichever grant made
-- it. Returns when it ends, a place that is safe to continue from, whether messages were lost since it was last
-- renewed, and its state before.
-- Raises RL014 (the grant was cut off), RL020 (too many subscriptions): its detail is how many there may be.
create or replace function public.relay_subscribe(
  p_user_id uuid, p_target jsonb, p_ttl_ms bigint, p_is_verified boolean, p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_limit constant integer := 20;
  v_now constant timestamptz := clock_timestamp();
  v_gid constant text := p_caller ->> 'gid';
  v_client constant text := coalesce((
    select client from public.relay_connections where user_id = p_user_id and gid = v_gid), v_gid);
  v_new public.relay_targets := jsonb_populate_record(null::public.relay_targets, p_target);
  v_old public.relay_targets;
begin
  perform relay.take_grant(p_user_id, p_caller);
  -- One at a time, or several at once would all be counted too early.
  perform pg_advisory_xact_lock(hashtextextended(p_user_id::text, 5));
  perform relay.sweep_targets(p_user_id);
  select * into v_old from public.relay_targets t
  where t.user_id = p_user_id and t.kind = 'webhook' and (t.id = v_new.id
    or (t.client, t.url, t.addressed_only) = (v_client, v_new.url, v_new.addressed_only)
      and t.reader_tag is not distinct from v_new.reader_tag
      and t.thread_name is not distinct from v_new.thread_name)
  order by t.id = v_new.id desc limit 1 for update;
  if v_old.id is null and v_limit <= (
    select count(*) from public.relay_targets where user_id = p_user_id and kind = 'webhook')
  then
    raise exception 'too many subscriptions' using errcode = 'RL020', detail = v_limit::text;
  end if;
  v_new.verified_at := case when p_is_verified then v_now else (
    select max(verified_at) from public.relay_targets
    where user_id = p_user_id and gid = v_gid and url = v_new.url
      and verified_at > v_now - interval '1 day') end;
  if v_new.verified_at is null then
    return '{"unverified": true}';
  end if;

  delete from public.relay_targets where user_id = p_user_id and id = v_old.id and id <> v_new.id;
  insert into public.relay_targets as t (
    user_id, id, kind, gid, client, url, reader_tag, thread_name, addressed_only, secret, origin,
    created_at, expires_at, verified_at, acknowledged_at, last_delivery_at)
  values (
    p_user_id, v_new.id, 'webhook', v_gid, v_client, v_new.url, v_new.reader_tag, v_new.thread_name,
    v_new.addressed_only, v_new.secret, v_new.origin, coalesce(v_old.created_at, v_now),
    v_now + p_ttl_ms * interval '1 millisecond', v_new.verified_at,
    coalesce(v_old.acknowledged_at, v_now), v_old.last_delivery_at)
  -- The row stays, with its lease: a sender that waits for it must find it, or its outcome would be lost, and
  -- the message sent again.
  on conflict (user_id, id) do update set
    client = excluded.client, secret = excluded.secret, origin = excluded.origin,
    expires_at = excluded.expires_at, verified_at = excluded.verified_at,
    -- Encrypted for this id, so only here and not for another grant's subscription.
    previous_secret = t.secret, previous_until = v_now + interval '5 minutes',
    last_error = null, failed_since = null, failures = 0, is_truncated = false;
  -- This answer says that messages were dropped; those that wait go to the renewed subscription.
  with gone as (
    delete from public.relay_deliveries
    where user_id = p_user_id and target_id = v_old.id and is_dropped returning 1
  )
  select v_old.is_truncated or exists (select from gone) into v_new.is_truncated;
  update public.relay_deliveries set target_id = v_new.id
  where user_id = p_user_id and target_id = v_old.id and v_old.id <> v_new.id;
  return jsonb_strip_nulls(jsonb_build_object(
    'expires_at', relay.full_time(v_now + p_ttl_ms * interval '1 millisecond'),
    -- Everything after it comes by delivery.
    'cursor_at', relay.full_time(least(relay.settled_until(), (
      select min(d.created_at) - interval '1 microsecond' from public.relay_deliveries d
      where d.user_id = p_user_id and d.target_id = v_new.id and d.due_at is not null))),
    'is_truncated', coalesce(v_new.is_truncated, false),
    'is_renewed', v_old.id is not null,
    'before', case when v_old.id is not null then relay.show_target(v_old) end));
end;
$$;
revoke all on function public.relay_subscribe from public, anon, authenticated;
grant execute on function public.relay_subscribe to service_role;

-- Ends the subscription of a caller's client with that URL and those arguments. Returns whether there was one.
-- Raises RL014 (the grant was cut off).
create or replace function public.relay_unsubscribe(
  p_user_id uuid, p_target jsonb, p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_given public.relay_targets := jsonb_populate_record(null::public.relay_targets, p_target);
  v_client constant text := coalesce((
    select client from public.relay_connections
    where user_id = p_user_id and gid = p_caller ->> 'gid'), p_caller ->> 'gid');
begin
  perform relay.take_grant(p_user_id, p_caller);
  return jsonb_build_object('ended', relay.end_targets(p_user_id, array(
    select t.id from public.relay_targets t
    where t.user_id = p_user_id and t.kind = 'webhook' and t.expires_at > clock_timestamp()
      and (t.client, t.url, t.addressed_only) = (v_client, v_given.url, v_given.addressed_only)
      and t.reader_tag is not distinct from v_given.reader_tag
      and t.thread_name is not distinct from v_given.thread_name)) > 0);
end;
$$;
revoke all on function public.relay_unsubscribe from public, anon, authenticated;
grant execute on function public.relay_unsubscribe to service_role;

-- Ends targets, with what waits for them. Returns how many there were.
create or replace function relay.end_targets(p_user_id uuid, p_ids text[])
  returns bigint
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_ids text[];
begin
  v_ids := array(
    select id from public.relay_targets
    where user_id = p_user_id and id = any (p_ids) order by id for update);
  delete from public.relay_targets where user_id = p_user_id and id = any (v_ids);
  delete from public.relay_deliveries where user_id = p_user_id and target_id = any (v_ids);
  return cardinality(v_ids);
end;
$$;

-- Forgets subscriptions whose time is over, and deliveries that are settled or whose target is gone: a post
-- that ran while its target ended may have added one.
create or replace function relay.sweep_targets(p_user_id uuid)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform relay.end_targets(p_user_id, array(
    select id from public.relay_targets where user_id = p_user_id and expires_at < clock_timestamp()));
  delete from public.relay_deliveries d
  where d.user_id = p_user_id and (
    d.due_at is null and not d.is_dropped and d.created_at < clock_timestamp() - interval '1 hour'
    or not exists (
      select from public.relay_targets t where t.user_id = p_user_id and t.id = d.target_id));
end;
$$;

-- A target as a person sees it: of the URL only the host, because the rest may contain a secret.
create or replace function relay.show_target(p_target public.relay_targets)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_hour constant timestamptz := clock_timestamp() - interval '1 hour';
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'id', p_target.id,
    'kind', p_target.kind,
    'gid', nullif(p_target.gid, ''),
    'name', coalesce(p_target.label, (
      select c.name from public.relay_connections c
      where c.user_id = p_target.user_id and c.gid = p_target.gid)),
    'host', substring(p_target.url from '^https?://([^/?#]+)'),
    'reader_tag', p_target.reader_tag,
    'thread_name', p_target.thread_name,
    'addressed_only', p_target.addressed_only,
    'created_at', relay.full_time(p_target.created_at),
    'expires_at', case when isfinite(p_target.expires_at) then relay.full_time(p_target.expires_at) end,
    'last_delivery_at', relay.full_time(p_target.last_delivery_at),
    'last_error', p_target.last_error,
    'failed_since', relay.full_time(p_target.failed_since),
    'is_active', p_target.kind <> 'webhook' or p_target.failures < 10,
    'waiting_count', (
      select count(*) from public.relay_deliveries d
      where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null),
    -- When the next message may go out, if the target had its messages for this hour.
    'throttled_until', (
      select relay.full_time(d.created_at + interval '1 hour') from public.relay_deliveries d
      where d.user_id = p_target.user_id and d.target_id = p_target.id and not d.is_dropped
        and d.created_at > v_hour and relay.hourly_limit(p_target.kind) is not null
      order by d.created_at desc offset relay.hourly_limit(p_target.kind) - 1 limit 1)));
end;
$$;

-- All targets, the newest first.
create or replace function relay.list_targets(p_user_id uuid)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return jsonb_build_object('targets', (
    select coalesce(jsonb_agg(relay.show_target(t) order by t.created_at desc, t.id), '[]')
    from public.relay_targets t
    where t.user_id = p_user_id and t.expires_at > clock_timestamp()));
end;
$$;

-- Ends the target p_args ->> 'id'.
-- Raises RL021 (no such target).
create or replace function relay.end_target(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  if relay.end_targets(p_user_id, array[p_args ->> 'id']) = 0 then
    raise exception 'no target "%"', p_args ->> 'id' using errcode = 'RL021', detail = p_args ->> 'id';
  end if;
  return jsonb_build_object('ended', true);
end;
$$;

-- Adds a device of the caller's sign-in, or renews it: its id is that of its endpoint, and the sign-in that added
-- it last has it. p_args: id, url, label, origin, and its keys, encrypted (secret).
-- Raises RL022 (too many devices): its detail is how many there may be.
create or replace function relay.add_device(p_user_id uuid, p_args jsonb, p_caller jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_limit constant integer := 10;
begin
  -- As in relay_subscribe.
  perform pg_advisory_xact_lock(hashtextextended(p_user_id::text, 5));
  if v_limit <= (
    select count(*) from public.relay_targets
    where user_id = p_user_id and kind = 'push' and id <> p_args ->> 'id')
  then
    raise exception 'too many devices' using errcode = 'RL022', detail = v_limit::text;
  end if;
  insert into public.relay_targets as t (
    user_id, id, kind, gid, client, url, reader_tag, addressed_only, label, secret, origin)
  values (
    p_user_id, p_args ->> 'id', 'push', p_caller ->> 'gid', p_caller ->> 'board', p_args ->> 'url', 'board',
    true, p_args ->> 'label', p_args ->> 'secret', p_args ->> 'origin')
  on conflict (user_id, id) do update
  set gid = excluded.gid, client = excluded.client, label = excluded.label, secret = excluded.secret,
    origin = excluded.origin;
  return jsonb_build_object('id', p_args ->> 'id');
end;
$$;

-- Where the device p_args ->> 'id' is reached, for a test.
-- Raises RL021 (no such target).
create or replace function relay.test_device(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_device public.relay_targets;
begin
  select * into v_device from public.relay_targets
  where user_id = p_user_id and kind = 'push' and id = p_args ->> 'id';
  if not found then
    raise exception 'no device "%"', p_args ->> 'id' using errcode = 'RL021', detail = p_args ->> 'id';
  end if;
  return jsonb_build_object('target_id', v_device.id, 'url', v_device.url, 'secret', v_device.secret,
    'origin', v_device.origin);
end;
$$;

-- Polling for events ----------------------------------------------------------------------------------

-- Messages for a subscription after the place p_after_at, p_after_id, at most p_limit of them, of the last
-- seven days and of p_max_age_ms. Looks at up to 1,000 messages. Returns them with the place up to which it has
-- looked, whether there may be more now, whether some that were older were passed over, and for how many
-- milliseconds nothing was posted. Moves no bookmark. Without a place it starts at the newest.
-- Raises RL014 (the grant was cut off).
create or replace function public.relay_poll_events(
  p_user_id uuid, p_reader_tag text default null, p_thread_name text default null,
  p_addressed_only boolean default false, p_after_at timestamptz default null,
  p_after_id uuid default null, p_max_age_ms bigint default null, p_limit integer default 50,
  p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_last constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_max_looked constant integer := 1000;
  v_now constant timestamptz := clock_timestamp();
  v_until constant timestamptz := relay.settled_until();
  v_oldest constant timestamptz := v_now
    - least(interval '7 days', p_max_age_ms * interval '1 millisecond');
  v_after_at timestamptz := p_after_at;
  v_after_id uuid := p_after_id;
  v_truncated boolean := false;
  v_found record;
begin
  perform relay.take_grant(p_user_id, p_caller);
  if v_after_at is null or v_after_at > v_now then
    -- Ahead of the clock: the database was restored from before.
    v_truncated := v_after_at is not null;
    v_after_at := v_until;
    v_after_id := v_last;
  elsif v_after_at < v_oldest then
    v_truncated := exists (
      select from public.relay_messages
      where user_id = p_user_id and created_at > v_after_at and created_at < v_oldest);
    v_after_at := v_oldest;
    v_after_id := v_last;
  end if;
  with looked as materialized (
    select m.id, m.created_at, row_number() over (order by m.created_at, m.id) as place,
      m.redacted_at is null
        and relay.is_for_target(p_reader_tag, p_addressed_only, m.reader_tag,
          coalesce(r.owner, m.addressee), r.owner is not null)
        and (p_thread_name is null or (
          select relay.is_thread(t, p_thread_name) from public.relay_threads t where t.id = m.thread_id))
        as is_for_it
    from (
      select * from public.relay_messages
      where user_id = p_user_id and created_at >= v_after_at and created_at <= v_until
        and (created_at, id) > (v_after_at, v_after_id)
      order by created_at, id limit v_max_looked) m
    cross join lateral (
      select case when p_addressed_only and m.addressee is not null
        then relay.reader_for(p_user_id, m.addressee, m.created_at) end as owner) r
  ), found as materialized (
    select * from looked where is_for_it order by place limit p_limit
  ), ended as (
    -- Where the next call continues: after the last event if there are more, else after the last that was looked at.
    select * from looked
    where (select count(*) from found) = p_limit and place = (select max(place) from found)
      or (select count(*) from found) < p_limit and place = v_max_looked
  )
  select coalesce((
      select jsonb_agg(relay.show_event(m) order by f.place)
      from found f join public.relay_messages m on m.id = f.id), '[]') as events,
    (select created_at from ended) as at, (select id from ended) as id
  into v_found;
  return jsonb_strip_nulls(jsonb_build_object(
    'events', v_found.events,
    'cursor_at', relay.full_time(coalesce(v_found.at, greatest(v_after_at, v_until))),
    'cursor_id', coalesce(v_found.id, v_last),
    'has_more', v_found.at is not null,
    'truncated', v_truncated,
    'quiet_ms', (
      select round(extract(epoch from v_now - created_at) * 1000) from public.relay_messages
      where user_id = p_user_id order by created_at desc limit 1)));
end;
$$;
revoke all on function public.relay_poll_events from public, anon, authenticated;
grant execute on function public.relay_poll_events to service_role;

-- The person's actions ---------------------------------------------------------------------------------

-- One action of POST /manage, for the relay's own key and the board: p_caller ->> 'board' is the hash of
-- the board's client id at the address that was asked, and the grant's row says which client has it. Runs as
-- the owner of the tables, because the Worker's role may neither cut off nor change what others wrote.
-- Raises RL014 (the grant was cut off), RL015 (the caller may not manage), and what the action raises.
create or replace function public.relay_manage(
  p_user_id uuid, p_action text, p_args jsonb, p_caller jsonb)
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
begin
  if p_action = 'disconnect' then
    -- One at a time: two grants that cut each other off would wait for each other.
    perform pg_advisory_xact_lock(hashtextextended(p_user_id::text, 4));
  end if;
  perform relay.take_grant(p_user_id, p_caller);
  if relay.may_manage(p_user_id, p_caller) is not true then
    raise exception 'this caller may not manage' using errcode = 'RL015';
  end if;
  case p_action
    when 'list_connections' then return relay.list_connections(p_user_id, p_caller);
    when 'disconnect' then return relay.disconnect(p_user_id, p_args);
    when 'make_key' then return relay.make_key(p_user_id, p_args, p_caller);
    when 'rename_thread' then return relay.rename_thread(p_user_id, p_args);
    when 'describe_thread' then return relay.describe_thread(p_user_id, p_args);
    when 'delete_thread' then return relay.delete_thread(p_user_id, p_args);
    when 'list_due_threads' then return relay.list_due_threads(p_user_id, p_args);
    when 'redact_message' then return relay.redact_message(p_user_id, p_args);
    when 'settle_message' then return relay.settle_message(p_user_id, p_args);
    when 'list_readers' then return relay.list_readers(p_user_id, p_args);
    when 'forget_reader' then return relay.forget_reader(p_user_id, p_args);
    when 'list_targets' then return relay.list_targets(p_user_id);
    when 'end_target' then return relay.end_target(p_user_id, p_args);
    -- The Worker has it.
    when 'push_key' then return '{}';
    when 'add_device' then return relay.add_device(p_user_id, p_args, p_caller);
    when 'test_device' then return relay.test_device(p_user_id, p_args);
  end case;
end;
$$;
revoke all on function public.relay_manage from public, anon, authenticated;
grant execute on function public.relay_manage to service_role;

-- Whether a caller may manage: the relay's own key, or a sign-in to the board with the whole scope.
create or replace function relay.may_manage(p_user_id uuid, p_caller jsonb)
  returns boolean
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return p_caller ->> 'gid' = 'key' or exists (
    select from public.relay_connections c
    where c.user_id = p_user_id and c.gid = p_caller ->> 'gid' and c.kind = 'oauth'
      and c.client = p_caller ->> 'board' and c.scope = 'mcp' and p_caller ->> 'scope' = 'mcp');
end;
$$;

-- All connections but the relay's own key, the latest use first.
create or replace function relay.list_connections(p_user_id uuid, p_caller jsonb)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return jsonb_build_object('connections', (
    select coalesce(jsonb_agg(
      relay.connection(c) || case when c.gid = p_caller ->> 'gid' then '{"own": true}' else '{}' end::jsonb
      order by coalesce(c.last_used_at, c.created_at) desc, c.gid), '[]')
    from public.relay_connections c
    where c.user_id = p_user_id and c.gid <> 'key'));
end;
$$;

-- A connection as the answers show it.
create or replace function relay.connection(p_connection public.relay_connections)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'gid', p_connection.gid,
    'name', p_connection.name,
    'client', p_connection.client,
    'scope', p_connection.scope,
    'kind', p_connection.kind,
    'made_by', p_connection.made_by,
    'created_at', relay.full_time(p_connection.created_at),
    'last_used_at', relay.full_time(p_connection.last_used_at),
    'revoked_at', relay.full_time(p_connection.revoked_at)));
end;
$$;

-- Cuts off the grant p_args ->> 'gid', and ends its subscriptions. Returns the keys that it made and that are still good, which
-- someone who had it may have kept. A second time changes nothing.
-- Raises RL016 (no such connection).
create or replace function relay.disconnect(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_gid constant text := p_args ->> 'gid';
begin
  -- Waits for the calls of the grant that are running; those that come later find it cut off.
  perform pg_advisory_xact_lock(hashtextextended(p_user_id || ' ' || v_gid, 3));
  update public.relay_connections c set revoked_at = coalesce(c.revoked_at, clock_timestamp())
  where c.user_id = p_user_id and c.gid = v_gid and c.gid <> 'key';
  if not found then
    raise exception 'no connection "%"', v_gid using errcode = 'RL016', detail = v_gid;
  end if;
  perform relay.end_targets(p_user_id, array(
    select id from public.relay_targets where user_id = p_user_id and gid = v_gid));
  return jsonb_build_object('disconnected', true, 'made_keys', (
    select coalesce(jsonb_agg(relay.connection(c) order by c.created_at desc, c.gid), '[]')
    from public.relay_connections c
    where c.user_id = p_user_id and c.made_by = v_gid and c.revoked_at is null));
end;
$$;

-- Writes the row of a new key, before the Worker signs it.
create or replace function relay.make_key(p_user_id uuid, p_args jsonb, p_caller jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  insert into public.relay_connections (user_id, gid, name, scope, kind, made_by)
  values (p_user_id, p_args ->> 'gid', p_args ->> 'name', p_args ->> 'scope', 'key',
    p_caller ->> 'gid');
  return jsonb_build_object('gid', p_args ->> 'gid');
end;
$$;

-- A person's actions on threads, messages and readers ------------------------------------------------------
-- Called by public.relay_manage, as its owner: service_role may neither change a message nor delete anything.
-- Each takes the arguments that the Worker has checked, and returns the answer.

-- Gives a thread another name. It keeps the old one among its former names, under which it is still found.
-- Raises RL001 (thread not found), RL002 (the name belongs to another thread, now or formerly).
create or replace function relay.rename_thread(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_name constant text := relay.trim(p_args ->> 'name');
  v_folded constant text := relay.fold_name(v_name);
  v_thread public.relay_threads := relay.find_thread(p_user_id, p_args ->> 'thread_name');
  v_taken record;
begin
  -- Posts under either name wait, in the order in which another renaming takes the same two.
  perform relay.lock_thread_name(p_user_id, name)
  from (
    select distinct on (lock) hashtextextended(p_user_id || ' ' || relay.fold_name(name), 1) as lock, name
    from unnest(array[v_thread.name, v_name]) name
    order by lock) names;
  select * into v_thread from public.relay_threads where id = v_thread.id for no key update;
  select t.name, t.archived into v_taken from public.relay_threads t
  where t.user_id = p_user_id and t.id <> v_thread.id
    and (relay.fold_name(t.name) = v_folded or t.former_names @> array[v_folded])
  limit 1;
  if found then
    raise exception 'thread "%" already exists', v_taken.name using errcode = 'RL002',
      detail = json_build_object('name', v_taken.name, 'archived', v_taken.archived)::text;
  end if;
  update public.relay_threads t
  set name = v_name, changed_at = clock_timestamp(),
    former_names = array_remove(
      array_append(array_remove(t.former_names, relay.fold_name(t.name)), relay.fold_name(t.name)), v_folded)
  where t.id = v_thread.id;
  return jsonb_build_object('thread_name', v_name);
end;
$$;

-- Raises RL001 (thread not found).
create or replace function relay.describe_thread(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_thread constant public.relay_threads := relay.find_thread(p_user_id, p_args ->> 'thread_name');
  v_description constant text := nullif(p_args ->> 'description', '');
begin
  update public.relay_threads set description = v_description, changed_at = clock_timestamp()
  where id = v_thread.id;
  return jsonb_build_object('thread_name', v_thread.name, 'description', v_description);
end;
$$;

-- Deletes an archived thread with its messages. One statement with its condition, so that a post that reopens
-- the thread meanwhile wins.
-- Raises RL001 (thread not found), RL018 (not archived, or `confirm` is not its name): its detail says which.
create or replace function relay.delete_thread(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_thread constant public.relay_threads := relay.find_thread(p_user_id, p_args ->> 'thread_name');
  v_messages bigint;
begin
  if p_args ->> 'confirm' is distinct from v_thread.name then
    raise exception 'the name was not confirmed'
      using errcode = 'RL018', detail = 'confirm', hint = v_thread.name;
  end if;
  delete from public.relay_threads where id = v_thread.id and archived
  returning message_count into v_messages;
  if not found then
    raise exception 'thread "%" is not archived', v_thread.name
      using errcode = 'RL018', detail = 'archived', hint = v_thread.name;
  end if;
  return jsonb_build_object('deleted', true, 'message_count', v_messages);
end;
$$;

-- The message of a thread's name and a seq. Raises RL001 (thread not found), RL010 (no message with that seq).
create or replace function relay.managed_message(p_user_id uuid, p_args jsonb)
  returns public.relay_messages
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_thread constant public.relay_threads := relay.find_thread(p_user_id, p_args ->> 'thread_name');
  v_message public.relay_messages;
begin
  select * into v_message from public.relay_messages
  where thread_id = v_thread.id and seq = (p_args ->> 'seq')::bigint;
  if not found then
    perform relay.refuse_seq(v_thread.name, (p_args ->> 'seq')::bigint);
  end if;
  update public.relay_threads set changed_at = clock_timestamp() where id = v_thread.id;
  return v_message;
end;
$$;

-- Takes a message back: its text and metadata are gone for good, its place stays, so that nothing shifts.
create or replace function relay.redact_message(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_message constant public.relay_messages := relay.managed_message(p_user_id, p_args);
begin
  update public.relay_messages
  set content = '', metadata = null, redacted_at = coalesce(redacted_at, clock_timestamp())
  where id = v_message.id;
  return jsonb_build_object('redacted', true);
end;
$$;

-- Marks a message as done, so that it is not open, or takes that back.
create or replace function relay.settle_message(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_message constant public.relay_messages := relay.managed_message(p_user_id, p_args);
  v_settled constant boolean := coalesce((p_args ->> 'settled')::boolean, true);
begin
  update public.relay_messages
  set settled_at = case when v_settled then coalesce(settled_at, clock_timestamp()) end
  where id = v_message.id;
  return jsonb_build_object('settled', v_settled);
end;
$$;

-- The readers, 50 at a time, after the tag `after`; with `reader_tag` only that one, and how much it has not
-- received. For all of them that would take time for each reader and thread.
create or replace function relay.list_readers(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_tag constant text := p_args ->> 'reader_tag';
  v_readers jsonb;
begin
  select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
      'reader_tag', r.reader_tag,
      'introduced_at', relay.show_time(r.introduced_at),
      'last_seen_at', relay.show_time(r.last_seen_at),
      'last_given_at', relay.show_time(r.last_given_at),
      'unread_count', case when v_tag is not null and r.introduced_at is not null then (
        select coalesce(sum(unread), 0) from relay.pending_threads(p_user_id, v_tag, null, null)) end))
    order by r.reader_tag)
  into v_readers
  from (
    select * from public.relay_readers
    where user_id = p_user_id and forgotten_at is null
      and (v_tag is null or reader_tag = v_tag) and reader_tag > coalesce(p_args ->> 'after', '')
    order by reader_tag limit 51) r;
  return jsonb_strip_nulls(jsonb_build_object(
    'readers', coalesce(jsonb_path_query_array(v_readers, '$[0 to 49]'), '[]'),
    'next_after', case when jsonb_array_length(v_readers) > 50 then v_readers #>> '{49,reader_tag}' end));
end;
$$;

-- Forgets a reader: its bookmarks are gone, and it is a new reader after a minute, in which calls under its tag
-- are refused, so that no session that still runs begins anew. What it had received counts as settled.
-- Raises RL019 (no such reader, or the person).
create or replace function relay.forget_reader(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_tag constant text := p_args ->> 'reader_tag';
begin
  perform relay.lock_reader(p_user_id, v_tag);
  update public.relay_readers
  set forgotten_at = clock_timestamp(), introduced_at = null, last_given_at = null
  where user_id = p_user_id and reader_tag = v_tag and forgotten_at is null and v_tag <> 'board';
  if not found then
    raise exception 'no reader "%" can be forgotten', v_tag using errcode = 'RL019', detail = v_tag;
  end if;
  update public.relay_messages m set settled_at = clock_timestamp()
  from public.relay_read_cursors c
  where c.user_id = p_user_id and c.reader_tag = v_tag and m.thread_id = c.thread_id
    and m.user_id = p_user_id and m.addressee is not null and m.settled_at is null
    and relay.fold_name(m.addressee) = relay.fold_name(v_tag)
    and m.seq <= c.last_read_seq and m.created_at > clock_timestamp() - interval '30 days';
  delete from public.relay_read_cursors where user_id = p_user_id and reader_tag = v_tag;
  return jsonb_build_object('forgotten', true);
end;
$$;

-- Archived threads that retention deletes: archived and without a message for p_days, and a week more in which
-- they are shown as due, and without an open message. The oldest first.
create or replace function relay.due_threads(p_user_id uuid, p_days integer, p_grace interval)
  returns setof public.relay_threads
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return query
  select t.* from public.relay_threads t
  where t.user_id = p_user_id and t.archived
    and greatest(t.archived_at, t.last_message_at)
      < clock_timestamp() - p_days * interval '1 day' - p_grace
    and not exists (select from relay.open_messages(p_user_id, t.id, null))
  order by greatest(t.archived_at, t.last_message_at), t.id;
end;
$$;

-- The first 50 threads that are due, each with the time from which the daily run deletes it; none with `days`
-- null.
create or replace function relay.list_due_threads(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_days constant integer := (p_args ->> 'days')::integer;
begin
  return jsonb_build_object('threads', (
    select coalesce(jsonb_agg(jsonb_build_object(
        'thread_name', due.name, 'delete_at', relay.show_time(due.delete_at))
      order by due.delete_at, due.id), '[]')
    from (
      select id, name, greatest(archived_at, last_message_at) + v_days * interval '1 day'
        + interval '7 days' as delete_at
      from relay.due_threads(p_user_id, v_days, interval '0')
      order by delete_at, id limit 50) due));
end;
$$;

-- The daily run: forgets sign-ins that were cut off or not used for longer than any of their tokens is good,
-- and, with p_days, deletes up to 20 archived threads that are due; with p_deletes false it only counts them.
-- Returns the names of those deleted, and how many are due. The row of a key stays: without it, one that was
-- cut off would be good again.
create or replace function public.relay_daily(
  p_user_id uuid, p_days integer default null, p_deletes boolean default true)
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_thread record;
  v_deleted text[] := '{}';
begin
  if p_deletes then
    delete from public.relay_connections
    where user_id = p_user_id and kind = 'oauth'
      and coalesce(revoked_at, last_used_at, created_at) < clock_timestamp() - interval '366 days';
    for v_thread in
      select id, name from relay.due_threads(p_user_id, p_days, interval '7 days') limit 20
    loop
      -- With its condition, so that a post that reopens the thread meanwhile wins.
      delete from public.relay_threads t
      where t.id = v_thread.id and t.archived
        and greatest(t.archived_at, t.last_message_at) < clock_timestamp() - p_days * interval '1 day';
      if found then
        v_deleted := v_deleted || v_thread.name;
      end if;
    end loop;
  end if;
  return jsonb_build_object('deleted', v_deleted, 'due_thread_count', case when p_days is not null then (
    select count(*) from relay.due_threads(p_user_id, p_days, interval '0')) end);
end;
$$;
revoke all on function public.relay_daily from public, anon, authenticated;
grant execute on function public.relay_daily to service_role;

-- The run of the cron trigger: notes that it ran, forgets targets and deliveries that are over, and does the
-- daily work in the first run after 05:17 UTC. Returns what that returns.
create or replace function public.relay_scheduled(p_user_id uuid, p_days integer default null)
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_day constant date := (clock_timestamp() - interval '5 hours 17 minutes')::date;
  v_daily_on date;
begin
  insert into public.relay_schedule as s (user_id, ran_at) values (p_user_id, clock_timestamp())
  on conflict (user_id) do update set ran_at = excluded.ran_at
  returning s.daily_on into v_daily_on;
  perform relay.sweep_targets(p_user_id);
  if v_daily_on = v_day then
    return '{}';
  end if;
  update public.relay_schedule set daily_on = v_day where user_id = p_user_id;
  return public.relay_daily(p_user_id, p_days);
end;
$$;
revoke all on function public.relay_scheduled from public, anon, authenticated;
grant execute on function public.relay_scheduled to service_role;

-- Not a tool: the database's contents, for the person who operates the relay, and the daily call of the
-- cron trigger. Threads of other users are counted because a wrong RELAY_USER_ID looks like a relay that
-- lost everything. `functions` lists the functions that the API can find and whether it may call them: a
-- migration that ran in part, or a later revoke, leaves a tool that fails. `as_of` is the time that an export
-- takes as its end: threads may be dated ahead of the clock.
create or replace function public.relay_status(p_user_id uuid)
  returns jsonb
  language sql volatile security invoker set search_path = '' set timezone = 'UTC'
as $$
  select jsonb_build_object(
    'schema_version', 1,
    'now', clock_timestamp(),
    'as_of', greatest(clock_timestamp(), max(created_at) filter (where user_id = p_user_id)),
    'thread_count', count(*) filter (where user_id = p_user_id),
    'message_count', coalesce(sum(message_count) filter (where user_id = p_user_id), 0),
    'reader_count', (
      select count(*) from public.relay_readers where user_id = p_user_id),
    'target_count', (
      select count(*) from public.relay_targets
      where user_id = p_user_id and expires_at > clock_timestamp()),
    'failing_target_count', (
      select count(*) from public.relay_targets
      where user_id = p_user_id and expires_at > clock_timestamp() and failed_since is not null),
    -- Of the cron trigger; null if it has never run.
    'scheduled_run_at', (select ran_at from public.relay_schedule where user_id = p_user_id),
    'other_thread_count', count(*) filter (where user_id <> p_user_id),
    'functions', (
      select jsonb_object_agg(
        format('%s(%s)', proname, array_to_string(proargnames[:pronargs], ', ')),
        has_function_privilege(oid, 'execute'))
      from pg_catalog.pg_proc
      where pronamespace = 'public'::regnamespace and proname like 'relay\_%'))
  from public.relay_threads;
$$;
revoke all on function public.relay_status from public, anon, authenticated;
grant execute on function public.relay_status to service_role;

-- Not tools: everything one person has, out of one database and into another --------------------------
-- Every seq, time and id is kept, so that a reader continues where it was.

-- The next records of one kind ('thread', 'reader', 'cursor', 'message') after the one given, as many as
-- fit into p_max_bytes but at least one; an empty array at the end. Leaves out threads created after
-- p_as_of, so that no message comes without its thread while others write.
create or replace function public.relay_export(
  p_user_id uuid, p_kind text, p_as_of timestamptz, p_thread_id uuid default null,
  p_seq bigint default null, p_reader_tag text default null, p_limit integer default 1000,
  p_max_bytes integer default 1000000)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
  set plan_cache_mode = force_custom_plan
as $$
begin
  if p_kind = 'thread' then
    return (
      select coalesce(jsonb_agg(to_jsonb(page) order by page.id), '[]')
      from (
        select 'thread' as kind, id, name, description, created_at, last_message_at, archived, last_seq,
          archived_at, former_names
        from public.relay_threads
        where user_id = p_user_id and created_at <= p_as_of
          and (p_thread_id is null or id > p_thread_id)
        order by id limit p_limit) page);
  elsif p_kind = 'reader' then
    return (
      select coalesce(jsonb_agg(to_jsonb(page) order by page.reader_tag), '[]')
      from (
        select 'reader' as kind, reader_tag, introduced_at, last_seen_at, last_given_at
        from public.relay_readers
        where user_id = p_user_id and reader_tag > coalesce(p_reader_tag, '') and forgotten_at is null
        order by reader_tag limit p_limit) page);
  elsif p_kind = 'message' then
    return (
      with page as (
        select m.id, m.thread_id, m.seq,
          sum(octet_length(m.content) + 500) over (order by m.thread_id, m.seq) as bytes,
          row_number() over (order by m.thread_id, m.seq) as place
        from public.relay_messages m
        join public.relay_threads t on t.id = m.thread_id and t.created_at <= p_as_of
        where m.user_id = p_user_id
          and (m.thread_id, m.seq) > (coalesce(p_thread_id, '00000000-0000-0000-0000-000000000000'),
            coalesce(p_seq, 0))
        order by m.thread_id, m.seq limit p_limit)
      select coalesce(jsonb_agg(jsonb_build_object(
          'kind', 'message', 'id', m.id, 'thread_id', m.thread_id, 'seq', m.seq, 'surface', m.surface,
          'session_tag', m.session_tag, 'content', m.content, 'metadata', m.metadata,
          'created_at', m.created_at, 'idempotency_key', m.idempotency_key, 'reader_tag', m.reader_tag,
          'addressee', m.addressee, 'client', m.client, 'reply_to', m.reply_to, 'read_seq', m.read_seq,
          'settled_at', m.settled_at, 'redacted_at', m.redacted_at) order by page.place), '[]')
      from page join public.relay_messages m on m.id = page.id
      where page.bytes <= p_max_bytes or page.place = 1);
  end if;
  return (
    select coalesce(jsonb_agg(to_jsonb(page) order by page.thread_id, page.reader_tag), '[]')
    from (
      select 'cursor' as kind, c.thread_id, c.reader_tag, c.last_read_seq, c.last_read_at, c.updated_at
      from public.relay_read_cursors c
      join public.relay_threads t on t.id = c.thread_id and t.created_at <= p_as_of
      where c.user_id = p_user_id
        and (c.thread_id, c.reader_tag) > (
          coalesce(p_thread_id, '00000000-0000-0000-0000-000000000000'), coalesce(p_reader_tag, ''))
      order by c.thread_id, c.reader_tag limit p_limit) page);
end;
$$;
revoke all on function public.relay_export from public, anon, authenticated;
grant execute on function public.relay_export to service_role;

-- Adds records that relay_export gave: threads first, then readers, cursors, and messages last. Returns
-- how many were new. Existing rows stay, so that records may come twice; a cursor only moves
-- forward. p_reader_tags and p_last_seqs, sent with the messages, name the readers of the import, and the
-- last seq of each of its threads: any other reader that knows this relay gets a cursor there, or all of an
-- imported thread would be news to it; but below the first open message that is addressed to it. p_thread_ids, sent with the readers, names the threads of the import, for the same in the other threads.
-- Raises RL008 where something else is in a record's place: its detail names the thread.
create or replace function public.relay_import(
  p_user_id uuid, p_records jsonb, p_reader_tags jsonb default '[]', p_thread_ids jsonb default null,
  p_last_seqs jsonb default '{}')
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
declare
  v_threads bigint;
  v_readers bigint;
  v_messages bigint;
  v_cursors bigint;
  v_introduced text[];
  v_first uuid[];
  v_addressed uuid[];
  v_thread record;
  v_message record;
begin
  perform relay.lock_reader(p_user_id, reader_tag)
  from (
    select r ->> 'reader_tag' as reader_tag
    from jsonb_array_elements(p_records) r where r ->> 'kind' in ('reader', 'cursor')
    union
    -- Whose cursors are set back to a message that is addressed to them.
    select known.reader_tag
    from (
      select distinct relay.fold_name(r ->> 'addressee') as folded
      from jsonb_array_elements(p_records) r where r ->> 'kind' = 'message') addressed
    join public.relay_readers known
      on known.user_id = p_user_id and relay.fold_name(known.reader_tag) = addressed.folded
    order by 1) readers;
  perform from public.relay_threads
  where id in (
    select (r ->> case when r ->> 'kind' = 'thread' then 'id' else 'thread_id' end)::uuid
    from jsonb_array_elements(p_records) r where r ->> 'kind' <> 'reader')
  order by id for no key update;

  select r.id, r.name into v_thread
  from jsonb_to_recordset(p_records) as r (kind text, id uuid, name text)
  join public.relay_threads t on (t.id = r.id) <> (t.user_id = p_user_id and t.name = r.name)
    and (t.id = r.id or t.user_id = p_user_id and t.name = r.name)
  where r.kind = 'thread' limit 1;
  if found then
    raise exception 'another thread "%" is there already', v_thread.name
      using errcode = 'RL008', detail = v_thread.name;
  end if;
  insert into public.relay_threads as t
    (id, user_id, name, description, created_at, last_message_at, archived, last_seq, archived_at,
      former_names)
  select id, p_user_id, name, description, created_at, last_message_at, archived, last_seq, archived_at,
    coalesce(former_names, '{}')
  from jsonb_to_recordset(p_records) as r (
    kind text, id uuid, name text, description text, created_at timestamptz,
    last_message_at timestamptz, archived boolean, last_seq bigint, archived_at timestamptz,
    former_names text[])
  where r.kind = 'thread'
  order by id
  on conflict (id) do nothing;
  get diagnostics v_threads = row_count;
  -- Changed since the thread was here: its last seq, and whether it is archived.
  update public.relay_threads t
  set last_seq = r.last_seq, last_message_at = r.last_message_at, archived = r.archived
  from jsonb_to_recordset(p_records) as r (
    kind text, id uuid, last_message_at timestamptz, archived boolean, last_seq bigint)
  where r.kind = 'thread' and t.id = r.id and t.last_seq < r.last_seq;

  v_introduced := array(
    select r.reader_tag
    from jsonb_to_recordset(p_records) as r (kind text, reader_tag text, introduced_at timestamptz)
    where r.kind = 'reader' and r.introduced_at is not null and not exists (
      select from public.relay_readers known
      where known.user_id = p_user_id and known.reader_tag = r.reader_tag
        and known.introduced_at is not null));
  insert into public.relay_readers as known
    (user_id, reader_tag, introduced_at, last_seen_at, last_given_at)
  select p_user_id, r.reader_tag, r.introduced_at, r.last_seen_at, r.last_given_at
  from jsonb_to_recordset(p_records) as r (
    kind text, reader_tag text, introduced_at timestamptz, last_seen_at timestamptz,
    last_given_at timestamptz)
  where r.kind = 'reader'
  order by r.reader_tag
  on conflict (user_id, reader_tag) do update
  set introduced_at = least(known.introduced_at, excluded.introduced_at),
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
    last_given_at = greatest(known.last_given_at, excluded.last_given_at)
  where (known.introduced_at, known.last_seen_at, known.last_given_at) is distinct from (
    least(known.introduced_at, excluded.introduced_at),
    greatest(known.last_seen_at, excluded.last_seen_at),
    greatest(known.last_given_at, excluded.last_given_at));
  get diagnostics v_readers = row_count;
  if cardinality(v_introduced) > 0 and p_thread_ids is not null then
    perform relay.introduce_imported(p_user_id, v_introduced, p_thread_ids);
  end if;

  -- A reader may have been ahead of the messages that were exported with it.
  insert into public.relay_read_cursors as c
    (thread_id, user_id, reader_tag, last_read_seq, last_read_at, updated_at)
  select r.thread_id, p_user_id, r.reader_tag, least(r.last_read_seq, t.last_seq), r.last_read_at,
    r.updated_at
  from jsonb_to_recordset(p_records) as r (
    kind text, thread_id uuid, reader_tag text, last_read_seq bigint, last_read_at timestamptz,
    updated_at timestamptz)
  join public.relay_threads t on t.id = r.thread_id
  where r.kind = 'cursor'
  order by r.thread_id, r.reader_tag
  on conflict (thread_id, reader_tag) do update
  set last_read_seq = excluded.last_read_seq, last_read_at = excluded.last_read_at,
    updated_at = excluded.updated_at
  where c.last_read_seq < excluded.last_read_seq;
  get diagnostics v_cursors = row_count;

  select r.seq, t.name into v_message
  from jsonb_to_recordset(p_records) as r (
    kind text, id uuid, thread_id uuid, seq bigint, idempotency_key text)
  join public.relay_messages m
    on m.id <> r.id and m.thread_id = r.thread_id
      and (m.seq = r.seq or m.idempotency_key = r.idempotency_key)
    or m.id = r.id and (m.thread_id <> r.thread_id or m.seq <> r.seq)
  join public.relay_threads t on t.id = r.thread_id
  where r.kind = 'message' limit 1;
  if found then
    raise exception 'another message has seq % or its idempotency key in the thread "%"',
      v_message.seq, v_message.name using errcode = 'RL008', detail = v_message.name;
  end if;
  with added as (
    insert into public.relay_messages (
      id, thread_id, user_id, seq, surface, session_tag, content, metadata, created_at,
      idempotency_key, reader_tag, addressee, client, reply_to, read_seq, settled_at, redacted_at)
    select id, thread_id, p_user_id, seq, surface, session_tag, content, metadata, created_at,
      idempotency_key, reader_tag, addressee, client, reply_to, read_seq, settled_at, redacted_at
    from jsonb_to_recordset(p_records) as r (
      kind text, id uuid, thread_id uuid, seq bigint, surface text, session_tag text, content text,
      metadata jsonb, created_at timestamptz, idempotency_key text, reader_tag text, addressee text,
      client text, reply_to bigint, read_seq bigint, settled_at timestamptz, redacted_at timestamptz)
    where r.kind = 'message'
    on conflict (id) do nothing
    returning id, thread_id, seq, addressee
  -- By the file's last seq and not by the thread's, because another call may have posted to it meanwhile.
  ), counted as (
    update public.relay_threads t
    set message_count = t.message_count + a.messages, last_seq = greatest(t.last_seq, a.last_seq)
    from (
      select thread_id, count(*) as messages, max(seq) as last_seq from added group by thread_id) a
    where t.id = a.thread_id
    returning t.id, not exists (
      select from public.relay_messages m
      where m.thread_id = t.id and m.seq <= (p_last_seqs ->> t.id::text)::bigint) as is_first
  )
  select (select count(*) from added), (select array_agg(id) filter (where is_first) from counted),
    (select array_agg(id) from added where addressee is not null)
  into v_messages, v_first, v_addressed;

  insert into public.relay_read_cursors (thread_id, user_id, reader_tag, last_read_seq, last_read_at)
  select t.id, p_user_id, known.reader_tag, (p_last_seqs ->> t.id::text)::bigint,
    coalesce(t.last_message_at, t.created_at)
  from public.relay_threads t
  join public.relay_readers known on known.user_id = p_user_id
    and known.introduced_at is not null and not p_reader_tags ? known.reader_tag
  where t.id = any (v_first)
  order by t.id, known.reader_tag
  on conflict (thread_id, reader_tag) do nothing;

  -- The reader of a cursor that still is at the end of the file has received nothing of it.
  with addressed as (
    select m.thread_id, known.reader_tag, min(m.seq) as seq
    from public.relay_messages m
    cross join lateral relay.outcome(m.id) o
    join public.relay_readers known on known.user_id = p_user_id and not p_reader_tags ? known.reader_tag
      and known.reader_tag = o.owner
    where m.id = any (v_addressed) and o.is_open
    group by m.thread_id, known.reader_tag
  )
  update public.relay_read_cursors c
  set last_read_seq = a.seq - 1,
    last_read_at = coalesce(relay.time_of_seq(t.id, a.seq - 1), t.created_at)
  from addressed a join public.relay_threads t on t.id = a.thread_id
  where c.thread_id = a.thread_id and c.reader_tag = a.reader_tag and c.last_read_seq >= a.seq
    and c.last_read_seq = (p_last_seqs ->> t.id::text)::bigint;

  return jsonb_build_object(
    'threads', v_threads, 'readers', v_readers, 'cursors', v_cursors, 'messages', v_messages);
end;
$$;
revoke all on function public.relay_import from public, anon, authenticated;
grant execute on function public.relay_import to service_role;

-- Introduces readers that an import made known to the threads that were here before: all but p_thread_ids.
-- Their messages count as read, up to the first open message addressed to the reader, unless it has a cursor
-- already. Without this, each of those threads would count as opened since. Needs relay.lock_reader.
create or replace function relay.introduce_imported(
  p_user_id uuid, p_reader_tags text[], p_thread_ids jsonb)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  -- As in relay.introduce_reader, each cursor is set from the snapshot of this statement.
  with readers as materialized (
    select reader_tag, relay.fold_name(reader_tag) as folded from unnest(p_reader_tags) reader_tag
  ), addressed as materialized (
    select m.thread_id, r.reader_tag, min(m.seq) - 1 as seq
    from readers r
    join public.relay_messages m on m.user_id = p_user_id
      and m.addressee is not null and relay.fold_name(m.addressee) = r.folded
      and m.created_at > clock_timestamp() - interval '30 days'
    cross join lateral relay.outcome(m.id) o
    where o.owner = r.reader_tag and o.is_open
    group by m.thread_id, r.reader_tag
  ), starts as materialized (
    select t.id, r.reader_tag, coalesce(t.last_message_at, t.created_at) as active_at, t.last_seq,
      least(t.last_seq, addressed.seq) as seq
    from public.relay_threads t
    cross join readers r
    left join addressed on addressed.thread_id = t.id and addressed.reader_tag = r.reader_tag
    where t.user_id = p_user_id
      and t.id not in (select value::uuid from jsonb_array_elements_text(p_thread_ids))
  )
  insert into public.relay_read_cursors
    (thread_id, user_id, reader_tag, last_read_seq, last_read_at)
  select t.id, p_user_id, s.reader_tag, s.seq, case
    when s.seq = s.last_seq then s.active_at
    else coalesce(relay.time_of_seq(t.id, s.seq), t.created_at) end
  from starts s join public.relay_threads t on t.id = s.id
  where s.seq > 0
  order by t.id, s.reader_tag
  for key share of t
  on conflict (thread_id, reader_tag) do nothing;
end;
$$;

-- All at once, so that no helper can be left open.
revoke all on all functions in schema relay from public, anon, authenticated;
grant execute on all functions in schema relay to service_role;

-- The API caches which functions there are.
notify pgrst, 'reload schema';

commit;
