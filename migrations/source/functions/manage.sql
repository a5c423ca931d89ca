-- The person's actions ---------------------------------------------------------------------------------

-- One action of POST /manage, for the relay's own key and the board: p_caller ->> 'board' is the hash of
-- the board's client id at the address that was asked, and the grant's row says which client has it. Runs as
-- the owner of the tables, because the Worker's role may neither cut off nor change what others wrote.
-- Raises RL014 (the grant was cut off), RL015 (the caller may not manage), and what the action raises.
create or replace function public.relay_manage(
  p_user_id uuid, p_action text, p_args jsonb, p_caller jsonb)
  returns jsonb
  language plpgsql volatile security definer
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
begin
  if p_action = 'disconnect' then
    -- One at a time: two grants that cut each other off would wait for each other.
    perform pg_advisory_xact_lock(hashtextextended(p_user_id::text, 4));
  end if;
  perform relay.take_grant(p_user_id, p_caller);
  if relay.may_manage(p_user_id, p_caller) is not true then
    raise exception 'this caller may not manage' using errcode = 'RL015';
  end if;
  case p_action
    when 'list_connections' then return relay.list_connections(p_user_id, p_caller);
    when 'disconnect' then return relay.disconnect(p_user_id, p_args);
    when 'make_key' then return relay.make_key(p_user_id, p_args, p_caller);
    when 'rename_thread' then return relay.rename_thread(p_user_id, p_args);
    when 'describe_thread' then return relay.describe_thread(p_user_id, p_args);
    when 'delete_thread' then return relay.delete_thread(p_user_id, p_args);
    when 'list_due_threads' then return relay.list_due_threads(p_user_id, p_args);
    when 'redact_message' then return relay.redact_message(p_user_id, p_args);
    when 'settle_message' then return relay.settle_message(p_user_id, p_args);
    when 'list_readers' then return relay.list_readers(p_user_id, p_args);
    when 'forget_reader' then return relay.forget_reader(p_user_id, p_args);
    when 'list_targets' then return relay.list_targets(p_user_id);
    when 'end_target' then return relay.end_target(p_user_id, p_args);
    -- The Worker has it.
    when 'push_key' then return '{}';
    when 'add_device' then return relay.add_device(p_user_id, p_args, p_caller);
    when 'test_device' then return relay.test_device(p_user_id, p_args);
  end case;
end;
$$;
revoke all on function public.relay_manage from public, anon, authenticated;
grant execute on function public.relay_manage to service_role;

-- Whether a caller may manage: the relay's own key, or a sign-in to the board with the whole scope.
create or replace function relay.may_manage(p_user_id uuid, p_caller jsonb)
  returns boolean
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return p_caller ->> 'gid' = 'key' or exists (
    select from public.relay_connections c
    where c.user_id = p_user_id and c.gid = p_caller ->> 'gid' and c.kind = 'oauth'
      and c.client = p_caller ->> 'board' and c.scope = 'mcp' and p_caller ->> 'scope' = 'mcp');
end;
$$;

-- All connections but the relay's own key, the latest use first.
create or replace function relay.list_connections(p_user_id uuid, p_caller jsonb)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return jsonb_build_object('connections', (
    select coalesce(jsonb_agg(
      relay.connection(c) || case when c.gid = p_caller ->> 'gid' then '{"own": true}' else '{}' end::jsonb
      order by coalesce(c.last_used_at, c.created_at) desc, c.gid), '[]')
    from public.relay_connections c
    where c.user_id = p_user_id and c.gid <> 'key'));
end;
$$;

-- A connection as the answers show it.
create or replace function relay.connection(p_connection public.relay_connections)
  returns jsonb
  language plpgsql stable security invoker set search_path = ''
as $$
begin
  return jsonb_strip_nulls(jsonb_build_object(
    'gid', p_connection.gid,
    'name', p_connection.name,
    'client', p_connection.client,
    'scope', p_connection.scope,
    'kind', p_connection.kind,
    'made_by', p_connection.made_by,
    'created_at', relay.full_time(p_connection.created_at),
    'last_used_at', relay.full_time(p_connection.last_used_at),
    'revoked_at', relay.full_time(p_connection.revoked_at)));
end;
$$;

-- Cuts off the grant p_args ->> 'gid', and ends its subscriptions. Returns the keys that it made and that are still good, which
-- someone who had it may have kept. A second time changes nothing.
-- Raises RL016 (no such connection).
create or replace function relay.disconnect(p_user_id uuid, p_args jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_gid constant text := p_args ->> 'gid';
begin
  -- Waits for the calls of the grant that are running; those that come later find it cut off.
  perform pg_advisory_xact_lock(hashtextextended(p_user_id || ' ' || v_gid, 3));
  update public.relay_connections c set revoked_at = coalesce(c.revoked_at, clock_timestamp())
  where c.user_id = p_user_id and c.gid = v_gid and c.gid <> 'key';
  if not found then
    raise exception 'no connection "%"', v_gid using errcode = 'RL016', detail = v_gid;
  end if;
  perform relay.end_targets(p_user_id, array(
    select id from public.relay_targets where user_id = p_user_id and gid = v_gid));
  return jsonb_build_object('disconnected', true, 'made_keys', (
    select coalesce(jsonb_agg(relay.connection(c) order by c.created_at desc, c.gid), '[]')
    from public.relay_connections c
    where c.user_id = p_user_id and c.made_by = v_gid and c.revoked_at is null));
end;
$$;

-- Writes the row of a new key, before the Worker signs it.
create or replace function relay.make_key(p_user_id uuid, p_args jsonb, p_caller jsonb)
  returns jsonb
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  insert into public.relay_connections (user_id, gid, name, scope, kind, made_by)
  values (p_user_id, p_args ->> 'gid', p_args ->> 'name', p_args ->> 'scope', 'key',
    p_caller ->> 'gid');
  return jsonb_build_object('gid', p_args ->> 'gid');
end;
$$;
