-- Tables ------------------------------------------------------------------------------------------

create table if not exists public.relay_threads (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  name text not null,
  description text,
  created_at timestamptz not null default now(),
  last_message_at timestamptz,
  archived boolean not null default false,
  -- The highest seq ever assigned. Never lowered: a deleted message's seq must not be assigned again.
  last_seq bigint not null default 0,
  message_count bigint not null default 0,
  -- The ten minutes of the last activity, which the list is sorted by first, with an index. An index on
  -- the last activity itself would keep every post's update of its thread from being a HOT update; this
  -- one does so once in ten minutes.
  active_slot timestamp generated always as (
    date_bin('10 minutes', coalesce(last_message_at, created_at) at time zone 'UTC',
      timestamp '2000-01-01')) stored,
  -- Set by a trigger, for 0.1.0 and changes by hand as well.
  archived_at timestamptz,
  -- Folded names under which the thread is still found; see relay.rename_thread.
  former_names text[] not null default '{}',
  -- When the person last renamed or described it, or took back or settled a message in it.
  changed_at timestamptz,
  constraint relay_threads_user_name_unique unique (user_id, name)
)
-- Room on each page for the new version of a thread's row, which every post writes.
with (fillfactor = 70);

create table if not exists public.relay_messages (
  id uuid primary key default gen_random_uuid(),
  thread_id uuid not null references public.relay_threads (id) on delete cascade,
  user_id uuid not null,
  surface text not null,
  session_tag text,
  content text not null,
  metadata jsonb,
  created_at timestamptz not null default now(),
  -- The message's position in its thread: 1, 2, 3 ... in commit order. Deleting leaves a gap.
  seq bigint not null,
  idempotency_key text,
  -- Who posted (`from`), whom it is addressed to (`to`), and through which OAuth client (`via`).
  reader_tag text,
  addressee text,
  client text,
  -- The seq of the message in this thread that this one answers.
  reply_to bigint,
  -- How far the poster had received the thread: at this post, or, for a reply, as the post before it has it.
  read_seq bigint,
  -- When the person marked it as done, and when they took its content back.
  settled_at timestamptz,
  redacted_at timestamptz,
  -- `simple` does not stem, which is right for code and names. Messages have at most 100,000
  -- characters today; 0.1.0 accepted any length, and a tsvector of more than 1 MB is an error.
  search tsvector generated always as (
    to_tsvector('pg_catalog.simple', relay.words(left(content, 100000)))) stored,
  constraint relay_messages_surface_check check (surface in ('chat', 'cowork', 'code', 'other'))
);

create table if not exists public.relay_read_cursors (
  id uuid primary key default gen_random_uuid(),
  thread_id uuid not null references public.relay_threads (id) on delete cascade,
  user_id uuid not null,
  reader_tag text not null,
  -- The time of the message at last_read_seq. Kept in step so that 0.1.0 can be restored.
  last_read_at timestamptz not null,
  updated_at timestamptz not null default now(),
  -- This reader has received every message up to this seq.
  last_read_seq bigint not null,
  constraint relay_read_cursors_thread_reader_unique unique (thread_id, reader_tag)
);

-- A reader exists apart from its cursors: one that polled an empty relay, or whose threads were
-- deleted, is not new again.
create table if not exists public.relay_readers (
  user_id uuid not null,
  reader_tag text not null,
  -- Null until the first check of all threads or the first post. From then on a thread without a
  -- cursor is one that was opened since, and is unread from its first message.
  introduced_at timestamptz,
  -- Written at most once a minute.
  last_seen_at timestamptz not null default clock_timestamp(),
  last_given_at timestamptz,
  -- When this reader was made and by which grant, so that the readers that a grant makes can be counted.
  -- Null where an upgrade, an import or 0.1.0 made it.
  created_at timestamptz,
  made_by text,
  -- When the person made the relay forget this reader; null again once it is used anew.
  forgotten_at timestamptz,
  constraint relay_readers_pkey primary key (user_id, reader_tag)
);

-- Each client that has access, or had it: by a sign-in (`oauth`), whose row is written when its code is
-- exchanged, or by a key of its own (`key`), whose row is written when it is made. Its tokens carry `gid`.
-- A call finds no row only after a move to another database, and adds it. `key` is the relay's own key, and
-- `client:<hash>` are all tokens of one client from before tokens carried a gid.
create table if not exists public.relay_connections (
  user_id uuid not null,
  gid text not null,
  name text not null,
  -- The hash of the OAuth client's id. Null for keys, and where a call added the row.
  client text,
  scope text not null,
  kind text not null,
  -- The gid of the grant that made this key.
  made_by text,
  created_at timestamptz not null default clock_timestamp(),
  -- Written at most once an hour.
  last_used_at timestamptz,
  -- From then on, every call of this grant is refused. The row stays: without it, the key would be good again.
  revoked_at timestamptz,
  constraint relay_connections_pkey primary key (user_id, gid),
  constraint relay_connections_kind_check check (kind in ('oauth', 'key'))
);

-- Whom the relay tells about new messages: a subscription of MCP Events (`webhook`), or the person (`notify`,
-- one row; its address is RELAY_NOTIFY_URL). A subscription ends with its grant, and at its time.
create table if not exists public.relay_targets (
  user_id uuid not null,
  id text not null,
  kind text not null,
  -- The grant that made it, and whose client that is: the hash of an OAuth client's id, otherwise the gid.
  gid text not null,
  client text not null,
  url text,
  -- Messages of this reader are left out, and with addressed_only all that are not to it.
  reader_tag text,
  thread_name text,
  addressed_only boolean not null default false,
  -- A device as the person knows it.
  label text,
  -- Sign its deliveries, or are the keys of a device; encrypted by the Worker. The previous one until
  -- previous_until.
  secret text,
  previous_secret text,
  previous_until timestamptz,
  -- The relay's own address, for links.
  origin text,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null default 'infinity',
  -- When the receiver last proved that it wants deliveries.
  verified_at timestamptz,
  -- A sender has it until lease_until.
  lease_owner text,
  lease_until timestamptz,
  -- The time of the newest message that the receiver has acknowledged, and when it did.
  acknowledged_at timestamptz not null default clock_timestamp(),
  last_delivery_at timestamptz,
  last_error text,
  failed_since timestamptz,
  -- Messages given up one after the other: after ten, a subscription gets nothing until it is renewed.
  failures integer not null default 0,
  -- Whether messages were given up or dropped since the subscription was last renewed.
  is_truncated boolean not null default false,
  constraint relay_targets_pkey primary key (user_id, id),
  constraint relay_targets_kind_check check (kind in ('webhook', 'notify', 'push'))
);

-- The outbox: a message for a target, written in the transaction of its post. No foreign keys: a post must
-- not wait for a sender. A row stays for an hour after it was settled, for the limit of messages an hour.
create table if not exists public.relay_deliveries (
  user_id uuid not null,
  target_id text not null,
  message_id uuid not null,
  -- The message's time.
  created_at timestamptz not null,
  attempts integer not null default 0,
  -- When it is to be sent; null once it was acknowledged, given up or dropped.
  due_at timestamptz,
  -- Dropped, because the target had its messages for that hour.
  is_dropped boolean not null default false,
  constraint relay_deliveries_pkey primary key (user_id, target_id, message_id)
);

-- The last run of the cron trigger, and the last day on which it did its daily work.
create table if not exists public.relay_schedule (
  user_id uuid primary key,
  ran_at timestamptz not null,
  daily_on date
);
