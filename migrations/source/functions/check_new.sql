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
