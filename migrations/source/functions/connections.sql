-- Connections -----------------------------------------------------------------------------------------

-- Takes the grant of a caller for the rest of the transaction, and notes that it was used. The first
-- statement of every function that the Worker calls for a caller: Disconnect waits for the lock, so nothing
-- of a grant commits once Disconnect has answered. p_caller without a `gid` comes from no client. Every post
-- pays for it, so what returns nothing is called as an expression, `v_void := f()`: `perform f()` is a query.
-- Raises RL014 (the grant was cut off).
create or replace function relay.take_grant(p_user_id uuid, p_caller jsonb)
  returns void
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_gid constant text := p_caller ->> 'gid';
  v_void text;
  v_used_at timestamptz;
  v_revoked_at timestamptz;
begin
  if v_gid is null then
    return;
  end if;
  -- A statement of its own: the snapshot of the next one must be newer than the lock, which
  -- relay.disconnect takes too.
  v_void := pg_advisory_xact_lock_shared(hashtextextended(p_user_id || ' ' || v_gid, 3));
  select c.last_used_at, c.revoked_at into v_used_at, v_revoked_at
  from public.relay_connections c where c.user_id = p_user_id and c.gid = v_gid;
  if not found then
    perform relay.add_connection(p_user_id, p_caller);
  elsif v_revoked_at is not null then
    raise exception 'the connection was cut off' using errcode = 'RL014';
  elsif coalesce(v_used_at < clock_timestamp() - interval '1 hour', true) then
    -- Another call's lock on the row is not worth waiting for.
    update public.relay_connections c set last_used_at = clock_timestamp()
    where (c.user_id, c.gid) in (
      select s.user_id, s.gid from public.relay_connections s
      where s.user_id = p_user_id and s.gid = v_gid
      for update skip locked);
  end if;
end;
$$;

-- Adds the row of a caller's grant; false if it is there already.
create or replace function relay.add_connection(p_user_id uuid, p_caller jsonb)
  returns boolean
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_gid constant text := p_caller ->> 'gid';
begin
  insert into public.relay_connections (user_id, gid, name, client, scope, kind, last_used_at)
  values (p_user_id, v_gid,
    case when v_gid = 'key' then 'the relay''s key' else coalesce(p_caller ->> 'client', '') end,
    coalesce(p_caller ->> 'client_hash',
      case when v_gid like 'client:%' then substr(v_gid, length('client:') + 1) end),
    p_caller ->> 'scope', p_caller ->> 'kind', clock_timestamp())
  on conflict do nothing;
  return found;
end;
$$;

-- For the token endpoint and /health, which ask nothing else: takes the grant of a caller. With p_opens the
-- grant is a new one, of a code; `opened` is false if the code was used before. A refresh knows more of the
-- grant than a call does, and fills in what a call that added the row had to leave out.
-- Raises RL014 (the grant was cut off).
create or replace function public.relay_use_grant(
  p_user_id uuid, p_caller jsonb, p_opens boolean default false)
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
begin
  if p_opens then
    return jsonb_build_object('opened', relay.add_connection(p_user_id, p_caller));
  end if;
  perform relay.take_grant(p_user_id, p_caller);
  update public.relay_connections c
  set client = p_caller ->> 'client_hash', scope = p_caller ->> 'scope'
  where c.user_id = p_user_id and c.gid = p_caller ->> 'gid' and c.client is null
    and p_caller ->> 'client_hash' is not null;
  return '{}';
end;
$$;
revoke all on function public.relay_use_grant from public, anon, authenticated;
grant execute on function public.relay_use_grant to service_role;
