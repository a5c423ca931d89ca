-- Messages of one thread, or with p_thread_name null those that a search finds in all, newest first, and on
-- from p_before, the `next_before` of the page before; with p_seq that one message, whole. Moves the reader's cursor over an unfiltered window that joins onto the
-- messages it has read. Does not introduce a reader.
-- Raises RL001 (thread not found), RL005 (no search term), RL009 (several threads match), RL010 (no
-- message with that seq).
create or replace function public.relay_read_thread(
  p_user_id uuid, p_thread_name text default null, p_limit integer default 50,
  p_since timestamptz default null, p_reader_tag text default null, p_before_seq bigint default null,
  p_seq bigint default null, p_surface text default null, p_session_tag text default null,
  p_to text default null, p_query text default null, p_max_bytes integer default 60000,
  p_max_content integer default null, p_overhead integer default 238, p_from text default null,
  p_caller jsonb default '{}', p_open boolean default null, p_before text default null)
  returns json
  language plpgsql volatile security invoker
  set search_path = '' set lock_timeout = '4s' set timezone = 'UTC' set enable_seqscan = off
as $$
declare
  v_is_search constant boolean :=
    num_nonnulls(p_since, p_surface, p_session_tag, p_from, p_to, p_query, p_open) > 0;
  v_moves boolean :=
    num_nonnulls(p_before_seq, p_seq) = 0 and not v_is_search and p_reader_tag is not null;
  v_is_new boolean;
  v_known_readers json;
  v_thread public.relay_threads;
  v_ids uuid[];
  v_hits json;
  v_matched text;
  v_missing_words json;
  v_messages json;
  v_packed bigint[];
  v_packed_ids uuid[];
  v_newest bigint;
  v_oldest bigint;
  v_older bigint;
  v_read bigint;
  v_unread bigint;
  v_moved json;
  v_next_before text;
  v_addressed json;
  v_addressed_count bigint;
  v_due boolean;
begin
  perform relay.take_grant(p_user_id, p_caller);
  if p_reader_tag is not null then
    if v_moves then
      perform relay.lock_reader(p_user_id, p_reader_tag);
    end if;
    select note.may_move and v_moves, note.is_new, note.known_readers
    into v_moves, v_is_new, v_known_readers
    from relay.note_reader(p_user_id, p_reader_tag, v_moves, p_caller) note;
  end if;
  if p_thread_name is not null then
    v_thread := relay.find_thread(p_user_id, p_thread_name);
  end if;

  if v_is_search then
    -- One id more than asked for tells whether there is more.
    select ids, hits, matched, missing_words into v_ids, v_hits, v_matched, v_missing_words
    from relay.search(p_user_id, v_thread.id, p_limit + 1, p_since, p_before_seq, p_surface,
      p_session_tag,
      coalesce((relay.resolve_reader(p_user_id, p_from)).reader_tag, relay.drop_at(p_from)),
      coalesce((relay.resolve_reader(p_user_id, p_to)).reader_tag, relay.drop_at(p_to)),
      p_query, p_open, p_before);
  elsif p_seq is not null then
    v_ids := array(
      select id from public.relay_messages where thread_id = v_thread.id and seq = p_seq);
    if cardinality(v_ids) = 0 then
      perform relay.refuse_seq(v_thread.name, p_seq);
    end if;
  else
    -- The counts again, in the statement that chooses the messages.
    select t.last_seq, t.message_count, array(
      select m.id from public.relay_messages m
      where m.thread_id = t.id and m.seq < coalesce(p_before_seq, t.last_seq + 1)
      order by m.seq desc limit p_limit)
    into v_thread.last_seq, v_thread.message_count, v_ids
    from public.relay_threads t where t.id = v_thread.id;
  end if;

  select packed.messages, packed.seqs, packed.ids into v_messages, v_packed, v_packed_ids
  from relay.pack_messages(v_ids[:p_limit], p_max_bytes, p_max_content, p_overhead,
    p_thread_name is null, p_reader_tag) packed;

  if p_thread_name is not null and p_seq is null then
    select min(seq), max(seq) into v_oldest, v_newest from unnest(v_packed) as packed (seq);
    v_oldest := coalesce(v_oldest, p_before_seq, v_thread.last_seq + 1);
    if not v_is_search then
      v_older := relay.count_unread(
        v_thread.id, v_thread.last_seq, v_thread.message_count, null, 0, v_oldest);
    end if;
    if p_reader_tag is not null then
      v_read := coalesce((
        select last_read_seq from public.relay_read_cursors
        where thread_id = v_thread.id and reader_tag = p_reader_tag), 0);
      v_unread := relay.count_unread(
        v_thread.id, v_thread.last_seq, v_thread.message_count, p_reader_tag, v_read, v_oldest);
      if v_moves and v_unread = 0 and v_newest > v_read then
        perform relay.move_cursors(
          p_user_id, p_reader_tag, array[v_thread.id], array[v_newest]);
        v_moved := json_build_array(json_build_object(
          'thread_id', v_thread.id, 'from', v_read, 'to', v_newest));
        update public.relay_readers set last_given_at = clock_timestamp()
        where user_id = p_user_id and reader_tag = p_reader_tag;
      end if;
    end if;
  end if;

  if p_thread_name is null and cardinality(v_packed) < cardinality(v_ids) then
    select relay.full_time(created_at) || '/' || id into v_next_before
    from public.relay_messages where id = v_packed_ids[cardinality(v_packed_ids)];
  end if;
  if p_reader_tag is not null then
    select messages, total into v_addressed, v_addressed_count
    from relay.addressed_unread(p_user_id, p_reader_tag, v_packed_ids);
  end if;
  v_due := nullif(exists (
    select from public.relay_deliveries
    where user_id = p_user_id and due_at <= clock_timestamp()), false);
  return json_build_object(
    'due', v_due,
    'thread_name', v_thread.name,
    'thread_id', v_thread.id,
    'archived', nullif(v_thread.archived, false),
    'messages', v_messages,
    'uncut_count', case when cardinality(v_packed) < cardinality(v_ids[:p_limit])
      then cardinality(v_ids[:p_limit]) end,
    'older_count', v_older,
    -- How many more match a search is not counted: that would read the whole thread.
    'has_more', case when v_is_search then cardinality(v_packed) < cardinality(v_ids) end,
    'next_before_seq', case
      when p_thread_name is null or p_seq is not null then null
      when v_older > 0 or cardinality(v_packed) < cardinality(v_ids) then v_oldest end,
    'next_before', v_next_before,
    'unread_older_count', v_unread,
    'addressed_unread', v_addressed,
    'addressed_unread_count', case when v_addressed_count > 3 then v_addressed_count end,
    'threads', v_hits,
    'matched', v_matched,
    'missing_words', v_missing_words,
    'new_reader', nullif(v_is_new, false),
    'known_readers', v_known_readers,
    'moved', v_moved);
end;
$$;
revoke all on function public.relay_read_thread from public, anon, authenticated;
grant execute on function public.relay_read_thread to service_role;
