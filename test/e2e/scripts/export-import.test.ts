/** `npm run export` and `npm run import` as processes, between relays on real databases. */
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { faultMessage } from '../../../src/errors.ts'
import { follow, over } from '../../integration/guarantees/callers.ts'
import { type Message, range, seqs } from '../../integration/migrations/calls.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'

const run = promisify(execFile)
const RELAY = fileURLToPath(new URL('../../../scripts/relay.ts', import.meta.url))

interface Ended {
  code: number
  out: string
}

async function createFolder() {
  const path = await mkdtemp(join(tmpdir(), 'relay-export-'))
  // Root's PostgreSQL, which runs under another account, must be able to pass through.
  await chmod(path, 0o711)
  return {
    file: join(path, 'relay.jsonl'),
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  }
}

const script = (name: 'export' | 'import', file: string, environment: Environment) =>
  start(name, file, join(file, '..'), environment)
const sql = (file: string, statement: string, environment: Environment) =>
  start('sql', statement, join(file, '..'), environment)

type Environment = Record<string, string>

/** Runs a script in a folder of the test's own, so that no .dev.vars is found. */
async function start(
  name: string,
  argument: string,
  cwd: string,
  environment: Environment,
): Promise<Ended> {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env
  const options = { cwd, env: { PATH, HOME, NODE_COMPILE_CACHE, ...environment } }
  return run(process.execPath, [RELAY, name, argument], options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout + stderr }),
  )
}

/** The settings by which a script reaches a relay's gateway as it would a Supabase project. */
function projectOf(relay: TestRelay) {
  return {
    SUPABASE_URL: relay.gateway.url,
    SUPABASE_SERVICE_KEY: relay.serviceKey,
    RELAY_USER_ID: relay.userId,
    RELAY_API_KEY: relay.key,
  }
}

async function copy(file: string, from: TestRelay, to: TestRelay): Promise<void> {
  expect(await script('export', file, projectOf(from))).toMatchObject({ code: 0 })
  expect(await script('import', file, projectOf(to))).toMatchObject({ code: 0 })
}

async function fillRelay(relay: TestRelay) {
  const tools = over(relay)
  await relay.call('relay_create_thread', { name: 'empty', description: 'Nothing yet.' })
  for (const n of range(1, 6)) {
    await tools.post('long', `${n} line\u2028separator, "quotes", Ünïcode 🦉`, {
      session_tag: 'laptop',
      metadata: { n },
      idempotency_key: `key ${n}`,
    })
  }
  for (const n of range(1, 3)) await tools.post('done', `${n}`)
  await tools.archive('done')
  await tools.check('reader', { thread_name: 'long', limit: 4 })
  return tools
}

/** All that a person can see of a relay, without moving a cursor. */
async function contentsOf(relay: TestRelay) {
  const tools = over(relay)
  const { threads } = await tools.list({ include_archived: true, reader_tag: 'reader' })
  const messages: Message[][] = []
  for (const { name } of threads) messages.push((await tools.read(name)).messages)
  return { threads, messages }
}

test('an import restores the seq, times, counts and cursors of an export', async () => {
  await using folder = await createFolder()
  await using home = await createTestRelay({})
  await using away = await createTestRelay({})
  await fillRelay(home)
  const { code, out } = await script('export', folder.file, projectOf(home))
  expect(out).toContain('14 records')
  expect(code).toBe(0)
  expect((await stat(folder.file)).mode & 0o777).toBe(0o600)

  const imported = await script('import', folder.file, projectOf(away))
  expect(imported.out).toContain('Added 3 threads, 1 readers, 1 cursors and 9 messages')
  expect(imported.code).toBe(0)
  expect(await contentsOf(away)).toEqual(await contentsOf(home))

  const tools = over(away)
  expect(seqs(await follow(tools, 'reader', { thread_name: 'long' }))).toEqual([5, 6])
  expect(await tools.post('long', '7')).toMatchObject({ seq: 7 })
  const again = { idempotency_key: 'key 6', session_tag: 'laptop', metadata: { n: 6 } }
  const sixth = '6 line\u2028separator, "quotes", Ünïcode 🦉'
  expect(await tools.post('long', sixth, again)).toMatchObject({ seq: 6, duplicate: true })
})

test('a reader of the file receives its unread messages, and nothing that was here before', async () => {
  await using folder = await createFolder()
  await using home = await createTestRelay({})
  await using away = await createTestRelay({})
  await over(home).post('imported', 'read')
  await over(home).check('traveller', {})
  await over(home).post('imported', 'unread')
  await over(home).post('opened since', 'unread too')
  await over(away).post('local', 'here before')
  await copy(folder.file, home, away)
  const messages = await follow(over(away), 'traveller', {})
  expect(messages.map(({ content }) => content)).toEqual(['unread', 'unread too'])
})

test('a relay moves away and back, and only new data is added', async () => {
  await using folder = await createFolder()
  await using home = await createTestRelay({})
  await using away = await createTestRelay({})
  await fillRelay(home)
  await copy(folder.file, home, away)
  await over(away).post('long', '7, from away')
  await over(away).post('new', '1, from away')
  await over(away).check('reader', { thread_name: 'long' })

  const back = join(folder.path, 'back.jsonl')
  await script('export', back, projectOf(away))
  const { out } = await script('import', back, projectOf(home))
  expect(out).toContain('Added 1 threads, 1 readers, 1 cursors and 2 messages')
  expect(await contentsOf(home)).toEqual(await contentsOf(away))
  const twice = await script('import', back, projectOf(home))
  expect(twice.out).toContain('Added 0 threads, 0 readers, 0 cursors and 0 messages')
})

test('an incomplete export cannot be imported, and no export is replaced by another', async () => {
  await using folder = await createFolder()
  await using home = await createTestRelay({})
  await fillRelay(home)
  const project = projectOf(home)
  await script('export', folder.file, project)
  const whole = await readFile(folder.file)
  const again = await script('export', folder.file, project)
  expect(again).toMatchObject({ code: 1 })
  expect(again.out).toContain(`${folder.file} exists already`)
  expect(await readFile(folder.file)).toEqual(whole)
  for (const length of [300, whole.indexOf('"message"') + 300, whole.length - 10]) {
    await truncate(folder.file, length)
    const early = await script('import', folder.file, project)
    expect(early).toMatchObject({ code: 1 })
    expect(early.out).toContain('is incomplete')
    await writeFile(folder.file, whole)
  }
})

test('an interrupted import is run again, and adds the rest', async () => {
  await using folder = await createFolder()
  await using home = await createTestRelay({})
  await using away = await createTestRelay({})
  const tools = over(home)
  for (const n of range(1, 30)) await tools.post('large', `${n} ${'x'.repeat(90_000)}`)
  await script('export', folder.file, projectOf(home))
  const project = projectOf(away)
  // The second request is refused, as if someone had pulled the plug.
  const owner = await away.database.connect('postgres')
  await owner.query(`
    create function stop() returns trigger language plpgsql as $$ begin
      if (select count(*) from public.relay_messages) > 0 then raise 'plug pulled'; end if;
      return null;
    end $$;
    create trigger stop before insert on public.relay_messages
      for each statement execute function stop()`)
  const cut = await script('import', folder.file, project)
  expect(cut).toMatchObject({ code: 1 })
  expect(cut.out).toContain('plug pulled')
  const [{ message_count: before }] = (await over(away).list()).threads
  expect(before).toBeGreaterThan(0)
  expect(before).toBeLessThan(30)

  await owner.query('drop trigger stop on public.relay_messages')
  const rest = await script('import', folder.file, project)
  expect(rest.out).toContain(`Added 0 threads, 0 readers, 0 cursors and ${30 - before} messages`)
  expect(seqs(await follow(over(away), 'r', { thread_name: 'large' }))).toEqual(range(1, 30))
})

test('an import that would replace another thread is refused, and nothing is written', async () => {
  await using folder = await createFolder()
  await using home = await createTestRelay({})
  await using other = await createTestRelay({})
  await fillRelay(home)
  await over(other).post('long', 'Another thread of that name.')
  await script('export', folder.file, projectOf(home))
  const refused = await script('import', folder.file, projectOf(other))
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.out).toContain('another thread "long" is there already')
  const { threads } = await over(other).list({ include_archived: true })
  expect(threads).toMatchObject([{ name: 'long', message_count: 1 }])
})

test('two relays that diverged are not mixed', async () => {
  await using folder = await createFolder()
  await using home = await createTestRelay({})
  await using away = await createTestRelay({})
  await fillRelay(home)
  await copy(folder.file, home, away)
  await over(home).post('long', 'written at home')
  await over(away).post('long', 'written away')
  const apart = join(folder.path, 'apart.jsonl')
  await script('export', apart, projectOf(away))
  const refused = await script('import', apart, projectOf(home))
  expect(refused.out).toContain(
    'another message has seq 7 or its idempotency key in the thread "long"',
  )
  expect((await over(home).read('long')).messages[0].content).toBe('written at home')
})

test('an export during writes holds the beginning of each thread without a gap', async () => {
  await using folder = await createFolder()
  await using home = await createTestRelay({})
  await using away = await createTestRelay({})
  const tools = over(home)
  for (const n of range(1, 40)) await tools.post(`thread ${n % 4}`, `${n}`)
  let writing = true
  const writers = range(0, 3).map(async (n) => {
    for (let m = 0; writing; m += 1) await tools.post(`thread ${(n + m) % 6}`, `${n} ${m}`)
  })
  expect(await script('export', folder.file, projectOf(home))).toMatchObject({ code: 0 })
  writing = false
  await Promise.all(writers)
  expect(await script('import', folder.file, projectOf(away))).toMatchObject({ code: 0 })
  for (const { name, message_count } of (await over(away).list()).threads) {
    const messages = await follow(over(away), 'r', { thread_name: name })
    expect(seqs(messages)).toEqual(range(1, message_count))
    const original = (await tools.read(name, { limit: 500 })).messages.toReversed()
    expect(messages.map(({ id }) => id)).toEqual(
      original.slice(0, message_count).map(({ id }: Message) => id),
    )
  }
})

test.each([
  ['a missing file', undefined, 'does not exist or is empty'],
  ['an empty file', '', 'does not exist or is empty'],
  ['a text without a line break', 'hello', 'is not an export of relay-mcp'],
  ['another file', '{"name":"relay-mcp"}\n', 'is not an export of relay-mcp'],
  ['plain text', 'hello\n', 'line 1 is not valid JSON'],
  [
    'a damaged line',
    '{"kind":"relay-mcp export","version":1,"as_of":"x"}\n{"kind":\n',
    'line 2 is not valid JSON',
  ],
  ['a later version', '{"kind":"relay-mcp export","version":2}\n', 'is not an export of relay-mcp'],
])('an import of %s is refused with a reason', async (_, content, sentence) => {
  await using folder = await createFolder()
  await using relay = await createTestRelay()
  if (content !== undefined) await writeFile(folder.file, content)
  const { code, out } = await script('import', folder.file, projectOf(relay))
  expect(code).toBe(1)
  expect(out).toContain(sentence)
  expect(out).not.toContain('    at ')
})

test('a wrong key and a project without tables are each explained', async () => {
  await using folder = await createFolder()
  await using relay = await createTestRelay({})
  const project = projectOf(relay)
  const wrong = await script('export', folder.file, {
    ...project,
    SUPABASE_SERVICE_KEY: 'sb_secret_no',
  })
  expect(wrong).toMatchObject({ code: 1 })
  expect(wrong.out).toContain(faultMessage('service_key_refused'))
  await using empty = await createTestRelay({ empty: true })
  const bare = await script('export', folder.file, projectOf(empty))
  expect(bare.out).toContain(faultMessage('migration_missing'))
})

test('at home, the database is reached whether or not the relay is running', async () => {
  await using folder = await createFolder()
  await using relay = await createTestRelay({})
  await fillRelay(relay)
  await script('export', folder.file, projectOf(relay))
  const home = { RELAY_DATA: join(folder.path, 'data') }
  const imported = await script('import', folder.file, home)
  expect(imported.out).toContain('Added 3 threads, 1 readers, 1 cursors and 9 messages')
  const copy = join(folder.path, 'copy.jsonl')
  expect(await script('export', copy, home)).toMatchObject({ code: 0 })
  const records = recordsOf(await readFile(copy, 'utf8'))
  expect(records).toEqual(recordsOf(await readFile(folder.file, 'utf8')))
})

test('at home, a pasted secret is deleted by hand and every count stays right', async () => {
  await using folder = await createFolder()
  await using relay = await createTestRelay({})
  await over(relay).post('release', 'The password is hunter2.')
  await over(relay).post('release', 'Oh no.')
  await script('export', folder.file, projectOf(relay))
  const home = { RELAY_DATA: join(folder.path, 'data') }
  await script('import', folder.file, home)
  const deletion = `delete from relay_messages where content like '%hunter2%' returning seq`
  expect(await sql(folder.file, deletion, home)).toEqual({ code: 0, out: '{"seq":"1"}\n1 row\n' })
  const counts = await sql(folder.file, 'select message_count, last_seq from relay_threads', home)
  expect(counts.out).toBe('{"message_count":"1","last_seq":"2"}\n1 row\n')
  const two = await sql(folder.file, 'select 1 as one; select 2 as two', home)
  expect(two).toEqual({ code: 0, out: '{"one":1}\n1 row\n{"two":2}\n1 row\n' })
  expect(await sql(folder.file, 'selec', home)).toMatchObject({ code: 1 })
  const away = await sql(folder.file, 'select 1', projectOf(relay))
  expect(away.out).toContain('SQL editor')
})

/** Puts SQL around a function of the relay, as a database of another version would have it. */
async function wrap(relay: TestRelay, name: string, args: string, body: string): Promise<void> {
  const owner = await relay.database.connect('postgres')
  await owner.query(`
    alter function ${name} rename to ${name}_today;
    create function ${name}(${args}) returns jsonb language plpgsql as $$ begin ${body} end $$;
    grant execute on function ${name} to service_role;
    notify pgrst`)
}

async function createRelayAhead() {
  const relay = await createTestRelay({})
  const tools = await fillRelay(relay)
  await tools.post('ahead', 'From a machine whose clock was ahead.')
  const owner = await relay.database.connect('postgres')
  await owner.query(`
    update relay_threads set created_at = now() + interval '1 day' where name = 'ahead'`)
  return relay
}

test('an export contains threads whose time is ahead of the clock', async () => {
  await using folder = await createFolder()
  await using relay = await createRelayAhead()
  await wrap(
    relay,
    'relay_status',
    'p_user_id uuid',
    `return public.relay_status_today(p_user_id) || jsonb_build_object('as_of',
      (select max(created_at)::text from public.relay_threads));`,
  )
  expect(await script('export', folder.file, projectOf(relay))).toMatchObject({ code: 0 })
  expect(await readFile(folder.file, 'utf8')).toContain('"ahead"')
})

test('an export with missing threads leaves no file', async () => {
  await using folder = await createFolder()
  await using relay = await createRelayAhead()
  const body = `return public.relay_status_today(p_user_id) - 'as_of';`
  await wrap(relay, 'relay_status', 'p_user_id uuid', body)
  const { code, out } = await script('export', folder.file, projectOf(relay))
  expect(code).toBe(1)
  expect(out).toContain('the relay had 4 threads and 10 messages; the file has 3 and 9')
  await expect(stat(folder.file)).rejects.toThrow('ENOENT')
})

test('a record that the database refuses is explained in a sentence', async () => {
  await using folder = await createFolder()
  await using relay = await createTestRelay({})
  await fillRelay(relay)
  await script('export', folder.file, projectOf(relay))
  await wrap(
    relay,
    'relay_import',
    "p_user_id uuid, p_records jsonb, p_reader_tags jsonb default '[]', p_thread_ids jsonb default null",
    `raise exception 'another message has this idempotency key'
      using errcode = 'RL008', detail = 'thread "long", key "key 1"';`,
  )
  const refused = await script('import', folder.file, projectOf(relay))
  expect(refused.code).toBe(1)
  expect(refused.out).toContain(
    'The file cannot be imported into this relay: another message has this idempotency key ' +
      '(thread "long", key "key 1").',
  )
})

/** Without the first line, which says when. */
const recordsOf = (text: string) => text.split('\n').slice(1)
