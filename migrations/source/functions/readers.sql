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
