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
