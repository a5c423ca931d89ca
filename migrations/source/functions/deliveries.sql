-- The outbox ------------------------------------------------------------------------------------------

-- Whether there is something to send now.
create or replace function relay.is_due(p_user_id uuid)
  returns boolean
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return nullif(exists (
    select from public.relay_deliveries
    where user_id = p_user_id and due_at <= clock_timestamp()), false);
end;
$$;

-- Adds a new message to the outbox, once for each target that it is for; p_is_known: p_to is the tag of a reader
-- that is known. p_notify is as in relay_post_message. The last writes of a post, in the order of targets, and
-- without a lock on any of them.
create or replace function relay.queue_deliveries(
  p_message public.relay_messages, p_thread public.relay_threads, p_is_known boolean, p_notify jsonb)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_to constant text := relay.fold_name(p_message.addressee);
  v_notifies constant boolean := coalesce(p_notify -> 'for' ? v_to, false);
  v_now constant timestamptz := clock_timestamp();
begin
  -- A subscription that takes the place of another, under a new id, waits for this post and moves its delivery
  -- as well, or this post waits for it.
  perform pg_advisory_xact_lock_shared(hashtextextended(p_message.user_id::text, 5));
  if v_notifies then
    insert into public.relay_targets (user_id, id, kind, gid, client, origin)
    values (p_message.user_id, 'notify', 'notify', '', '', p_notify ->> 'origin') on conflict do nothing;
  end if;
  insert into public.relay_deliveries (user_id, target_id, message_id, created_at, due_at, is_dropped)
  select p_message.user_id, t.id, p_message.id, p_message.created_at,
    -- Behind one that failed, it waits as long as that one.
    case when not sent.is_full then greatest(v_now, sent.due_at) end, sent.is_full
  from public.relay_targets t
  cross join lateral (
    select coalesce(count(*) filter (where not d.is_dropped and d.created_at > v_now - interval '1 hour')
        >= relay.hourly_limit(t.kind), false) as is_full,
      max(d.due_at) as due_at, coalesce(bool_or(d.is_dropped), false) as has_dropped
    from public.relay_deliveries d where d.user_id = p_message.user_id and d.target_id = t.id) sent
  where t.user_id = p_message.user_id and t.expires_at > v_now and (t.failures < 10 or t.kind <> 'webhook')
    -- That something was dropped needs noting once, and for a device not at all.
    and not (sent.is_full and (sent.has_dropped or t.kind = 'push'))
    and case t.kind
      when 'notify' then v_notifies
      when 'push' then coalesce(v_to = 'board', false)
      else relay.is_for_target(t.reader_tag, t.addressed_only, p_message.reader_tag, p_message.addressee,
          p_is_known)
        and (t.thread_name is null or relay.is_thread(p_thread, t.thread_name)) end
  order by t.id
  on conflict do nothing;
end;
$$;

-- How many messages an hour a target of that kind gets; null for any number. A chat runs for each; a phone
-- that rang twice a minute for an hour says nothing new, and the next message has the right count.
create or replace function relay.hourly_limit(p_kind text)
  returns integer
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return case p_kind when 'webhook' then 30 when 'push' then 120 end;
end;
$$;

-- Whether a subscription with that reader_tag and addressed_only is for a message: never for the reader's own.
-- An addressee that is not a known reader means each whose tag folds to it.
create or replace function relay.is_for_target(
  p_reader_tag text, p_addressed_only boolean, p_from text, p_to text, p_is_known boolean)
  returns boolean
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return p_reader_tag is null or (
    relay.fold_name(p_from) is distinct from relay.fold_name(p_reader_tag)
    and (not p_addressed_only or coalesce(p_to = p_reader_tag, false)
      or (not p_is_known and coalesce(relay.fold_name(p_to) = relay.fold_name(p_reader_tag), false))));
end;
$$;

-- Whether a thread has that name, or had it.
create or replace function relay.is_thread(p_thread public.relay_threads, p_name text)
  returns boolean
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return relay.fold_name(p_thread.name) = relay.fold_name(p_name)
    or p_thread.former_names @> array[relay.fold_name(p_name)];
end;
$$;

-- The one call of a sender, p_owner: notes the outcomes of the attempts that it made under its leases, and
-- leases what is due, at most p_limit messages, one of each target, and p_push_limit to devices. An outcome has target_id, message_id,
-- `result` (`delivered`, `failed`, `refused` for good, or `ended`: the target cannot be used any more), the
-- `error` of a failure, and after how many seconds the receiver wants to be asked again (`retry_after`).
-- p_origin is the relay's own address, where the sender knows it.
-- Returns the leased messages as `deliveries`, and after how many milliseconds one that has just failed is to
-- be sent again, if that is soon.
create or replace function public.relay_deliver(
  p_user_id uuid, p_owner text, p_outcomes jsonb default '[]', p_limit integer default 6,
  p_origin text default null, p_push_limit integer default 2)
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_target public.relay_targets;
  v_leased jsonb;
  v_deliveries jsonb := '[]';
  v_retry_at timestamptz;
begin
  -- Waits for the lock also of a target that someone else has leased: its sender may be about to let it go
  -- without having seen what is due since.
  for v_target in
    select t.* from public.relay_targets t
    where t.user_id = p_user_id and (
      t.id in (select value ->> 'target_id' from jsonb_array_elements(p_outcomes))
      or t.id in (
        select d.target_id from public.relay_deliveries d
        where d.user_id = p_user_id and d.due_at <= clock_timestamp()))
    order by t.id for update
  loop
    if v_target.lease_owner = p_owner then
      v_target := relay.settle_deliveries(v_target, p_outcomes);
    end if;
    if v_target.id is not null and p_limit > jsonb_array_length(v_deliveries)
      and (v_target.kind <> 'push' or p_push_limit > 0)
      and coalesce(v_target.lease_until < clock_timestamp(), true)
    then
      v_leased := relay.lease_delivery(v_target, p_owner, p_origin);
      v_deliveries := v_deliveries || coalesce(v_leased, '[]');
      if v_target.kind = 'push' and v_leased is not null then
        p_push_limit := p_push_limit - 1;
      end if;
    end if;
  end loop;
  select min(d.due_at) into v_retry_at
  from public.relay_deliveries d
  where d.user_id = p_user_id and d.attempts = 1 and d.due_at > clock_timestamp()
    and d.target_id in (select value ->> 'target_id' from jsonb_array_elements(p_outcomes));
  return jsonb_strip_nulls(jsonb_build_object(
    'deliveries', v_deliveries,
    'retry_ms', case when v_retry_at < clock_timestamp() + interval '10 seconds'
      then ceil(extract(epoch from v_retry_at - clock_timestamp()) * 1000) end));
end;
$$;
revoke all on function public.relay_deliver from public, anon, authenticated;
grant execute on function public.relay_deliver to service_role;

-- Notes what became of the attempt for a target under its lease, and lets it go. Returns the target; null once
-- it has ended. A message is given up after five attempts, about twelve minutes, and if another waits behind
-- it, after three or five minutes.
create or replace function relay.settle_deliveries(p_target public.relay_targets, p_outcomes jsonb)
  returns public.relay_targets
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_outcome record;
  v_delivery public.relay_deliveries;
  v_pauses constant interval[] := '{5 seconds,2 minutes,5 minutes,5 minutes}';
  v_due_at timestamptz;
begin
  for v_outcome in
    select * from jsonb_to_recordset(p_outcomes)
      as o (target_id text, message_id uuid, result text, error text, retry_after integer)
    where target_id = p_target.id
  loop
    if v_outcome.result = 'ended' then
      perform relay.end_targets(p_target.user_id, array[p_target.id]);
      return null;
    end if;
    update public.relay_deliveries d set attempts = d.attempts + 1, due_at = null
    where d.user_id = p_target.user_id and d.target_id = p_target.id
      and d.message_id = v_outcome.message_id and d.due_at is not null
    returning * into v_delivery;
    continue when not found;
    p_target.last_error := v_outcome.error;
    if v_outcome.result = 'delivered' then
      p_target.last_delivery_at := clock_timestamp();
      p_target.acknowledged_at := greatest(p_target.acknowledged_at, v_delivery.created_at);
      p_target.failed_since := null;
      p_target.failures := 0;
    elsif v_outcome.result = 'refused' then
      p_target.is_truncated := true;
    else
      p_target.failed_since := coalesce(p_target.failed_since, clock_timestamp());
      v_due_at := clock_timestamp() + greatest(v_pauses[v_delivery.attempts],
        least(coalesce(v_outcome.retry_after, 0), 600) * interval '1 second');
      if v_delivery.attempts > cardinality(v_pauses) or (
        (v_delivery.attempts >= 3 or v_delivery.created_at < clock_timestamp() - interval '5 minutes')
        and exists (
          select from public.relay_deliveries d
          where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null))
      then
        p_target.failures := p_target.failures + 1;
        p_target.is_truncated := true;
      else
        update public.relay_deliveries d set due_at = greatest(d.due_at, v_due_at)
        where d.user_id = p_target.user_id and d.target_id = p_target.id
          and (d.due_at is not null or d.message_id = v_delivery.message_id);
      end if;
    end if;
  end loop;
  if p_target.kind = 'webhook' and p_target.failures >= 10 then
    delete from public.relay_deliveries d
    where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null;
  end if;
  p_target.lease_owner := null;
  p_target.lease_until := null;
  update public.relay_targets t
  set last_error = p_target.last_error, last_delivery_at = p_target.last_delivery_at,
    acknowledged_at = p_target.acknowledged_at, failed_since = p_target.failed_since,
    failures = p_target.failures, is_truncated = p_target.is_truncated, lease_owner = null,
    lease_until = null
  where t.user_id = p_target.user_id and t.id = p_target.id;
  return p_target;
end;
$$;

-- Leases the first unsettled message of a target for a minute, if it is due: an array of one, or null. What can
-- no longer be delivered goes: messages that were deleted or taken back, and all once the target has expired.
create or replace function relay.lease_delivery(
  p_target public.relay_targets, p_owner text, p_origin text)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  -- A client reaches the relay where it subscribed; for the person, the latest address is the best.
  v_origin constant text := coalesce(case when p_target.kind = 'notify' then p_origin end, p_target.origin);
  v_delivery public.relay_deliveries;
  v_message public.relay_messages;
begin
  if p_target.expires_at < clock_timestamp() then
    perform relay.end_targets(p_target.user_id, array[p_target.id]);
    return null;
  end if;
  delete from public.relay_deliveries d
  where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null
    and not exists (
      select from public.relay_messages m where m.id = d.message_id and m.redacted_at is null);
  if p_target.kind = 'push' then
    perform relay.drop_stale_pushes(p_target);
  end if;
  select * into v_delivery from public.relay_deliveries d
  where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null
  order by d.created_at, d.message_id limit 1;
  if v_delivery.due_at is null or v_delivery.due_at > clock_timestamp() then
    return null;
  end if;
  select * into v_message from public.relay_messages where id = v_delivery.message_id;
  update public.relay_targets t
  set lease_owner = p_owner, lease_until = clock_timestamp() + interval '1 minute', origin = v_origin
  where t.user_id = p_target.user_id and t.id = p_target.id;
  return jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
    'target_id', p_target.id,
    'kind', p_target.kind,
    'url', p_target.url,
    'secret', p_target.secret,
    'previous_secret', case when p_target.previous_until > clock_timestamp()
      then p_target.previous_secret end,
    'arguments', jsonb_build_object('reader_tag', p_target.reader_tag,
      'thread_name', p_target.thread_name, 'addressed_only', p_target.addressed_only),
    'origin', v_origin,
    -- Everything before it was acknowledged, given up or will come by a later delivery.
    'cursor_at', relay.full_time(least(p_target.acknowledged_at,
      v_message.created_at - interval '1 microsecond', relay.settled_until())),
    'open', case when p_target.kind = 'push'
      then (select count(*) from relay.open_messages(p_target.user_id, null, 'board')) end,
    'event', relay.show_event(v_message))));
end;
$$;

-- A device rings once for a burst: of the messages of a thread that wait, the newest stands for the others. It
-- does not ring for one that was answered or marked as done meanwhile.
create or replace function relay.drop_stale_pushes(p_target public.relay_targets)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  delete from public.relay_deliveries d
  where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null
    and not (select o.is_open from relay.outcome(d.message_id) o);
  with waiting as materialized (
    select d.message_id, row_number() over (partition by m.thread_id order by m.seq desc) as place
    from public.relay_deliveries d join public.relay_messages m on m.id = d.message_id
    where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null
  )
  delete from public.relay_deliveries d
  where d.user_id = p_target.user_id and d.target_id = p_target.id
    and d.message_id in (select w.message_id from waiting w where w.place > 1);
end;
$$;

-- A message as events describe it: names and numbers, and nothing of its text.
create or replace function relay.show_event(p_message public.relay_messages)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return jsonb_build_object(
    'id', p_message.id,
    'thread_name', (select t.name from public.relay_threads t where t.id = p_message.thread_id),
    'seq', p_message.seq,
    'from', coalesce(p_message.reader_tag, p_message.session_tag),
    'to', p_message.addressee,
    'surface', p_message.surface,
    'posted_at', relay.full_time(p_message.created_at));
end;
$$;

-- The time up to which every post has committed or failed: each takes its time under its thread's lock, and has
-- eight seconds in all.
create or replace function relay.settled_until()
  returns timestamptz
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return clock_timestamp() - interval '10 seconds';
end;
$$;
