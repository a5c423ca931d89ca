-- Hides a thread from the list, or restores it. History and cursors stay.
-- Raises RL001 (thread not found), RL009 (several threads match).
create or replace function public.relay_archive_thread(
  p_user_id uuid, p_thread_name text, p_archived boolean default true, p_caller jsonb default '{}')
  returns json
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_thread public.relay_threads;
begin
  perform relay.take_grant(p_user_id, p_caller);
  v_thread := relay.find_thread(p_user_id, p_thread_name);
  update public.relay_threads set archived = p_archived
  where id = v_thread.id and archived <> p_archived;
  return json_build_object(
    'thread_name', v_thread.name, 'archived', p_archived, 'due', relay.is_due(p_user_id));
end;
$$;
revoke all on function public.relay_archive_thread from public, anon, authenticated;
grant execute on function public.relay_archive_thread to service_role;
