-- Opens a thread. Raises RL002 (thread exists): its detail has the name of the thread that is there,
-- which may be spelled otherwise, and whether it is archived.
create or replace function public.relay_create_thread(
  p_user_id uuid, p_name text, p_description text default null, p_caller jsonb default '{}')
  returns json
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_id uuid;
  v_thread public.relay_threads;
begin
  perform relay.take_grant(p_user_id, p_caller);
  perform relay.lock_thread_name(p_user_id, p_name);
  v_id := relay.locate_thread(p_user_id, p_name);
  select * into v_thread from public.relay_threads where id = v_id;
  if v_thread.former_names @> array[relay.fold_name(p_name)] then
    -- Made on purpose, the name is this thread's from now on.
    update public.relay_threads set former_names = array_remove(former_names, relay.fold_name(p_name))
    where id = v_id;
    v_thread := null;
  end if;
  if v_thread.id is null then
    insert into public.relay_threads (user_id, name, description)
    values (p_user_id, relay.trim(p_name), p_description)
    on conflict (user_id, name) do nothing
    returning * into v_thread;
    if found then
      return json_build_object(
        'id', v_thread.id,
        'name', v_thread.name,
        'created_at', relay.full_time(v_thread.created_at),
        'due', relay.is_due(p_user_id));
    end if;
    -- A 0.1.0 Worker, which does not take the lock, was first.
    select * into v_thread from public.relay_threads
    where user_id = p_user_id and name = relay.trim(p_name);
  end if;
  raise exception 'thread "%" already exists', v_thread.name using errcode = 'RL002',
    detail = json_build_object('name', v_thread.name, 'archived', v_thread.archived)::text;
end;
$$;
revoke all on function public.relay_create_thread from public, anon, authenticated;
grant execute on function public.relay_create_thread to service_role;
