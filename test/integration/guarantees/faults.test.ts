/** Connections cut, a gateway that fails, clients that leave: an acknowledged post is there once. */
import { expect, test } from 'vitest'
import { type Fault, startFaults } from '../../support/faults.ts'
import { createTestRelay, type TestRelay } from '../../support/relay.ts'
import { type Message, range, seqs, together, waitingForLocks } from '../migrations/calls.ts'
import { callAndLeave, follow, over } from './callers.ts'
import { expectKept, startLoad } from './load.ts'
import { createRelayOver, startWire } from './wire.ts'

const CUT = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`

/** PostgreSQL's error when a table can't grow; crashes.test.ts fills a disk where it may. */
const FULL = `
  create function raise_disk_full() returns trigger language plpgsql as $$
  begin
    raise exception 'could not extend file: No space left on device' using errcode = 'disk_full';
  end;
  $$;
  create trigger disk_full before insert on relay_messages for each row execute function raise_disk_full();
`

test('connections cut again and again under load lose and repeat nothing', async () => {
  await using relay = await createTestRelay({})
  const cutter = await superuser(relay)
  const load = startLoad(relay)
  for (const _ of range(1, 12)) {
    await load.acknowledged(25)
    await cutter.query(CUT)
  }
  await load.acknowledged(50)
  await load.stop()
  await expectKept(relay, load)
})

test('a database without space refuses posts in a sentence, and takes them when there is room', async () => {
  await using relay = await createTestRelay({})
  const tools = over(relay)
  const owner = await relay.database.connect('postgres')
  const load = startLoad(relay)
  await load.acknowledged(25)
  await owner.query(FULL)
  await expect(tools.post('load', 'one more')).rejects.toThrow('The database is full.')
  expect((await tools.read('load', { limit: 1 })).messages).toHaveLength(1)
  expect((await tools.check('another', { thread_name: 'load', limit: 1 })).messages).toHaveLength(1)
  await load.answered(50)
  await owner.query('drop trigger disk_full on relay_messages')
  await load.acknowledged(25)
  await load.stop()
  await expectKept(relay, load)
  expect(load.failures).toBeGreaterThan(0)
})

test.each<[string, Fault]>([
  ['slow', { delay: 150 }],
  ['refusing', 'refuse'],
  ['resetting connections', 'reset-before'],
  ['losing answers', 'reset-after'],
  ['answering with garbage', 'garbage'],
  ['answering with a page', 'html-502'],
  ['without a connection', { status: 503, body: '{"code":"PGRST001","message":"none"}' }],
])('a gateway %s for a while loses and repeats nothing', async (_, fault) => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  const load = startLoad(relay)
  await load.acknowledged(20)
  await faults.always(fault)
  await load.answered(60)
  await faults.always('none')
  await load.acknowledged(20)
  // Each fault in a while of good answers, so that the second attempt of a post succeeds.
  if (fault !== 'refuse') {
    for (const _ of range(1, 10)) {
      faults.next(fault)
      await load.answered(3)
    }
  }
  await load.stop()
  await expectKept(relay, load)
  if (typeof fault === 'object' && 'delay' in fault) expect(load.failures).toBe(0)
  else expect(load.failures).toBeGreaterThan(0)
})

test.each([
  ['before the database has begun', 'begin', 0],
  ['before the database has committed', 'commit', 0],
  ['after the database has committed', 'COMMIT', 1],
] as const)(
  'a post cut %s is tried again, and never acknowledged in doubt',
  async (_, word, written) => {
    await using wire = await startWire()
    await using relay = await createRelayOver(wire)
    const tools = over(relay)
    await tools.post('a', 'whole')
    wire.cutAt(word, 1)
    const second = await tools.post('a', 'tried twice')
    expect(second).toMatchObject({ seq: 2 })
    expect(second).not.toHaveProperty('duplicate')
    wire.cutAt(word, 2)
    await expect(tools.post('a', 'cut twice')).rejects.toThrow('not known')
    const keyed = { idempotency_key: 'k' }
    wire.cutAt(word, 2)
    await expect(tools.post('a', 'keyed', keyed)).rejects.toThrow('same idempotency_key')
    expect(await tools.post('a', 'keyed', keyed)).toMatchObject({ seq: 3 + written })
    await tools.post('a', 'last')
    const { messages } = await tools.read('a')
    expect(messages.map(({ content }: Message) => content)).toEqual([
      'last',
      'keyed',
      ...(written ? ['cut twice'] : []),
      'tried twice',
      'whole',
    ])
    expect(seqs(messages)).toEqual(range(1, messages.length).toReversed())
  },
)

test('a check cut before its commit loses nothing, and its error names relay_read_thread', async () => {
  await using wire = await startWire()
  await using relay = await createRelayOver(wire)
  const tools = over(relay)
  const thread = { thread_name: 'a' }
  for (const n of range(1, 3)) await tools.post('a', `${n}`)
  for (const word of ['begin', 'commit'] as const) {
    wire.cutAt(word, 1)
    await expect(tools.check('r', thread)).rejects.toThrow('relay_read_thread')
  }
  expect(seqs((await tools.check('r', { ...thread, limit: 2 })).messages)).toEqual([1, 2])
  wire.cutAt('COMMIT', 1)
  await expect(tools.check('r', thread)).rejects.toThrow('relay_read_thread')
  expect(await tools.check('r', thread)).toMatchObject({ new_message_count: 0 })
  await tools.post('a', '4')
  wire.cutAt('COMMIT', 1)
  const peek = await tools.check('r', { ...thread, peek: true, ack_seq: 3 })
  expect(seqs(peek.messages)).toEqual([4])
  expect(seqs((await tools.check('r', thread)).messages)).toEqual([4])
})

test('posts cut while they wait for their turn are tried again, each there once', async () => {
  await using relay = await createTestRelay({})
  const tools = over(relay)
  const cutter = await superuser(relay)
  const holder = await relay.database.connect()
  await tools.post('a', 'first')
  await holder.query('begin; select from relay_threads for update')
  const posting = together(5, (n) => tools.post('a', `${n}`))
  await waitingForLocks(cutter, 5)
  const waiting = 'pid in (select pid from pg_locks where not granted)'
  expect((await cutter.query(`${CUT} and ${waiting}`)).rowCount).toBe(5)
  await waitingForLocks(cutter, 5)
  await holder.query('commit')
  const posted = await posting
  const messages = await follow(tools, 'r', { thread_name: 'a' })
  expect(seqs(messages)).toEqual(range(1, 6))
  expect(messages.slice(1).map(({ id }) => id)).toEqual(
    posted.toSorted((a, b) => a.seq - b.seq).map(({ id }) => id),
  )
})

test('clients that leave in the middle of a wait lose nothing and leave nothing running', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  await tools.create('quiet')
  const checks = () => relay.gateway.requests.get('relay_check_new') ?? 0
  const leave = expect.poll(checks).toBeGreaterThanOrEqual(10)
  await together(10, (n) =>
    callAndLeave(
      relay,
      'relay_check_new',
      { thread_name: 'quiet', reader_tag: `reader ${n}`, wait_seconds: 45 },
      leave,
    ),
  )
  // Each request has ended, long before its 45 seconds.
  const ended = () => relay.logs.filter(({ tool }) => tool === 'relay_check_new').length
  await expect.poll(ended).toBe(10)
  // Nor does it ask any more: each wait has 12 checks.
  expect(checks()).toBeLessThan(60)
  await tools.post('quiet', 'for whoever comes back')
  await together(10, async (n) => {
    const back = await follow(tools, `reader ${n}`, { thread_name: 'quiet' })
    expect(seqs(back)).toEqual([1])
  })
})

test('a client that leaves its waits while others post handles each message once', async () => {
  await using relay = await createTestRelay()
  const tools = over(relay)
  await tools.create('busy')
  const handled: number[] = []
  for (const round of range(1, 15)) {
    const args = { thread_name: 'busy', peek: true, wait_seconds: 45, ack_seq: handled.at(-1) }
    const before = relay.gateway.requests.get('relay_check_new') ?? 0
    const asked = () => relay.gateway.requests.get('relay_check_new') ?? 0
    const posting = expect
      .poll(asked)
      .toBeGreaterThan(before)
      .then(() => together(4, (n) => tools.post('busy', `${round} ${n}`)))
    const waiting = { ...args, reader_tag: 'r' }
    await Promise.all([callAndLeave(relay, 'relay_check_new', waiting, posting), posting])
    handled.push(...seqs((await tools.check('r', args)).messages))
  }
  expect(handled).toEqual(range(1, 60))
})

/** Only a superuser may end the connections of others. */
async function superuser(relay: TestRelay) {
  const client = await relay.database.connect()
  await client.query('set role none')
  return client
}
