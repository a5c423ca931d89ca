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
