-- Search ----------------------------------------------------------------------------------------------

-- The parts of a query: `words`, for the index, and null without a searchable word; `any_word`, the same
-- with any of them; `parts` and `excluded`, texts in lower case that may also be parts of words; and its
-- terms one by one. Parentheses count as spaces, and a `-` excludes only when a word follows it.
-- Raises RL005 (no search term) for a query that only excludes.
create or replace function relay.parse_query(
  p_query text, out words tsquery, out any_word tsquery, out parts text[], out excluded text[],
  out terms text[])
  language plpgsql immutable security invoker set search_path = ''
as $$
declare
  v_query constant text := translate(relay.without_accents(p_query), '()', '  ');
  v_has_or boolean;
begin
  -- Each term as a phrase of its words, the way they were indexed; the operators stay.
  with found as (
    select place, coalesce(term[1], '') as sign, coalesce(term[2], term[3]) as term,
      lower(coalesce(term[3], '')) = 'or' and term[1] is null as is_or
    from regexp_matches(v_query, '(-(?=[[:alnum:]_"]))?(?:"([^"]+)"|(\S+))', 'g')
      with ordinality as matches (term, place)
  ), phrases as (
    select *, case when is_or then 'or' else '"' || relay.words(term) || '"' end as phrase
    from (
      -- Between nothing and nothing, `or` is a word like any other.
      select place, sign, term, is_or and (select bool_or(sign = '' and not is_or) from found) as is_or
      from found) found
  )
  select
    websearch_to_tsquery('pg_catalog.simple', string_agg(sign || phrase, ' ' order by place)),
    websearch_to_tsquery('pg_catalog.simple',
        string_agg(phrase, ' or ' order by place) filter (where sign = '' and not is_or))
      && !!websearch_to_tsquery('pg_catalog.simple',
        coalesce(string_agg(phrase, ' or ' order by place) filter (where sign = '-'), '')),
    array_agg(term order by place) filter (where sign = '' and not is_or),
    coalesce(array_agg(lower(term) order by place) filter (where sign = '-'), '{}'),
    bool_or(is_or)
  into words, any_word, terms, excluded, v_has_or
  from phrases;

  if terms is null then
    raise exception 'the query has nothing to look for' using errcode = 'RL005';
  end if;
  -- querytree() is the part that an index can look up: nothing, if there is no word or only excluded ones.
  if querytree(words) in ('', 'T') then
    words := null;
  end if;
  -- With `or`, only the text as it stands can be looked for literally.
  parts := case
    when v_has_or then array[lower(relay.trim(v_query))]
    else (select array_agg(lower(term)) from unnest(terms) term) end;
end;
$$;

-- Whether a text has all of the parts and none of the excluded ones, which are in lower case and have no
-- accents. p_is_near says whether its accents are taken away, which takes ten times as long as the rest.
create or replace function relay.has_parts(
  p_text text, p_parts text[], p_excluded text[], p_is_near boolean)
  returns boolean
  language plpgsql immutable security invoker set search_path = ''
as $$
declare
  v_text constant text := lower(case when p_is_near then relay.without_accents(p_text) else p_text end);
  v_part text;
begin
  foreach v_part in array p_parts loop
    if strpos(v_text, v_part) = 0 then
      return false;
    end if;
  end loop;
  foreach v_part in array p_excluded loop
    if strpos(v_text, v_part) > 0 then
      return false;
    end if;
  end loop;
  return true;
end;
$$;

-- The newest messages that match every filter given, newest first, in one thread or, with p_thread_id
-- null, in all: the ids of at most p_limit, and over all threads the hits per thread among the matches that
-- it came across: the newest 1,000 messages, and 1,000 matches before them where p_limit needs those. (To
-- look for these always took twice as long for a word that every seventh of 100,000 messages had.) When no
-- message has all the words, those with any of them: `matched` is then 'any', and `missing_words` has the
-- terms that occur nowhere: as a word in none, and as part of one in none of the newest.
-- Raises RL005 (no search term).
--
-- The statement is put together from the filters that are there: with `p is null or ...` for each, a
-- cached plan took 17.9 s where this takes milliseconds.
create or replace function relay.search(
  p_user_id uuid, p_thread_id uuid, p_limit integer, p_since timestamptz, p_before_seq bigint,
  p_surface text, p_session_tag text, p_from text, p_addressee text, p_query text, p_open boolean,
  p_before text, out ids uuid[], out hits json, out matched text, out missing_words json)
  language plpgsql volatile security invoker
  set search_path = '' set plan_cache_mode = force_custom_plan set enable_seqscan = on
as $$
declare
  v_scope constant text := case when p_thread_id is null then 'm.user_id = $1' else 'm.thread_id = $2' end
    || case when p_before_seq is null then '' else ' and m.seq < $3' end
    || case when p_before is null then '' else
      ' and (m.created_at, m.id) < (split_part($13, ''/'', 1)::timestamptz, split_part($13, ''/'', 2)::uuid)' end;
  -- Whether readers differ in spelling only, so that each message is looked at for whom it is.
  v_has_twin constant boolean := p_addressee is not null and 1 < (
    select count(*) from public.relay_readers
    where user_id = p_user_id and relay.fold_name(reader_tag) = relay.fold_name(p_addressee));
  v_filters constant text := 'true'
    || case when p_since is null then '' else ' and m.created_at > $4' end
    || case when p_surface is null then '' else ' and m.surface = $5' end
    || case when p_session_tag is null then '' else ' and m.session_tag = $6' end
    || case when p_from is null then '' else ' and m.reader_tag = $12' end
    || case when p_addressee is null then '' else $sql$
      and m.addressee is not null
      and relay.fold_name(m.addressee) = relay.fold_name($7)
      $sql$ end
    || case when v_has_twin then 'and coalesce(relay.reader_for($1, m.addressee, m.created_at), $7) = $7'
      else '' end
    || case when p_open then $sql$
      and m.id in (select relay.open_messages($1, $2, $7))
      $sql$ else '' end;
  -- With p_since by time, for the index on it; within a thread both orders are one.
  v_order constant text := case
    when p_thread_id is null then 'm.created_at desc, m.id desc'
    when p_since is null then 'm.seq desc'
    else 'm.created_at desc, m.seq desc' end;
  v_query record;
  v_sql text;
begin
  if p_query is null then
    v_sql := format($sql$
      select m.id, m.thread_id, row_number() over (order by %3$s) as place
      from public.relay_messages m where %1$s and %2$s
      order by %3$s limit case when $2 is null then 1000 else $8 end
    $sql$, v_scope, v_filters, v_order);
    select null::tsquery as words, null::tsquery as any_word, null::text[] as parts,
      null::text[] as excluded, null::text[] as terms into v_query;
  else
    -- First the newest messages one by one, which finds parts of identifiers and of text without
    -- spaces: 1,000 at most and 5 MB, the newest MB without accents, for at most 8 terms. The inner limit is
    -- a fence. Then, if more is wanted, the index: materialized, or the planner may walk all messages from
    -- the newest on in the hope of a match. One statement, or a message posted between two would come last.
    v_sql := format($sql$
      with newest as materialized (
        select m.*, row_number() over (order by %3$s) as place
        from (
          select *, sum(octet_length(content)) over (order by %3$s) as bytes
          from (select * from public.relay_messages m where %1$s order by %3$s limit 1000) m
        ) m
        where bytes <= 5000000
          -- The first part is looked for here: calling a function for each message costs as much again.
          and (m.search @@ $9 or cardinality($10) <= 8
            and (strpos(lower(m.content), $10[1]) > 0 or octet_length(m.content) > char_length(m.content))
            and relay.has_parts(m.content, $10, $11, bytes <= 1000000))
          and %2$s
      ), older as materialized (
        select m.id, m.thread_id, row_number() over (order by %3$s) as place
        from public.relay_messages m
        where (select count(*) from newest) < $8
          and m.search @@ $9 and %1$s and %2$s and m.id not in (select id from newest)
        order by %3$s limit 1000
      )
      select id, thread_id, place from newest
      union all
      select id, thread_id, place + (select count(*) from newest) from older
    $sql$, v_scope, v_filters, v_order);
    v_query := relay.parse_query(p_query);
  end if;
  v_sql := format($sql$
    with found as materialized (
      select * from (%s) f order by place limit 1000
    )
    select coalesce((select array_agg(id order by place) from found where place <= $8), '{}'), (
      select json_agg(json_strip_nulls(json_build_object(
          'thread_name', t.name, 'archived', nullif(t.archived, false), 'hits', h.hits))
        order by h.hits desc, h.place)
      from (
        select thread_id, count(*) as hits, min(place) as place from found group by thread_id
        order by count(*) desc, min(place) limit 20) h
      join public.relay_threads t on t.id = h.thread_id
      where $2 is null and $13 is null)
  $sql$, v_sql);
  execute v_sql into ids, hits
  using p_user_id, p_thread_id, p_before_seq, p_since, p_surface, p_session_tag, p_addressee, p_limit,
    v_query.words, v_query.parts, v_query.excluded, p_from, p_before;
  if cardinality(ids) > 0 or p_query is null or cardinality(v_query.terms) < 2
    or querytree(v_query.any_word) in ('', 'T')
  then
    return;
  end if;

  -- Nothing has all the words. Null for the parts: any word is found by the index, and whole.
  execute v_sql into ids, hits
  using p_user_id, p_thread_id, p_before_seq, p_since, p_surface, p_session_tag, p_addressee, p_limit,
    v_query.any_word, null::text[], null::text[], p_from, p_before;
  if cardinality(ids) > 0 then
    matched := 'any';
    execute format($sql$
      with unindexed as materialized (
        select term, place
        from unnest($3[:20]) with ordinality as terms (term, place)
        where not exists (
          select from public.relay_messages m
          where %1$s and m.search @@ phraseto_tsquery('pg_catalog.simple', relay.words(term)))
        order by place limit 8
      ), newest as materialized (
        select lower(case when bytes <= 1000000 then relay.without_accents(content) else content end) as content
        from (
          select content, sum(octet_length(content)) over (order by %2$s) as bytes
          from (select * from public.relay_messages m where %1$s order by %2$s limit 1000) m
        ) m
        where bytes <= 5000000 and exists (select from unindexed)
      )
      select json_agg(term order by place) from unindexed
      where not exists (select from newest where strpos(content, lower(term)) > 0)
    $sql$, case when p_thread_id is null then 'm.user_id = $1' else 'm.thread_id = $2' end,
      case when p_thread_id is null then 'm.created_at desc, m.id desc' else 'm.seq desc' end)
    into missing_words using p_user_id, p_thread_id, v_query.terms;
  end if;
end;
$$;
