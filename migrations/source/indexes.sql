-- Indexes, triggers, row level security, grants ------------------------------------------------------
-- Each part checks the catalogue first, so a second run locks no table.

-- Keeps message_count right when messages are deleted by hand.
create or replace function relay.count_deleted()
  returns trigger
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  if tg_op = 'TRUNCATE' then
    update public.relay_threads set message_count = 0 where message_count > 0;
    return null;
  end if;
  -- In the order of ids, so that two deletions over several threads cannot deadlock with each other.
  perform from public.relay_threads
  where id in (select d.thread_id from deleted d)
  order by id for no key update;
  update public.relay_threads t
  set message_count = t.message_count - d.messages
  from (select thread_id, count(*) as messages from deleted group by thread_id) d
  where t.id = d.thread_id;
  return null;
end;
$$;

-- Notes since when a thread has been archived.
create or replace function relay.note_archiving()
  returns trigger
  language plpgsql volatile security invoker set search_path = ''
as $$
begin
  new.archived_at := case when new.archived then clock_timestamp() end;
  return new;
end;
$$;

do $$
begin
  if to_regclass('public.relay_read_cursors_reader_idx') is not null then
    return;
  end if;

  -- How posting finds a thread whose name differs only by case, spaces, `-` and `_`. Not by user first, as
  -- below: planned while there are few threads, a lookup by name might use it, and read all of a user's.
  create index relay_threads_folded_name_idx
    on public.relay_threads ((relay.fold_name(name)), user_id);
  -- Also counts active threads without reading them.
  create index relay_threads_active_slot_idx
    on public.relay_threads (archived, user_id, active_slot desc);

  create index relay_threads_former_names_idx on public.relay_threads using gin (former_names)
    where former_names <> '{}';
  create trigger relay_threads_archived
    before update of archived on public.relay_threads
    for each row when (new.archived is distinct from old.archived)
    execute function relay.note_archiving();
  create trigger relay_threads_archived_inserted
    before insert on public.relay_threads
    for each row when (new.archived and new.archived_at is null)
    execute function relay.note_archiving();

  alter table public.relay_messages
    add constraint relay_messages_thread_seq_unique unique (thread_id, seq);
  create index if not exists relay_messages_thread_created_idx
    on public.relay_messages (thread_id, created_at desc);
  create index relay_messages_user_created_idx
    on public.relay_messages (user_id, created_at desc);
  create unique index relay_messages_idempotency_key_idx
    on public.relay_messages (thread_id, idempotency_key) where idempotency_key is not null;
  -- A reader's own posts, which are not news to it; those it addressed to itself are.
  create index relay_messages_own_idx on public.relay_messages (thread_id, reader_tag, seq)
    where reader_tag is not null and addressee is distinct from reader_tag;
  -- The newest messages to a reader, folded, because an addressee that was not known yet is stored as the
  -- caller wrote it; the newest that a reader addressed to others; and the replies to a message.
  create index relay_messages_addressee_idx
    on public.relay_messages (user_id, (relay.fold_name(addressee)), created_at desc)
    where addressee is not null;
  create index relay_messages_sent_idx
    on public.relay_messages (user_id, reader_tag, created_at desc) where addressee is not null;
  create index relay_messages_reply_idx
    on public.relay_messages (thread_id, reply_to, seq) where reply_to is not null;
  -- With fastupdate, one post in many would pay for flushing the pending list, and searches read it.
  create index relay_messages_search_idx
    on public.relay_messages using gin (search) with (fastupdate = off);

  -- How a reader that is addressed is found.
  create index relay_readers_folded_tag_idx
    on public.relay_readers ((relay.fold_name(reader_tag)), user_id);

  -- Everything that relay_check_new over all threads reads of the cursors.
  create index relay_read_cursors_reader_idx
    on public.relay_read_cursors (user_id, reader_tag, thread_id) include (last_read_seq);

  -- Deliveries that are to be sent, and the messages of a target in their order.
  create index relay_deliveries_due_idx on public.relay_deliveries (user_id, due_at)
    where due_at is not null;
  create index relay_deliveries_target_idx
    on public.relay_deliveries (user_id, target_id, created_at, message_id);

  create trigger relay_messages_deleted
    after delete on public.relay_messages
    referencing old table as deleted
    for each statement execute function relay.count_deleted();
  create trigger relay_messages_truncated
    after truncate on public.relay_messages
    for each statement execute function relay.count_deleted();

  -- No policies: only roles that bypass row level security, such as service_role, see a row.
  alter table public.relay_threads enable row level security;
  alter table public.relay_messages enable row level security;
  alter table public.relay_read_cursors enable row level security;
  alter table public.relay_readers enable row level security;
  alter table public.relay_connections enable row level security;
  alter table public.relay_targets enable row level security;
  alter table public.relay_deliveries enable row level security;
  alter table public.relay_schedule enable row level security;

  -- Statistics of an empty or a small table would make pooled sessions keep plans for such a table.
  if (select count(*) from (select from public.relay_messages limit 1000) m) = 1000 then
    analyze public.relay_threads, public.relay_messages, public.relay_read_cursors,
      public.relay_readers;
  end if;
end;
$$;

revoke all on public.relay_threads, public.relay_messages, public.relay_read_cursors,
  public.relay_readers, public.relay_connections, public.relay_targets, public.relay_deliveries,
  public.relay_schedule from public, anon, authenticated, service_role;
-- Explicit: older projects grant everything on new objects, newer ones nothing. No tool deletes.
grant select, insert, update on public.relay_threads, public.relay_read_cursors,
  public.relay_readers to service_role;
-- No update: nothing that the relay or 0.1.0 does changes a message.
grant select, insert on public.relay_messages to service_role;
-- Not `revoked_at`: only relay_manage, which runs as the owner, cuts a connection off, and nothing undoes it.
grant select, insert, update (client, scope, last_used_at) on public.relay_connections to service_role;
-- A post adds deliveries, and the target of notifications before the first of them. Everything else is done by
-- functions that run as the owner.
grant select, insert on public.relay_targets, public.relay_deliveries to service_role;
grant select on public.relay_schedule to service_role;
