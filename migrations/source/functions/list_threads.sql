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
