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
