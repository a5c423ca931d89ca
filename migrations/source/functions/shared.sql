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
