-- Not a tool: the database's contents, for the person who operates the relay, and the daily call of the
-- cron trigger. Threads of other users are counted because a wrong RELAY_USER_ID looks like a relay that
-- lost everything. `functions` lists the functions that the API can find and whether it may call them: a
-- migration that ran in part, or a later revoke, leaves a tool that fails. `as_of` is the time that an export
-- takes as its end: threads may be dated ahead of the clock.
create or replace function public.relay_status(p_user_id uuid)
  returns jsonb
  language sql volatile security invoker set search_path = '' set timezone = 'UTC'
as $$
  select jsonb_build_object(
    'schema_version', 1,
    'now', clock_timestamp(),
    'as_of', greatest(clock_timestamp(), max(created_at) filter (where user_id = p_user_id)),
    'thread_count', count(*) filter (where user_id = p_user_id),
    'message_count', coalesce(sum(message_count) filter (where user_id = p_user_id), 0),
    'reader_count', (
      select count(*) from public.relay_readers where user_id = p_user_id),
    'target_count', (
      select count(*) from public.relay_targets
      where user_id = p_user_id and expires_at > clock_timestamp()),
    'failing_target_count', (
      select count(*) from public.relay_targets
      where user_id = p_user_id and expires_at > clock_timestamp() and failed_since is not null),
    -- Of the cron trigger; null if it has never run.
    'scheduled_run_at', (select ran_at from public.relay_schedule where user_id = p_user_id),
    'other_thread_count', count(*) filter (where user_id <> p_user_id),
    'functions', (
      select jsonb_object_agg(
        format('%s(%s)', proname, array_to_string(proargnames[:pronargs], ', ')),
        has_function_privilege(oid, 'execute'))
      from pg_catalog.pg_proc
      where pronamespace = 'public'::regnamespace and proname like 'relay\_%'))
  from public.relay_threads;
$$;
revoke all on function public.relay_status from public, anon, authenticated;
grant execute on function public.relay_status to service_role;
