-- The relay's schema: tables, the functions that the API calls, and their helpers in the schema `relay`.
--
-- Creates everything in an empty Supabase project, upgrades a 0.1.0 database in place, and changes
-- nothing when it runs again. A 0.1.0 Worker can keep writing throughout.
--
-- An upgrade of more than 200,000 messages takes minutes, and Supabase's SQL editor stops after 60
-- seconds: use a direct connection for it, with `set statement_timeout = 0` before this file.
--
-- Rules that every function keeps. Breaking any of them loses messages or deadlocks:
--   1. Locks are taken in one order: the grant (advisory, shared; exclusive to cut it off), its row, the
--      reader (advisory), the reader's row, the thread (advisory, on its folded name), the thread's row,
--      cursors in the order of thread ids, the subscriptions of a user (advisory; shared by posts), deliveries.
--      Threads are locked `for no key update`, which foreign keys do not
--      wait for.
--   2. `seq` is assigned under the thread's row lock, which is held until commit. A transaction that
--      sees seq n therefore sees every seq below it, and a cursor that moves by seq skips nothing.
--   3. Counts and the messages they count come from one statement, hence one snapshot.
--   4. Functions that the API calls are volatile: it runs stable ones in a read-only transaction.
--   5. Functions whose plans are kept have `enable_seqscan = off`. A pooled session may plan while the
--      tables are empty, or have just been found so by analyze, and would read all of them from then on.
--   6. PostgreSQL plans a statement anew in every call while plans for the given values seem cheaper. Where
--      that took longer than the statement, the function has `plan_cache_mode = force_generic_plan`.
-- Helpers are plpgsql, whose plans a session keeps: an SQL function with a `set` is parsed and planned
-- again in every statement that calls it.
-- A refusal carries an SQLSTATE of our own (RL001 ...), a message for people, and the parts the caller
-- needs to explain it in `detail` and `hint`.

begin;

-- One run at a time: otherwise two runs that both find no table would both create it.
do $$
begin
  perform pg_advisory_xact_lock(hashtextextended('relay-mcp migration', 0));
end;
$$;

-- Waits for open transactions of a running Worker, but not indefinitely: everybody else queues behind
-- a lock that is being waited for.
set local lock_timeout = '10s';

-- Helpers live here, where the API does not find them; public has those of the Worker and the commands.
create schema if not exists relay;
revoke all on schema relay from public, anon, authenticated;
grant usage on schema relay to service_role;

-- A text without its accents, composed or not: décomposé as decompose. Normalizing takes time quadratic in a
-- run of combining marks (100,000 of them a minute), so what is longer than 30 is cut before (UAX #15,
-- Stream-Safe Text). A text of ASCII has as many bytes as characters.
create or replace function relay.without_accents(p_text text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  if octet_length(p_text) = char_length(p_text) then
    return p_text;
  end if;
  return regexp_replace(normalize(
    regexp_replace(p_text, '([^\u0001-\u007f[:alnum:]]{30})[^\u0001-\u007f[:alnum:]]+', '\1', 'g'), nfd),
    '[\u0300-\u036f]', '', 'g');
end;
$$;

-- Replaces punctuation with spaces before full-text parsing, and takes the accents away. The parser would otherwise look for tags,
-- addresses, paths and compounds, which takes quadratic time: 100,000 characters of `<!--` or `a_`
-- kept a post, and with it the whole thread, busy for 20 seconds. (translate() compares each character
-- with all 32, which took eight times as long as this.)
create or replace function relay.words(p_text text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return regexp_replace(relay.without_accents(p_text), '[!"#$%&''()*+,./:;<=>?@\[\\\]^_`{|}~-]+', ' ', 'g');
end;
$$;

-- Removes the white space around a name, as JavaScript's trim() does.
create or replace function relay.trim(p_text text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return btrim(p_text, E' \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007'
    '\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff');
end;
$$;

-- The form in which names are compared when no name is exactly equal: case is ignored, and spaces,
-- `-` and `_` are alike. Normalized, because 0.1.0 stored names as they came.
create or replace function relay.fold_name(p_name text)
  returns text
  language plpgsql immutable security invoker set search_path = ''
as $$
begin
  return regexp_replace(lower(relay.trim(normalize(p_name, nfc))), '[\s_-]+', '-', 'g');
end;
$$;
