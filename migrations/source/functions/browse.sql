-- Not tools: data for resources and completion -------------------------------------------------------

-- Active threads, latest activity first, after the position (active_at, id). By position and not by
-- offset: a thread that becomes active in the meantime moves to the front, and neither repeats nor
-- hides another.
create or replace function public.relay_page_threads(
  p_user_id uuid, p_limit integer, p_active_at timestamptz default 'infinity',
  p_id uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff', p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
begin
  perform relay.take_grant(p_user_id, p_caller);
  return (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'id', t.id,
        'name', t.name,
        -- One line of a list; a description has up to 2,000 characters.
        'description', left(t.description, 200),
        'last_message_at', t.last_message_at,
        'active_at', t.active_at)
      order by t.active_at desc, t.id desc), '[]')
    from (
      select *, coalesce(last_message_at, created_at) as active_at
      from public.relay_threads
      where user_id = p_user_id and not archived
        and (coalesce(last_message_at, created_at), id) < (p_active_at, p_id)
      order by active_slot desc, coalesce(last_message_at, created_at) desc, id desc
      limit p_limit) t);
end;
$$;
revoke all on function public.relay_page_threads from public, anon, authenticated;
grant execute on function public.relay_page_threads to service_role;

-- Names with p_value in them, in any case and without regard to accents: archived threads last, names that start with it first,
-- then by latest activity. The first p_limit, and how many there are.
create or replace function public.relay_complete_name(
  p_user_id uuid, p_value text, p_limit integer default 100, p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC'
as $$
begin
  perform relay.take_grant(p_user_id, p_caller);
  return (
    with matching as (
      select t.name, row_number() over (order by t.archived, found.at > 1,
        coalesce(t.last_message_at, t.created_at) desc, t.id desc) as place
      from public.relay_threads t
      -- strpos() takes the value as it is, where a pattern would need escaping.
      cross join lateral (select strpos(lower(relay.without_accents(t.name)),
      lower(relay.without_accents(p_value))) as at) found
      where t.user_id = p_user_id and found.at > 0
    )
    select jsonb_build_object(
      'values', coalesce(jsonb_agg(name order by place) filter (where place <= p_limit), '[]'),
      'total', count(*))
    from matching);
end;
$$;
revoke all on function public.relay_complete_name from public, anon, authenticated;
grant execute on function public.relay_complete_name to service_role;
