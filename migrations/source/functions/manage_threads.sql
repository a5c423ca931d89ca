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
