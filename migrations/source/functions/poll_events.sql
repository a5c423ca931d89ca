-- Polling for events ----------------------------------------------------------------------------------

-- Messages for a subscription after the place p_after_at, p_after_id, at most p_limit of them, of the last
-- seven days and of p_max_age_ms. Looks at up to 1,000 messages. Returns them with the place up to which it has
-- looked, whether there may be more now, whether some that were older were passed over, and for how many
-- milliseconds nothing was posted. Moves no bookmark. Without a place it starts at the newest.
-- Raises RL014 (the grant was cut off).
create or replace function public.relay_poll_events(
  p_user_id uuid, p_reader_tag text default null, p_thread_name text default null,
  p_addressed_only boolean default false, p_after_at timestamptz default null,
  p_after_id uuid default null, p_max_age_ms bigint default null, p_limit integer default 50,
  p_caller jsonb default '{}')
  returns jsonb
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_last constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_max_looked constant integer := 1000;
  v_now constant timestamptz := clock_timestamp();
  v_until constant timestamptz := relay.settled_until();
  v_oldest constant timestamptz := v_now
    - least(interval '7 days', p_max_age_ms * interval '1 millisecond');
  v_after_at timestamptz := p_after_at;
  v_after_id uuid := p_after_id;
  v_truncated boolean := false;
  v_found record;
begin
  perform relay.take_grant(p_user_id, p_caller);
  if v_after_at is null or v_after_at > v_now then
    -- Ahead of the clock: the database was restored from before.
    v_truncated := v_after_at is not null;
    v_after_at := v_until;
    v_after_id := v_last;
  elsif v_after_at < v_oldest then
    v_truncated := exists (
      select from public.relay_messages
      where user_id = p_user_id and created_at > v_after_at and created_at < v_oldest);
    v_after_at := v_oldest;
    v_after_id := v_last;
  end if;
  with looked as materialized (
    select m.id, m.created_at, row_number() over (order by m.created_at, m.id) as place,
      m.redacted_at is null
        and relay.is_for_target(p_reader_tag, p_addressed_only, m.reader_tag,
          coalesce(r.owner, m.addressee), r.owner is not null)
        and (p_thread_name is null or (
          select relay.is_thread(t, p_thread_name) from public.relay_threads t where t.id = m.thread_id))
        as is_for_it
    from (
      select * from public.relay_messages
      where user_id = p_user_id and created_at >= v_after_at and created_at <= v_until
        and (created_at, id) > (v_after_at, v_after_id)
      order by created_at, id limit v_max_looked) m
    cross join lateral (
      select case when p_addressed_only and m.addressee is not null
        then relay.reader_for(p_user_id, m.addressee, m.created_at) end as owner) r
  ), found as materialized (
    select * from looked where is_for_it order by place limit p_limit
  ), ended as (
    -- Where the next call continues: after the last event if there are more, else after the last that was looked at.
    select * from looked
    where (select count(*) from found) = p_limit and place = (select max(place) from found)
      or (select count(*) from found) < p_limit and place = v_max_looked
  )
  select coalesce((
      select jsonb_agg(relay.show_event(m) order by f.place)
      from found f join public.relay_messages m on m.id = f.id), '[]') as events,
    (select created_at from ended) as at, (select id from ended) as id
  into v_found;
  return jsonb_strip_nulls(jsonb_build_object(
    'events', v_found.events,
    'cursor_at', relay.full_time(coalesce(v_found.at, greatest(v_after_at, v_until))),
    'cursor_id', coalesce(v_found.id, v_last),
    'has_more', v_found.at is not null,
    'truncated', v_truncated,
    'quiet_ms', (
      select round(extract(epoch from v_now - created_at) * 1000) from public.relay_messages
      where user_id = p_user_id order by created_at desc limit 1)));
end;
$$;
revoke all on function public.relay_poll_events from public, anon, authenticated;
grant execute on function public.relay_poll_events to service_role;
