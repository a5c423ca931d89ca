-- Targets of deliveries ---------------------------------------------------------------------------------

-- Makes or renews the subscription p_target ->> 'id' of a caller; the Worker has derived the id from the grant,
-- the URL and the arguments. Without p_is_verified nothing is written unless the receiver at this URL has
-- proved within a day that it wants the deliveries of this grant: `unverified` then asks for the proof.
-- A live subscription of the same client with the same URL and arguments is taken over, whichever grant made
-- it. Returns when it ends, a place that is safe to continue from, whether messages were lost since it was last
-- renewed, and its state before.
-- Raises RL014 (the grant was cut off), RL020 (too many subscriptions): its detail is how many there may be.
create or replace function public.relay_subscribe(
  p_user_id uuid, p_target jsonb, p_ttl_ms bigint, p_is_verified boolean, p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_limit constant integer := 20;
  v_now constant timestamptz := clock_timestamp();
  v_gid constant text := p_caller ->> 'gid';
  v_client constant text := coalesce((
    select client from public.relay_connections where user_id = p_user_id and gid = v_gid), v_gid);
  v_new public.relay_targets := jsonb_populate_record(null::public.relay_targets, p_target);
  v_old public.relay_targets;
begin
  perform relay.take_grant(p_user_id, p_caller);
  -- One at a time, or several at once would all be counted too early.
  perform pg_advisory_xact_lock(hashtextextended(p_user_id::text, 5));
  perform relay.sweep_targets(p_user_id);
  select * into v_old from public.relay_targets t
  where t.user_id = p_user_id and t.kind = 'webhook' and (t.id = v_new.id
    or (t.client, t.url, t.addressed_only) = (v_client, v_new.url, v_new.addressed_only)
      and t.reader_tag is not distinct from v_new.reader_tag
      and t.thread_name is not distinct from v_new.thread_name)
  order by t.id = v_new.id desc limit 1 for update;
  if v_old.id is null and v_limit <= (
    select count(*) from public.relay_targets where user_id = p_user_id and kind = 'webhook')
  then
    raise exception 'too many subscriptions' using errcode = 'RL020', detail = v_limit::text;
  end if;
  v_new.verified_at := case when p_is_verified then v_now else (
    select max(verified_at) from public.relay_targets
    where user_id = p_user_id and gid = v_gid and url = v_new.url
      and verified_at > v_now - interval '1 day') end;
  if v_new.verified_at is null then
    return '{"unverified": true}';
  end if;

  delete from public.relay_targets where user_id = p_user_id and id = v_old.id and id <> v_new.id;
  insert into public.relay_targets as t (
    user_id, id, kind, gid, client, url, reader_tag, thread_name, addressed_only, secret, origin,
    created_at, expires_at, verified_at, acknowledged_at, last_delivery_at)
  values (
    p_user_id, v_new.id, 'webhook', v_gid, v_client, v_new.url, v_new.reader_tag, v_new.thread_name,
    v_new.addressed_only, v_new.secret, v_new.origin, coalesce(v_old.created_at, v_now),
    v_now + p_ttl_ms * interval '1 millisecond', v_new.verified_at,
    coalesce(v_old.acknowledged_at, v_now), v_old.last_delivery_at)
  -- The row stays, with its lease: a sender that waits for it must find it, or its outcome would be lost, and
  -- the message sent again.
  on conflict (user_id, id) do update set
    client = excluded.client, secret = excluded.secret, origin = excluded.origin,
    expires_at = excluded.expires_at, verified_at = excluded.verified_at,
    -- Encrypted for this id, so only here and not for another grant's subscription.
    previous_secret = t.secret, previous_until = v_now + interval '5 minutes',
    last_error = null, failed_since = null, failures = 0, is_truncated = false;
  -- This answer says that messages were dropped; those that wait go to the renewed subscription.
  with gone as (
    delete from public.relay_deliveries
    where user_id = p_user_id and target_id = v_old.id and is_dropped returning 1
  )
  select v_old.is_truncated or exists (select from gone) into v_new.is_truncated;
  update public.relay_deliveries set target_id = v_new.id
  where user_id = p_user_id and target_id = v_old.id and v_old.id <> v_new.id;
  return jsonb_strip_nulls(jsonb_build_object(
    'expires_at', relay.full_time(v_now + p_ttl_ms * interval '1 millisecond'),
    -- Everything after it comes by delivery.
    'cursor_at', relay.full_time(least(relay.settled_until(), (
      select min(d.created_at) - interval '1 microsecond' from public.relay_deliveries d
      where d.user_id = p_user_id and d.target_id = v_new.id and d.due_at is not null))),
    'is_truncated', coalesce(v_new.is_truncated, false),
    'is_renewed', v_old.id is not null,
    'before', case when v_old.id is not null then relay.show_target(v_old) end));
end;
$$;
revoke all on function public.relay_subscribe from public, anon, authenticated;
grant execute on function public.relay_subscribe to service_role;

-- Ends the subscription of a caller's client with that URL and those arguments. Returns whether there was one.
-- Raises RL014 (the grant was cut off).
create or replace function public.relay_unsubscribe(
  p_user_id uuid, p_target jsonb, p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_given public.relay_targets := jsonb_populate_record(null::public.relay_targets, p_target);
  v_client constant text := coalesce((
    select client from public.relay_connections
    where user_id = p_user_id and gid = p_caller ->> 'gid'), p_caller ->> 'gid');
begin
  perform relay.take_grant(p_user_id, p_caller);
  return jsonb_build_object('ended', relay.end_targets(p_user_id, array(
    select t.id from public.relay_targets t
    where t.user_id = p_user_id and t.kind = 'webhook' and t.expires_at > clock_timestamp()
      and (t.client, t.url, t.addressed_only) = (v_client, v_given.url, v_given.addressed_only)
      and t.reader_tag is not distinct from v_given.reader_tag
      and t.thread_name is not distinct from v_given.thread_name)) > 0);
end;
$$;
revoke all on function public.relay_unsubscribe from public, anon, authenticated;
grant execute on function public.relay_unsubscribe to service_role;

-- Ends targets, with what waits for them. Returns how many there were.
create or replace function relay.end_targets(p_user_id uuid, p_ids text[])
  returns bigint
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_ids text[];
begin
  v_ids := array(
    select id from public.relay_targets
    where user_id = p_user_id and id = any (p_ids) order by id for update);
  delete from public.relay_targets where user_id = p_user_id and id = any (v_ids);
  delete from public.relay_deliveries where user_id = p_user_id and target_id = any (v_ids);
  return cardinality(v_ids);
end;
$$;

-- Forgets subscriptions whose time is over, and deliveries that are settled or whose target is gone: a post
-- that ran while its target ended may have added one.
create or replace function relay.sweep_targets(p_user_id uuid)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform relay.end_targets(p_user_id, array(
    select id from public.relay_targets where user_id = p_user_id and expires_at < clock_timestamp()));
  delete from public.relay_deliveries d
  where d.user_id = p_user_id and (
    d.due_at is null and not d.is_dropped and d.created_at < clock_timestamp() - interval '1 hour'
    or not exists (
      select from public.relay_targets t where t.user_id = p_user_id and t.id = d.target_id));
end;
$$;

-- A target as a person sees it: of the URL only the host, because the rest may contain a secret.
create or replace function relay.show_target(p_target public.relay_targets)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_hour constant timestamptz := clock_timestamp() - interval '1 hour';
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'id', p_target.id,
    'kind', p_target.kind,
    'gid', nullif(p_target.gid, ''),
    'name', coalesce(p_target.label, (
      select c.name from public.relay_connections c
      where c.user_id = p_target.user_id and c.gid = p_target.gid)),
    'host', substring(p_target.url from '^https?://([^/?#]+)'),
    'reader_tag', p_target.reader_tag,
    'thread_name', p_target.thread_name,
    'addressed_only', p_target.addressed_only,
    'created_at', relay.full_time(p_target.created_at),
    'expires_at', case when isfinite(p_target.expires_at) then relay.full_time(p_target.expires_at) end,
    'last_delivery_at', relay.full_time(p_target.last_delivery_at),
    'last_error', p_target.last_error,
    'failed_since', relay.full_time(p_target.failed_since),
    'is_active', p_target.kind <> 'webhook' or p_target.failures < 10,
    'waiting_count', (
      select count(*) from public.relay_deliveries d
      where d.user_id = p_target.user_id and d.target_id = p_target.id and d.due_at is not null),
    -- When the next message may go out, if the target had its messages for this hour.
    'throttled_until', (
      select relay.full_time(d.created_at + interval '1 hour') from public.relay_deliveries d
      where d.user_id = p_target.user_id and d.target_id = p_target.id and not d.is_dropped
        and d.created_at > v_hour and relay.hourly_limit(p_target.kind) is not null
      order by d.created_at desc offset relay.hourly_limit(p_target.kind) - 1 limit 1)));
end;
$$;

-- All targets, the newest first.
create or replace function relay.list_targets(p_user_id uuid)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return jsonb_build_object('targets', (
    select coalesce(jsonb_agg(relay.show_target(t) order by t.created_at desc, t.id), '[]')
    from public.relay_targets t
    where t.user_id = p_user_id and t.expires_at > clock_timestamp()));
end;
$$;

-- Ends the target p_args ->> 'id'.
-- Raises RL021 (no such target).
create or replace function relay.end_target(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  if relay.end_targets(p_user_id, array[p_args ->> 'id']) = 0 then
    raise exception 'no target "%"', p_args ->> 'id' using errcode = 'RL021', detail = p_args ->> 'id';
  end if;
  return jsonb_build_object('ended', true);
end;
$$;

-- Adds a device of the caller's sign-in, or renews it: its id is that of its endpoint, and the sign-in that added
-- it last has it. p_args: id, url, label, origin, and its keys, encrypted (secret).
-- Raises RL022 (too many devices): its detail is how many there may be.
create or replace function relay.add_device(p_user_id uuid, p_args jsonb, p_caller jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_limit constant integer := 10;
begin
  -- As in relay_subscribe.
  perform pg_advisory_xact_lock(hashtextextended(p_user_id::text, 5));
  if v_limit <= (
    select count(*) from public.relay_targets
    where user_id = p_user_id and kind = 'push' and id <> p_args ->> 'id')
  then
    raise exception 'too many devices' using errcode = 'RL022', detail = v_limit::text;
  end if;
  insert into public.relay_targets as t (
    user_id, id, kind, gid, client, url, reader_tag, addressed_only, label, secret, origin)
  values (
    p_user_id, p_args ->> 'id', 'push', p_caller ->> 'gid', p_caller ->> 'board', p_args ->> 'url', 'board',
    true, p_args ->> 'label', p_args ->> 'secret', p_args ->> 'origin')
  on conflict (user_id, id) do update
  set gid = excluded.gid, client = excluded.client, label = excluded.label, secret = excluded.secret,
    origin = excluded.origin;
  return jsonb_build_object('id', p_args ->> 'id');
end;
$$;

-- Where the device p_args ->> 'id' is reached, for a test.
-- Raises RL021 (no such target).
create or replace function relay.test_device(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_device public.relay_targets;
begin
  select * into v_device from public.relay_targets
  where user_id = p_user_id and kind = 'push' and id = p_args ->> 'id';
  if not found then
    raise exception 'no device "%"', p_args ->> 'id' using errcode = 'RL021', detail = p_args ->> 'id';
  end if;
  return jsonb_build_object('target_id', v_device.id, 'url', v_device.url, 'secret', v_device.secret,
    'origin', v_device.origin);
end;
$$;
