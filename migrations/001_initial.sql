-- relay-mcp: tables, and one function for each tool.
--
-- Creates everything on an empty Supabase project, upgrades a database made by relay-mcp 0.1.0 in
-- place, and changes nothing when it is run again. A 0.1.0 Worker may go on writing meanwhile.
--
-- An upgrade of more than 200,000 messages takes minutes. Supabase's SQL editor stops at 60 seconds,
-- so run that one over a direct connection, with `set statement_timeout = 0` before this file.
--
-- Rules that every function keeps, each of which loses messages or deadlocks when it is broken:
--   1. Locks are taken in one order: the reader (advisory), then the thread, then cursors in the
--      order of thread ids. Threads are locked `for no key update`, which foreign keys do not wait for.
--   2. Places (`seq`) are given under the thread's lock, which is held until commit. So whoever sees
--      place n sees every place below it, and a cursor that moves by place skips nothing.
--   3. Counts and the messages they count come from one statement, hence one snapshot.
--   4. What the API calls is volatile: it runs stable functions in a read-only transaction.
-- Refusals carry an SQLSTATE of our own (RL001 ...), a message for people and sometimes a hint.

begin;

-- One run at a time: two that both find no table would both create it.
do $$
begin
  perform pg_advisory_xact_lock(hashtextextended('relay-mcp migration', 0));
end;
$$;

-- Waits for open transactions of a running Worker, but not for ever: a lock that is waited for
-- holds up everybody behind it.
set local lock_timeout = '10s';

-- A text as words between spaces: what the full-text parser would take for tags, addresses, paths,
-- hyphenated or numbered compounds falls apart into its words. Left whole, such things are told apart
-- in quadratic time: 100,000 characters of `<!--` or `a_` kept a post and its thread busy for 20 s.
create or replace function public.relay_words(p_text text)
  returns text
  language sql immutable security invoker set search_path = ''
as $$
  select translate(p_text, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32));
$$;
revoke all on function public.relay_words from public, anon, authenticated;
grant execute on function public.relay_words to service_role;

-- Tables ------------------------------------------------------------------------------------------

create table if not exists public.relay_threads (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  name text not null,
  description text,
  created_at timestamptz not null default now(),
  last_message_at timestamptz,
  archived boolean not null default false,
  -- The highest place ever given. Never lowered, or a deleted message's place would be given twice.
  last_seq bigint not null default 0,
  message_count bigint not null default 0,
  constraint relay_threads_user_name_unique unique (user_id, name)
);

create table if not exists public.relay_messages (
  id uuid primary key default gen_random_uuid(),
  thread_id uuid not null references public.relay_threads (id) on delete cascade,
  user_id uuid not null,
  surface text not null,
  session_tag text,
  content text not null,
  metadata jsonb,
  created_at timestamptz not null default now(),
  -- The message's place in its thread: 1, 2, 3 ... in commit order. Deleting leaves a gap.
  seq bigint not null,
  idempotency_key text,
  -- `simple` does not stem, which is right for code and names. 100,000 characters are all that a
  -- message has today; 0.1.0 took any length, and more than 1 MB of words is an error.
  search tsvector generated always as (
    to_tsvector('pg_catalog.simple', public.relay_words(left(content, 100000)))) stored,
  constraint relay_messages_surface_check check (surface in ('chat', 'cowork', 'code', 'other'))
);

create table if not exists public.relay_read_cursors (
  id uuid primary key default gen_random_uuid(),
  thread_id uuid not null references public.relay_threads (id) on delete cascade,
  user_id uuid not null,
  reader_tag text not null,
  -- The time of the message at last_read_seq. Kept in step, so that 0.1.0 can be put back.
  last_read_at timestamptz not null,
  updated_at timestamptz not null default now(),
  -- Every message up to this place was handed to this reader.
  last_read_seq bigint not null,
  constraint relay_read_cursors_thread_reader_unique unique (thread_id, reader_tag)
);

-- Triggers: what a 0.1.0 Worker and a person with an SQL editor write -------------------------------

-- Gives a message inserted without a place (by 0.1.0) the next one, under the thread's lock.
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

-- Gives a cursor set by time (by 0.1.0) its place, by 0.1.0's own test of what is read. Never back.
create or replace function public.relay_place_cursor()
  returns trigger
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
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
-- which another post may have overtaken.
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
  -- In the order of ids, so that two deletions over several threads cannot deadlock.
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
-- Each part looks in the catalogue first: on a second run nothing here locks a table.

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

  -- Waits for the first table holding nothing, and for the others not at all: a query that has read
  -- one of them and now wants the next would otherwise wait for us while we wait for it. Two seconds
  -- at a time, since everybody else waits as long as this does.
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

  alter table public.relay_threads
    add column if not exists last_seq bigint not null default 0,
    add column if not exists message_count bigint not null default 0;
  alter table public.relay_messages
    add column if not exists seq bigint,
    add column if not exists idempotency_key text;
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

  -- Last, because it rewrites the table and so clears what the numbering left behind.
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

  -- The list's order; a thread without messages counts from its creation.
  create index relay_threads_active_idx
    on public.relay_threads (user_id, (coalesce(last_message_at, created_at)) desc, id desc)
    where not archived;
  create index relay_threads_activity_idx
    on public.relay_threads (user_id, (coalesce(last_message_at, created_at)) desc, id desc);
  -- 0.1.0's index of the same order without the tie-break.
  drop index if exists public.relay_threads_user_last_message_idx;

  alter table public.relay_messages
    add constraint relay_messages_thread_seq_unique unique (thread_id, seq);
  create index if not exists relay_messages_thread_created_idx
    on public.relay_messages (thread_id, created_at desc);
  create index relay_messages_user_created_idx
    on public.relay_messages (user_id, created_at desc);
  create unique index relay_messages_idempotency_key_idx
    on public.relay_messages (thread_id, idempotency_key) where idempotency_key is not null;
  -- fastupdate would make one post in many pay for flushing the pending list, and every search read it.
  create index relay_messages_search_idx
    on public.relay_messages using gin (search) with (fastupdate = off);

  -- relay_check_new over all threads reads nothing but this of the cursors.
  create index relay_read_cursors_reader_idx
    on public.relay_read_cursors (user_id, reader_tag, thread_id) include (last_read_seq);

  create trigger relay_threads_activity
    before update of last_message_at on public.relay_threads
    for each row when (new.last_message_at < old.last_message_at)
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

  analyze public.relay_threads, public.relay_messages, public.relay_read_cursors;
end;
$$;

revoke all on public.relay_threads, public.relay_messages, public.relay_read_cursors
  from public, anon, authenticated, service_role;
-- By name: older projects grant everything on new objects, newer ones nothing. No tool deletes.
grant select, insert, update
  on public.relay_threads, public.relay_messages, public.relay_read_cursors to service_role;

-- What the tools share ------------------------------------------------------------------------------

-- Removes the white space around a name, as JavaScript's trim() does.
create or replace function public.relay_trim(p_text text)
  returns text
  language sql immutable security invoker set search_path = ''
as $$
  select btrim(p_text, E' \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007'
    '\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff');
$$;
revoke all on function public.relay_trim from public, anon, authenticated;
grant execute on function public.relay_trim to service_role;

-- Turns a text into an ilike pattern that finds it literally, anywhere.
create or replace function public.relay_part_pattern(p_text text)
  returns text
  language sql immutable security invoker set search_path = ''
as $$
  select '%' || regexp_replace(p_text, '([\\%_])', '\\\1', 'g') || '%';
$$;
revoke all on function public.relay_part_pattern from public, anon, authenticated;
grant execute on function public.relay_part_pattern to service_role;

-- The 200 latest thread names, among which the Worker looks for what a caller may have meant.
create or replace function public.relay_latest_names(p_user_id uuid)
  returns jsonb
  language sql volatile security invoker set search_path = ''
as $$
  select coalesce(jsonb_agg(latest.name), '[]') from (
    select name from public.relay_threads
    where user_id = p_user_id
    order by coalesce(last_message_at, created_at) desc, id desc
    limit 200) latest;
$$;
revoke all on function public.relay_latest_names from public, anon, authenticated;
grant execute on function public.relay_latest_names to service_role;

-- The thread of that name: exactly as given (0.1.0 did not trim), else trimmed.
-- Raises RL001 (thread not found), its hint a JSON array of the latest names.
create or replace function public.relay_find_thread(p_user_id uuid, p_thread_name text)
  returns public.relay_threads
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_thread public.relay_threads;
begin
  select * into v_thread from public.relay_threads
  where user_id = p_user_id and name in (p_thread_name, public.relay_trim(p_thread_name))
  order by name = p_thread_name desc
  limit 1;
  if not found then
    raise exception 'thread "%" not found', p_thread_name
      using errcode = 'RL001', hint = public.relay_latest_names(p_user_id)::text;
  end if;
  return v_thread;
end;
$$;
revoke all on function public.relay_find_thread from public, anon, authenticated;
grant execute on function public.relay_find_thread to service_role;

-- Makes calls of one reader take turns, until the transaction ends. A statement of its own in every
-- caller: the snapshot of a statement is older than the locks it waits for.
create or replace function public.relay_lock_reader(p_user_id uuid, p_reader_tag text)
  returns void
  language sql volatile security invoker set search_path = ''
as $$
  select pg_advisory_xact_lock(hashtextextended(p_user_id || ' ' || p_reader_tag, 0));
$$;
revoke all on function public.relay_lock_reader from public, anon, authenticated;
grant execute on function public.relay_lock_reader to service_role;

-- Moves a reader's cursors forward, each to the place beside its thread. Needs relay_lock_reader.
create or replace function public.relay_move_cursors(
  p_user_id uuid, p_reader_tag text, p_thread_ids uuid[], p_seqs bigint[])
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  insert into public.relay_read_cursors as c
    (thread_id, user_id, reader_tag, last_read_seq, last_read_at)
  -- By time, too: up to the last message read, but below the next one. Those that 0.1.0 wrote may
  -- share a time, and 0.1.0 put back had better repeat one than lose one.
  select t.id, p_user_id, p_reader_tag, moved.seq, coalesce(
    least((
        select m.created_at from public.relay_messages m
        where m.thread_id = t.id and m.seq <= moved.seq
        order by m.seq desc limit 1
      ), (
        select m.created_at - interval '1 microsecond' from public.relay_messages m
        where m.thread_id = t.id and m.seq > moved.seq
        order by m.seq limit 1
      )),
    t.created_at)
  from unnest(p_thread_ids, p_seqs) as moved (thread_id, seq)
  join public.relay_threads t on t.id = moved.thread_id
  order by t.id
  -- Waits for a deletion by hand, and then passes over the thread that is gone.
  for key share of t
  on conflict (thread_id, reader_tag) do update
  set last_read_seq = excluded.last_read_seq, last_read_at = excluded.last_read_at, updated_at = now()
  where c.last_read_seq < excluded.last_read_seq;
end;
$$;
revoke all on function public.relay_move_cursors from public, anon, authenticated;
grant execute on function public.relay_move_cursors to service_role;

-- How many messages of a thread have p_after < seq < p_before. Counts rows only where some were
-- deleted by hand; everywhere else the places themselves say it.
create or replace function public.relay_count_between(
  p_thread public.relay_threads, p_after bigint, p_before bigint)
  returns bigint
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  if p_before <= p_after + 1 then
    return 0;
  elsif p_thread.message_count = p_thread.last_seq then
    return least(p_before - 1, p_thread.last_seq) - least(p_after, p_thread.last_seq);
  elsif p_after <= 0 and p_before > p_thread.last_seq then
    return p_thread.message_count;
  end if;
  return (
    select count(*) from public.relay_messages
    where thread_id = p_thread.id and seq > p_after and seq < p_before);
end;
$$;
revoke all on function public.relay_count_between from public, anon, authenticated;
grant execute on function public.relay_count_between to service_role;

-- Messages as JSON, in the order of p_ids, as many as fit into p_max_bytes of JSON but at least one.
-- Weighed twice: by octet_length, which reads no long text, to bound what is written out at all;
-- then by what was written, since escaping can make a text longer.
create or replace function public.relay_pack_messages(
  p_ids uuid[], p_max_bytes integer, p_with_thread_name boolean)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return (
    with weighed as (
      select m.id,
        row_number() over (order by ids.place) as place,
        -- 240 bytes: the fields beside content and metadata.
        sum(octet_length(m.content) + 240) over (order by ids.place) as bytes
      from unnest(p_ids) with ordinality as ids (id, place)
      join public.relay_messages m on m.id = ids.id
    ), written as (
      select w.place,
        case when p_with_thread_name then jsonb_build_object('thread_name', t.name) else '{}' end
        || jsonb_build_object(
          'id', m.id,
          'thread_id', m.thread_id,
          'seq', m.seq,
          'surface', m.surface,
          'session_tag', nullif(m.session_tag, ''),
          'content', m.content,
          'metadata', m.metadata,
          'created_at', m.created_at) as message
      from weighed w
      join public.relay_messages m on m.id = w.id
      join public.relay_threads t on t.id = m.thread_id
      where w.bytes <= p_max_bytes or w.place = 1
    ), fitted as (
      select place, message,
        sum(octet_length(message::text) + 1) over (order by place) as bytes
      from written
    )
    select coalesce(jsonb_agg(message order by place), '[]')
    from fitted
    where bytes <= p_max_bytes or place = 1);
end;
$$;
revoke all on function public.relay_pack_messages from public, anon, authenticated;
grant execute on function public.relay_pack_messages to service_role;

-- The ids of the newest messages that match every filter given, newest first, in one thread or, with
-- p_thread_id null, in all. The statement is put together from the filters that are there: with
-- `p is null or ...` for each, a cached plan took 17.9 s where this takes milliseconds.
-- Raises RL005 (query without a word).
create or replace function public.relay_search(
  p_user_id uuid, p_thread_id uuid, p_limit integer, p_since timestamptz, p_before_seq bigint,
  p_surface text, p_session_tag text, p_query text)
  returns uuid[]
  language plpgsql volatile security invoker
  set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_scope constant text := case when p_thread_id is null then 'm.user_id = $1' else 'm.thread_id = $2' end
    || case when p_before_seq is null then '' else ' and m.seq < $3' end;
  v_filters constant text := 'true'
    || case when p_since is null then '' else ' and m.created_at > $4' end
    || case when p_surface is null then '' else ' and m.surface = $5' end
    || case when p_session_tag is null then '' else ' and m.session_tag = $6' end;
  -- With p_since by time, for the index on it; within a thread both orders are one.
  v_order constant text := case
    when p_thread_id is null then 'm.created_at desc, m.id desc'
    when p_since is null then 'm.seq desc'
    else 'm.created_at desc, m.seq desc' end;
  v_words tsquery;
  v_parts text[];
  v_excluded text[];
  v_ids uuid[];
begin
  if p_query is null then
    execute format(
      'select array(select m.id from public.relay_messages m where %s and %s order by %s limit $7)',
      v_scope, v_filters, v_order)
    into v_ids
    using p_user_id, p_thread_id, p_before_seq, p_since, p_surface, p_session_tag, p_limit;
    return v_ids;
  end if;

  -- Each term as a phrase of its words, as they were indexed; the operators stay.
  select websearch_to_tsquery('pg_catalog.simple', coalesce(string_agg(case
      when term[1] = '' and lower(term[3]) = 'or' then 'or'
      else term[1] || '"' || public.relay_words(coalesce(term[2], term[3])) || '"'
    end, ' ' order by place), ''))
  into v_words
  from regexp_matches(p_query, '(-?)(?:"([^"]+)"|(\S+))', 'g') with ordinality as terms (term, place);
  -- querytree() is what an index can look up: nothing, if there is no word or only excluded ones.
  if querytree(v_words) in ('', 'T') then
    raise exception 'the query has no word to look for' using errcode = 'RL005';
  end if;
  -- Every word or phrase may also be a part of a word. With `or`, only the text as it stands.
  if p_query ~* '(^|\s)or(\s|$)' then
    v_parts := array[public.relay_part_pattern(public.relay_trim(p_query))];
  else
    select
      array_agg(public.relay_part_pattern(coalesce(term[2], term[3]))) filter (where term[1] = ''),
      array_agg(public.relay_part_pattern(coalesce(term[2], term[3]))) filter (where term[1] = '-')
    into v_parts, v_excluded
    from regexp_matches(p_query, '(-?)(?:"([^"]+)"|(\S+))', 'g') term;
  end if;

  -- First the newest 1,000 one by one, which finds parts of identifiers and of text without spaces;
  -- the inner limit is a fence: no text is looked through in more rows than that. Then, if more is
  -- wanted, the index. Materialized, or the planner may walk all messages from the newest on in the
  -- hope of a match. One statement, or a message posted between two would come last.
  execute format($sql$
    with newest as materialized (
      select m.id, row_number() over (order by %3$s) as place
      from (select * from public.relay_messages m where %1$s order by %3$s limit 1000) m
      where (m.search @@ $8 or m.content ilike all ($9) and m.content not ilike all ($10)) and %2$s
      order by %3$s limit $7
    ), older as materialized (
      select m.id, m.seq, m.created_at
      from public.relay_messages m
      where (select count(*) from newest) < $7
        and m.search @@ $8 and %1$s and %2$s and m.id not in (select id from newest)
    )
    select array(select id from newest order by place)
      || array(select m.id from older m order by %3$s limit $7 - (select count(*) from newest))
  $sql$, v_scope, v_filters, v_order)
  into v_ids
  using p_user_id, p_thread_id, p_before_seq, p_since, p_surface, p_session_tag, p_limit, v_words,
    v_parts, coalesce(v_excluded, '{}');
  return v_ids;
end;
$$;
revoke all on function public.relay_search from public, anon, authenticated;
grant execute on function public.relay_search to service_role;

-- The six tools -------------------------------------------------------------------------------------
-- A lock is waited for 4 s, half of what the API's statement timeout leaves.

-- Threads, latest activity first; with p_reader_tag, what that reader has not read of each.
create or replace function public.relay_list_threads(
  p_user_id uuid, p_include_archived boolean default false, p_reader_tag text default null,
  p_query text default null, p_limit integer default 100)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
declare
  v_where constant text := 't.user_id = $1'
    || case when p_include_archived then '' else ' and not t.archived' end
    || case when p_query is null then '' else ' and (t.name ilike $2 or t.description ilike $2)' end;
  v_result jsonb;
begin
  -- One thread more than asked for tells whether the rest is worth counting.
  execute format($sql$
    with listed as (
      select t.*, row_number() over (order by coalesce(t.last_message_at, t.created_at) desc, t.id desc) as place
      from public.relay_threads t
      where %1$s
      order by coalesce(t.last_message_at, t.created_at) desc, t.id desc
      limit $3 + 1
    )
    select jsonb_build_object(
      'threads', coalesce((
        select jsonb_agg(
          jsonb_build_object(
            'id', t.id,
            'name', t.name,
            'description', t.description,
            'last_message_at', t.last_message_at,
            'archived', t.archived,
            'message_count', t.message_count
          ) || case when $4 is null then '{}' else jsonb_build_object('unread_count', case
            when c.last_read_seq >= t.last_seq then 0
            when c.last_read_seq is null or c.last_read_seq = 0 then t.message_count
            when t.message_count = t.last_seq then t.last_seq - c.last_read_seq
            else (
              select count(*) from public.relay_messages m
              where m.thread_id = t.id and m.seq > c.last_read_seq)
            end) end
          order by t.place)
        from listed t
        left join public.relay_read_cursors c
          on c.user_id = $1 and c.reader_tag = $4 and c.thread_id = t.id
        where t.place <= $3), '[]'),
      'remaining_count', case when (select count(*) from listed) <= $3 then 0
        else (select count(*) from public.relay_threads t where %1$s) - $3 end)
  $sql$, v_where)
  into v_result
  using p_user_id, public.relay_part_pattern(p_query), p_limit, p_reader_tag;
  return v_result;
end;
$$;
revoke all on function public.relay_list_threads from public, anon, authenticated;
grant execute on function public.relay_list_threads to service_role;

-- Opens a thread. Raises RL002 (thread exists); its detail is `archived` for an archived one.
create or replace function public.relay_create_thread(
  p_user_id uuid, p_name text, p_description text default null)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
declare
  v_thread public.relay_threads;
begin
  select * into v_thread from public.relay_threads
  where user_id = p_user_id and name in (p_name, public.relay_trim(p_name))
  limit 1;
  if not found then
    insert into public.relay_threads (user_id, name, description)
    values (p_user_id, public.relay_trim(p_name), p_description)
    on conflict (user_id, name) do nothing
    returning * into v_thread;
    if found then
      return jsonb_build_object(
        'id', v_thread.id, 'name', v_thread.name, 'created_at', v_thread.created_at);
    end if;
    select * into v_thread from public.relay_threads
    where user_id = p_user_id and name = public.relay_trim(p_name);
  end if;
  raise exception 'thread "%" already exists', v_thread.name
    using errcode = 'RL002', detail = case when v_thread.archived then 'archived' else 'active' end;
end;
$$;
revoke all on function public.relay_create_thread from public, anon, authenticated;
grant execute on function public.relay_create_thread to service_role;

-- Posts a message under the id that the caller chose, so that posting the same id again, after an
-- answer that never came, returns what is there. Creates a missing thread, reopens an archived one.
-- Raises RL003 (idempotency key already used for another message).
create or replace function public.relay_post_message(
  p_user_id uuid, p_message_id uuid, p_thread_name text, p_content text, p_surface text,
  p_session_tag text default null, p_metadata jsonb default null, p_reader_tag text default null,
  p_idempotency_key text default null)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
declare
  v_thread public.relay_threads;
  v_created boolean := false;
  v_message public.relay_messages;
  v_read bigint;
begin
  if p_reader_tag is not null then
    perform public.relay_lock_reader(p_user_id, p_reader_tag);
  end if;

  loop
    select * into v_thread from public.relay_threads
    where user_id = p_user_id and name in (p_thread_name, public.relay_trim(p_thread_name))
    order by name = p_thread_name desc
    limit 1
    for no key update;
    exit when found;
    insert into public.relay_threads (user_id, name)
    values (p_user_id, public.relay_trim(p_thread_name))
    on conflict (user_id, name) do nothing;
    v_created := found;
  end loop;

  -- Only now, under the lock: before it, two calls with one key would both find nothing. What an
  -- earlier attempt created or reopened is not told again: nothing remembers it.
  select * into v_message from public.relay_messages
  where id = p_message_id and thread_id = v_thread.id;
  if found then
    return jsonb_build_object('id', v_message.id, 'thread_id', v_message.thread_id,
      'created_at', v_message.created_at, 'seq', v_message.seq);
  end if;
  if p_idempotency_key is not null then
    select * into v_message from public.relay_messages
    where thread_id = v_thread.id and idempotency_key = p_idempotency_key;
    if found then
      if (v_message.content, v_message.surface, v_message.metadata)
        is distinct from (p_content, p_surface, p_metadata)
      then
        raise exception 'idempotency key "%" already belongs to another message', p_idempotency_key
          using errcode = 'RL003', detail = v_message.seq::text;
      end if;
      return jsonb_build_object('id', v_message.id, 'thread_id', v_message.thread_id,
        'created_at', v_message.created_at, 'seq', v_message.seq, 'duplicate', true);
    end if;
  end if;

  -- The time is taken here, under the lock: a default, now() or a value from outside is older than
  -- the wait for it, and would run backwards from one place to the next. Never the same time twice
  -- in a thread, or a cursor by time (0.1.0) would take both messages for read.
  update public.relay_threads t
  set last_seq = t.last_seq + 1,
      message_count = t.message_count + 1,
      last_message_at = greatest(t.last_message_at + interval '1 microsecond', clock_timestamp()),
      archived = false
  where t.id = v_thread.id
  returning t.last_seq, t.last_message_at into v_message.seq, v_message.created_at;

  insert into public.relay_messages (
    id, thread_id, user_id, seq, surface, session_tag, content, metadata, idempotency_key, created_at)
  values (
    p_message_id, v_thread.id, p_user_id, v_message.seq, p_surface, p_session_tag, p_content,
    p_metadata, p_idempotency_key, v_message.created_at);

  -- Whoever had read everything has read this too.
  if p_reader_tag is not null then
    v_read := coalesce((
      select last_read_seq from public.relay_read_cursors
      where thread_id = v_thread.id and reader_tag = p_reader_tag), 0);
    if not exists (
      select from public.relay_messages
      where thread_id = v_thread.id and seq > v_read and seq < v_message.seq
    ) then
      perform public.relay_move_cursors(
        p_user_id, p_reader_tag, array[v_thread.id], array[v_message.seq]);
    end if;
  end if;

  return jsonb_build_object('id', p_message_id, 'thread_id', v_thread.id,
      'created_at', v_message.created_at, 'seq', v_message.seq)
    || case when v_created then '{"thread_created": true}' else '{}'::jsonb end
    || case when v_thread.archived then '{"thread_reopened": true}' else '{}'::jsonb end;
end;
$$;
revoke all on function public.relay_post_message from public, anon, authenticated;
grant execute on function public.relay_post_message to service_role;

-- Messages of one thread, or with p_thread_name null what a search finds in all, newest first.
-- Moves the reader's cursor over an unfiltered window that joins onto what it has read.
-- Raises RL001 (thread not found), RL005 (query without a word).
create or replace function public.relay_read_thread(
  p_user_id uuid, p_thread_name text default null, p_limit integer default 50,
  p_since timestamptz default null, p_reader_tag text default null, p_before_seq bigint default null,
  p_surface text default null, p_session_tag text default null, p_query text default null,
  p_max_bytes integer default 60000)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
declare
  v_is_search constant boolean := num_nonnulls(p_since, p_surface, p_session_tag, p_query) > 0;
  v_moves constant boolean := p_reader_tag is not null and p_before_seq is null and not v_is_search;
  v_thread public.relay_threads;
  v_ids uuid[];
  v_messages jsonb;
  v_newest bigint;
  v_oldest bigint;
  v_older bigint;
  v_read bigint;
  v_unread bigint;
  v_result jsonb;
begin
  if p_thread_name is null then
    -- One id more than asked for tells whether there is more.
    v_ids := public.relay_search(p_user_id, null, p_limit + 1, p_since, p_before_seq, p_surface,
      p_session_tag, p_query);
    v_messages := public.relay_pack_messages(v_ids[:p_limit], p_max_bytes, true);
    return jsonb_build_object('messages', v_messages)
      || case when jsonb_array_length(v_messages) < cardinality(v_ids)
        then '{"has_more": true}' else '{}'::jsonb end;
  end if;

  if v_moves then
    perform public.relay_lock_reader(p_user_id, p_reader_tag);
  end if;
  v_thread := public.relay_find_thread(p_user_id, p_thread_name);

  if v_is_search then
    v_ids := public.relay_search(p_user_id, v_thread.id, p_limit + 1, p_since, p_before_seq,
      p_surface, p_session_tag, p_query);
  else
    -- The counts again, in the statement that chooses the messages.
    select t.last_seq, t.message_count, array(
      select m.id from public.relay_messages m
      where m.thread_id = t.id and m.seq < coalesce(p_before_seq, t.last_seq + 1)
      order by m.seq desc limit p_limit)
    into v_thread.last_seq, v_thread.message_count, v_ids
    from public.relay_threads t where t.id = v_thread.id;
  end if;

  v_messages := public.relay_pack_messages(v_ids[:p_limit], p_max_bytes, false);
  v_newest := (v_messages -> 0 ->> 'seq')::bigint;
  v_oldest := coalesce(
    (v_messages -> -1 ->> 'seq')::bigint, p_before_seq, v_thread.last_seq + 1);
  v_result := jsonb_build_object('messages', v_messages);

  if v_is_search then
    -- How many more match is not counted: that would read the whole thread.
    if jsonb_array_length(v_messages) < cardinality(v_ids) then
      v_result := v_result || jsonb_build_object('has_more', true, 'next_before_seq', v_oldest);
    end if;
  else
    v_older := public.relay_count_between(v_thread, 0, v_oldest);
    v_result := v_result || jsonb_build_object('older_count', v_older);
    if v_older > 0 then
      v_result := v_result || jsonb_build_object('next_before_seq', v_oldest);
    end if;
  end if;

  if p_reader_tag is not null then
    v_read := coalesce((
      select last_read_seq from public.relay_read_cursors
      where thread_id = v_thread.id and reader_tag = p_reader_tag), 0);
    -- Not whether the numbers touch: a deleted message leaves a gap that nobody can read.
    v_unread := public.relay_count_between(v_thread, v_read, v_oldest);
    if v_moves and v_unread = 0 and v_newest > v_read then
      perform public.relay_move_cursors(
        p_user_id, p_reader_tag, array[v_thread.id], array[v_newest]);
    end if;
    v_result := v_result || jsonb_build_object('unread_older_count', v_unread);
  end if;
  return v_result;
end;
$$;
revoke all on function public.relay_read_thread from public, anon, authenticated;
grant execute on function public.relay_read_thread to service_role;

-- What is after the reader's cursor, oldest first, and the cursor moved over exactly that; in one
-- thread, or with p_thread_name null in all of them, the least recently active first.
-- Raises RL001 (thread not found), RL004 (ack_seq beyond the thread's end).
create or replace function public.relay_check_new(
  p_user_id uuid, p_reader_tag text, p_thread_name text default null, p_limit integer default 100,
  p_peek boolean default false, p_ack_seq bigint default null, p_max_bytes integer default 60000)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
declare
  v_thread public.relay_threads;
  v_read bigint;
  v_ids uuid[];
  v_messages jsonb;
  v_seen bigint;
  v_unread bigint;
begin
  -- A peek that acknowledges nothing moves nothing, so it waits for nobody.
  if not p_peek or p_ack_seq is not null then
    perform public.relay_lock_reader(p_user_id, p_reader_tag);
  end if;
  if p_thread_name is null then
    return public.relay_check_all(p_user_id, p_reader_tag, p_limit, p_peek, p_max_bytes);
  end if;

  v_thread := public.relay_find_thread(p_user_id, p_thread_name);
  v_read := coalesce((
    select last_read_seq from public.relay_read_cursors
    where thread_id = v_thread.id and reader_tag = p_reader_tag), 0);
  if p_ack_seq > v_thread.last_seq then
    raise exception 'ack_seq % is above the last seq of thread "%", %',
      p_ack_seq, v_thread.name, v_thread.last_seq using errcode = 'RL004';
  elsif p_ack_seq > v_read then
    perform public.relay_move_cursors(
      p_user_id, p_reader_tag, array[v_thread.id], array[p_ack_seq]);
    v_read := p_ack_seq;
  end if;

  -- The counts again, in the statement that chooses the messages.
  select t.last_seq, t.message_count, array(
    select m.id from public.relay_messages m
    where m.thread_id = t.id and m.seq > v_read
    order by m.seq limit p_limit)
  into v_thread.last_seq, v_thread.message_count, v_ids
  from public.relay_threads t where t.id = v_thread.id;

  v_messages := public.relay_pack_messages(v_ids, p_max_bytes, true);
  v_seen := (v_messages -> -1 ->> 'seq')::bigint;
  if p_peek or v_seen is null then
    v_seen := v_read;
  else
    perform public.relay_move_cursors(
      p_user_id, p_reader_tag, array[v_thread.id], array[v_seen]);
  end if;
  v_unread := public.relay_count_between(v_thread, v_seen, v_thread.last_seq + 1);
  return jsonb_build_object(
    'new_message_count', jsonb_array_length(v_messages),
    'messages', v_messages,
    'remaining_count', v_unread);
end;
$$;
revoke all on function public.relay_check_new from public, anon, authenticated;
grant execute on function public.relay_check_new to service_role;

-- relay_check_new over all threads: the active ones, and archived ones where this reader has been.
-- A reader without a cursor anywhere is new: it gets the newest 20 messages and starts there, with a
-- cursor in every thread. From then on a thread without a cursor is one opened since, and is read
-- from its start. Needs relay_lock_reader, unless p_peek.
create or replace function public.relay_check_all(
  p_user_id uuid, p_reader_tag text, p_limit integer, p_peek boolean, p_max_bytes integer)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_ids uuid[];
  v_messages jsonb;
  v_unread bigint;
begin
  if not exists (
    select from public.relay_read_cursors where user_id = p_user_id and reader_tag = p_reader_tag
  ) then
    return public.relay_introduce_reader(p_user_id, p_reader_tag, p_limit, p_peek, p_max_bytes);
  end if;

  -- Whoever has read everything, as who polls mostly has, is told so by two sums, at half the price of
  -- a look at each thread: no cursor is above its thread's last place, so equal sums are equal places.
  if (select sum(last_seq) from public.relay_threads where user_id = p_user_id) = (
    select sum(last_read_seq) from public.relay_read_cursors
    where user_id = p_user_id and reader_tag = p_reader_tag)
  then
    return '{"new_message_count": 0, "messages": [], "remaining_count": 0}';
  end if;

  -- Unread messages are counted by places, and only as many threads are read as fill the answer.
  with pending as (
    select t.id as thread_id, t.last_message_at, coalesce(c.last_read_seq, 0) as read_seq, case
      when c.last_read_seq is null or c.last_read_seq = 0 then t.message_count
      when t.message_count = t.last_seq then t.last_seq - c.last_read_seq
      else (
        select count(*) from public.relay_messages m
        where m.thread_id = t.id and m.seq > c.last_read_seq)
      end as unread
    from public.relay_threads t
    left join public.relay_read_cursors c
      on c.user_id = p_user_id and c.reader_tag = p_reader_tag and c.thread_id = t.id
    where t.user_id = p_user_id
      and t.last_seq > coalesce(c.last_read_seq, 0)
      and (not t.archived or c.last_read_seq is not null)
  ), turns as (
    select *, sum(unread) over (order by last_message_at, thread_id) - unread as unread_before
    from pending where unread > 0
  )
  select coalesce((select sum(unread) from turns), 0), array(
    select m.id
    from turns
    cross join lateral (
      select m.id, m.seq from public.relay_messages m
      where m.thread_id = turns.thread_id and m.seq > turns.read_seq
      order by m.seq limit p_limit) m
    where turns.unread_before < p_limit
    order by turns.last_message_at, turns.thread_id, m.seq
    limit p_limit)
  into v_unread, v_ids;

  v_messages := public.relay_pack_messages(v_ids, p_max_bytes, true);
  if not p_peek and v_messages <> '[]' then
    perform public.relay_move_cursors(
      p_user_id, p_reader_tag, array_agg(seen.thread_id), array_agg(seen.seq))
    from (
      select (m ->> 'thread_id')::uuid as thread_id, max((m ->> 'seq')::bigint) as seq
      from jsonb_array_elements(v_messages) m group by 1) seen;
    v_unread := v_unread - jsonb_array_length(v_messages);
  end if;
  return jsonb_build_object(
    'new_message_count', jsonb_array_length(v_messages),
    'messages', v_messages,
    'remaining_count', v_unread);
end;
$$;
revoke all on function public.relay_check_all from public, anon, authenticated;
grant execute on function public.relay_check_all to service_role;

-- The first relay_check_new over all threads of a reader without a cursor.
create or replace function public.relay_introduce_reader(
  p_user_id uuid, p_reader_tag text, p_limit integer, p_peek boolean, p_max_bytes integer)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_ids uuid[];
  v_messages jsonb;
begin
  -- One statement: a message that is not among the newest of this snapshot is above its cursors.
  with newest as (
    select m.id, m.created_at
    from public.relay_messages m
    join public.relay_threads t on t.id = m.thread_id
    where m.user_id = p_user_id and not t.archived
    order by m.created_at desc, m.id desc
    limit least(p_limit, 20)
  ), introduced as (
    insert into public.relay_read_cursors (thread_id, user_id, reader_tag, last_read_seq, last_read_at)
    select t.id, p_user_id, p_reader_tag, t.last_seq, coalesce(t.last_message_at, t.created_at)
    from public.relay_threads t
    where t.user_id = p_user_id and not p_peek and exists (select from newest)
    order by t.id
    for key share of t
    on conflict (thread_id, reader_tag) do nothing
  )
  select array(select id from newest order by created_at desc, id desc) into v_ids;

  -- Packed from the newest on, so that the budget drops the oldest; then told in reading order.
  v_messages := public.relay_pack_messages(v_ids, p_max_bytes, true);
  select coalesce(
    jsonb_agg(m order by t.last_message_at, t.id, (m ->> 'seq')::bigint), '[]') into v_messages
  from jsonb_array_elements(v_messages) m
  join public.relay_threads t on t.id = (m ->> 'thread_id')::uuid;
  return jsonb_build_object(
    'new_message_count', jsonb_array_length(v_messages),
    'messages', v_messages,
    'remaining_count', case when p_peek then jsonb_array_length(v_messages) else 0 end,
    'new_reader', true);
end;
$$;
revoke all on function public.relay_introduce_reader from public, anon, authenticated;
grant execute on function public.relay_introduce_reader to service_role;

-- Hides a thread from the list, or brings it back. History and cursors stay.
-- Raises RL001 (thread not found).
create or replace function public.relay_archive_thread(
  p_user_id uuid, p_thread_name text, p_archived boolean default true)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
declare
  v_thread constant public.relay_threads := public.relay_find_thread(p_user_id, p_thread_name);
begin
  update public.relay_threads set archived = p_archived
  where id = v_thread.id and archived <> p_archived;
  return jsonb_build_object('archived', p_archived);
end;
$$;
revoke all on function public.relay_archive_thread from public, anon, authenticated;
grant execute on function public.relay_archive_thread to service_role;

-- Not tools: what is shown where people look ---------------------------------------------------------

-- Active threads, latest activity first, from behind the place (active_at, id) on. By place and not
-- by number: a thread that becomes active meanwhile goes to the front, and neither repeats nor hides
-- another.
create or replace function public.relay_page_threads(
  p_user_id uuid, p_limit integer, p_active_at timestamptz default 'infinity',
  p_id uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  returns jsonb
  language sql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
  select coalesce(jsonb_agg(
    jsonb_build_object(
      'id', t.id,
      'name', t.name,
      -- A line of a list; the whole one is up to 2,000 characters.
      'description', left(t.description, 200),
      'last_message_at', t.last_message_at,
      'active_at', t.active_at)
    order by t.active_at desc, t.id desc), '[]')
  from (
    select *, coalesce(last_message_at, created_at) as active_at
    from public.relay_threads
    where user_id = p_user_id and not archived
      and (coalesce(last_message_at, created_at), id) < (p_active_at, p_id)
    order by coalesce(last_message_at, created_at) desc, id desc
    limit p_limit) t;
$$;
revoke all on function public.relay_page_threads from public, anon, authenticated;
grant execute on function public.relay_page_threads to service_role;

-- Names with p_value in them, in any case: archived threads last, names that start with it first,
-- then by latest activity. The first p_limit, and how many there are.
create or replace function public.relay_complete_name(
  p_user_id uuid, p_value text, p_limit integer default 100)
  returns jsonb
  language sql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
  with matching as (
    select t.name, row_number() over (order by t.archived, found.at > 1,
      coalesce(t.last_message_at, t.created_at) desc, t.id desc) as place
    from public.relay_threads t
    -- strpos() takes the value as it is, where a pattern would need escaping.
    cross join lateral (select strpos(lower(t.name), lower(p_value)) as at) found
    where t.user_id = p_user_id and found.at > 0
  )
  select jsonb_build_object(
    'values', coalesce(jsonb_agg(name order by place) filter (where place <= p_limit), '[]'),
    'total', count(*))
  from matching;
$$;
revoke all on function public.relay_complete_name from public, anon, authenticated;
grant execute on function public.relay_complete_name to service_role;

-- Not a tool: what is here, for whoever operates the relay. The daily call of the cron trigger too.
-- Threads of other users are counted, since a wrong RELAY_USER_ID looks like a relay that lost all of
-- them. `functions` has what the API can find, and whether it may call it: a migration that was run
-- in part, or a revoke that came later, leaves a tool that fails.
create or replace function public.relay_status(p_user_id uuid)
  returns jsonb
  language sql volatile security invoker set search_path = '' set timezone = 'UTC'
as $$
  select jsonb_build_object(
    'schema_version', 1,
    'now', clock_timestamp(),
    'thread_count', count(*) filter (where user_id = p_user_id),
    'message_count', coalesce(sum(message_count) filter (where user_id = p_user_id), 0),
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

-- Not tools: everything one person has, out of one database and into another -------------------------
-- Places, times and ids are kept, so that a reader goes on where it was.

-- The next records of one kind ('thread', 'message', 'cursor') behind the one given, as far as they fit
-- into p_max_bytes, but at least one; an empty array at the end. Leaves out threads made after
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
        select 'thread' as kind, id, name, description, created_at, last_message_at, archived, last_seq
        from public.relay_threads
        where user_id = p_user_id and created_at <= p_as_of
          and (p_thread_id is null or id > p_thread_id)
        order by id limit p_limit) page);
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
          'created_at', m.created_at, 'idempotency_key', m.idempotency_key) order by page.place), '[]')
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

-- Adds records that relay_export gave, threads before what belongs to them, and returns how many were
-- new. What is there already stays, so that records may come twice; a cursor only moves forward.
-- Raises RL008 where something else is in a record's place: its detail names the thread.
create or replace function public.relay_import(p_user_id uuid, p_records jsonb)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
declare
  v_threads bigint;
  v_messages bigint;
  v_cursors bigint;
  v_thread record;
  v_message record;
begin
  perform public.relay_lock_reader(p_user_id, reader_tag)
  from (
    select distinct r ->> 'reader_tag' as reader_tag
    from jsonb_array_elements(p_records) r where r ->> 'kind' = 'cursor'
    order by 1) readers;
  perform from public.relay_threads
  where id in (
    select (r ->> case when r ->> 'kind' = 'thread' then 'id' else 'thread_id' end)::uuid
    from jsonb_array_elements(p_records) r)
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
    (id, user_id, name, description, created_at, last_message_at, archived, last_seq)
  select id, p_user_id, name, description, created_at, last_message_at, archived, last_seq
  from jsonb_to_recordset(p_records) as r (
    kind text, id uuid, name text, description text, created_at timestamptz,
    last_message_at timestamptz, archived boolean, last_seq bigint)
  where r.kind = 'thread'
  order by id
  on conflict (id) do nothing;
  get diagnostics v_threads = row_count;
  -- What was written since the thread was there: its last place, and whether it is hidden.
  update public.relay_threads t
  set last_seq = r.last_seq, last_message_at = r.last_message_at, archived = r.archived
  from jsonb_to_recordset(p_records) as r (
    kind text, id uuid, last_message_at timestamptz, archived boolean, last_seq bigint)
  where r.kind = 'thread' and t.id = r.id and t.last_seq < r.last_seq;

  select r.seq, t.name into v_message
  from jsonb_to_recordset(p_records) as r (kind text, id uuid, thread_id uuid, seq bigint)
  join public.relay_messages m
    on (m.id = r.id) <> (m.thread_id = r.thread_id and m.seq = r.seq)
    and (m.id = r.id or m.thread_id = r.thread_id and m.seq = r.seq)
  join public.relay_threads t on t.id = r.thread_id
  where r.kind = 'message' limit 1;
  if found then
    raise exception 'another message has place % of the thread "%"', v_message.seq, v_message.name
      using errcode = 'RL008', detail = v_message.name;
  end if;
  with added as (
    insert into public.relay_messages (
      id, thread_id, user_id, seq, surface, session_tag, content, metadata, created_at, idempotency_key)
    select id, thread_id, p_user_id, seq, surface, session_tag, content, metadata, created_at,
      idempotency_key
    from jsonb_to_recordset(p_records) as r (
      kind text, id uuid, thread_id uuid, seq bigint, surface text, session_tag text, content text,
      metadata jsonb, created_at timestamptz, idempotency_key text)
    where r.kind = 'message'
    on conflict (id) do nothing
    returning thread_id, seq
  ), counted as (
    update public.relay_threads t
    set message_count = t.message_count + a.messages, last_seq = greatest(t.last_seq, a.last_seq)
    from (
      select thread_id, count(*) as messages, max(seq) as last_seq from added group by thread_id) a
    where t.id = a.thread_id
  )
  select count(*) into v_messages from added;

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
  return jsonb_build_object('threads', v_threads, 'messages', v_messages, 'cursors', v_cursors);
end;
$$;
revoke all on function public.relay_import from public, anon, authenticated;
grant execute on function public.relay_import to service_role;

-- The API caches what functions there are.
notify pgrst, 'reload schema';

commit;
