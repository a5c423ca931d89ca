-- relay_check_new as relay-mcp 0.1.0 had it, for one thread: what is unread is what is younger than the
-- reader's last check by the clock. A message that takes its time before such a check, and is committed
-- after it, is older than the cursor when it can first be seen: it is lost.

-- This would correct the times that are written below.
drop trigger relay_read_cursors_place_updated on public.relay_read_cursors;

alter function public.relay_check_new rename to relay_check_by_seq;

create function public.relay_check_new(
  p_user_id uuid, p_reader_tag text, p_thread_name text default null, p_limit integer default 100,
  p_peek boolean default false, p_ack_seq bigint default null, p_max_bytes integer default 60000,
  p_max_content integer default null, p_overhead integer default 238, p_caller jsonb default '{}')
  returns json
  language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_now constant timestamptz := clock_timestamp();
  v_thread public.relay_threads;
  v_read_at timestamptz;
  v_ids uuid[];
  v_messages json;
  v_packed uuid[];
begin
  if p_thread_name is null then
    return public.relay_check_by_seq(
      p_user_id, p_reader_tag, null, p_limit, p_peek, null, p_max_bytes, p_max_content, p_overhead,
      p_caller);
  end if;
  perform relay.lock_reader(p_user_id, p_reader_tag);

  v_thread := relay.find_thread(p_user_id, p_thread_name);
  if p_ack_seq > v_thread.last_seq then
    raise exception 'ack_seq is above the last seq' using errcode = 'RL004';
  end if;
  v_read_at := greatest('-infinity',
    (select last_read_at from public.relay_read_cursors
      where thread_id = v_thread.id and reader_tag = p_reader_tag),
    (select created_at from public.relay_messages
      where thread_id = v_thread.id and seq = p_ack_seq));
  select coalesce(array_agg(id order by created_at), '{}') into v_ids
  from public.relay_messages
  where thread_id = v_thread.id and created_at > v_read_at
    and (reader_tag is distinct from p_reader_tag or addressee = reader_tag);
  select messages, ids into v_messages, v_packed
  from relay.pack_messages(v_ids[:p_limit], p_max_bytes, p_max_content, p_overhead, true);

  -- By the clock, if this was everything; else by the last message that was returned.
  if not p_peek then
    v_read_at := case when cardinality(v_ids) <= p_limit then v_now
      else (select max(created_at) from public.relay_messages where id = any (v_packed)) end;
  end if;
  insert into public.relay_read_cursors as c
    (thread_id, user_id, reader_tag, last_read_at, last_read_seq)
  values (v_thread.id, p_user_id, p_reader_tag, v_read_at, (
    select count(*) from public.relay_messages
    where thread_id = v_thread.id and created_at <= v_read_at))
  on conflict (thread_id, reader_tag) do update
  set last_read_at = excluded.last_read_at, last_read_seq = excluded.last_read_seq;

  return json_build_object(
    'new_message_count', cardinality(v_packed),
    'messages', v_messages,
    'remaining_count', cardinality(v_ids) - case when p_peek then 0 else cardinality(v_packed) end);
end;
$$;
grant execute on function public.relay_check_new, public.relay_check_by_seq to service_role;
