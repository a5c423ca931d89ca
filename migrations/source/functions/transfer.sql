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
