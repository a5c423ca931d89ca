/**
 * Every process of npm start killed at every step between a post and the acknowledgement of its event: the event
 * arrives, in order and under the same webhook-id, and never again once its acknowledgement was committed.
 */
import { once } from 'node:events'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { reachHomeDatabase } from '../../../scripts/local/home-database.ts'
import { createHome, KEY, ps } from '../../support/home.ts'
import { clientOf } from '../../support/relay.ts'
import { startReceiver } from './receiver-at-home.ts'

type Row = { id: string }

const home = createHome()
let receiver: Awaited<ReturnType<typeof startReceiver>>
let running: Awaited<ReturnType<typeof home.start>>
const start = async () => {
  running = await home.start({ RELAY_EVENT_HOSTS: receiver.url })
}

beforeAll(async () => {
  receiver = await startReceiver()
  await start()
})
afterAll(async () => {
  await home[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
})

/** Ends a process at once, and waits until everything runs again. */
const KILLS = {
  async 'the Worker'() {
    await killChild('workerd', 'The Worker is up again.')
  },
  async PostgreSQL() {
    await killChild('postgres', 'PostgreSQL is up again.')
  },
  /** The gateway is part of npm start itself. */
  async 'the gateway'() {
    running.kill('SIGKILL')
    await running.exit
    await start()
  },
}

/** Leads to the step, kills there, and lets go of what it has held. Each begins with one event delivered. */
const STEPS: Record<string, (post: () => Promise<unknown>, kill: () => Promise<void>) => unknown> =
  {
    'before the sender has leased it': async (post, kill) => {
      await using lock = await lockTargets()
      await post()
      await lock.isWaitedFor()
      await kill()
    },
    'while the receiver holds its answer': async (post, kill) => {
      const held = receiver.hold()
      await post()
      const { response } = await held
      await kill()
      response.end()
    },
    'after the receiver has answered': async (post, kill) => {
      const held = receiver.hold()
      await post()
      const { response } = await held
      // Its call to settle waits in the gateway, which is part of this process.
      running.kill('SIGSTOP')
      response.end()
      await once(response, 'close')
      const killed = kill()
      running.kill('SIGCONT')
      await killed
    },
    'while that is settled': async (post, kill) => {
      const held = receiver.hold()
      await post()
      const { response } = await held
      await using lock = await lockTargets()
      response.end()
      await lock.isWaitedFor()
      await kill()
    },
    'after that is settled': async (post, kill) => {
      await post()
      await expect.poll(waiting).toBe(0)
      await kill()
    },
  }

const CASES = Object.keys(STEPS).flatMap((step) =>
  Object.keys(KILLS).map((victim) => [victim, step] as const),
)

test.each(CASES)('%s is killed %s', async (victim, step) => {
  const thread_name = `${victim} ${step}`
  const relay = clientOf(running.url, KEY)
  const seqs = () => receiver.got.map(({ body }) => body.data.seq)
  const post = () =>
    clientOf(running.url, KEY).call('relay_post_message', {
      thread_name,
      surface: 'code',
      content: 'x',
    })
  receiver.got.length = 0
  const subscription = { name: 'message.posted', arguments: { thread_name }, ...receiver.delivery }
  expect(await rpc(relay, 'events/subscribe', subscription)).toHaveProperty('result.id')
  await post()
  await expect.poll(waiting).toBe(0)

  await STEPS[step]?.(post, KILLS[victim as keyof typeof KILLS])
  const acknowledged = await query(
    'select message_id as id from relay_deliveries where due_at is null',
  )
  const before = acknowledged.map(({ id }) => [id, receiver.times(id)] as const)
  await post()
  // Any tool call sends what is due, once the lease of a sender that died is over.
  await expect
    .poll(async () => {
      await query('update relay_targets set lease_until = now()')
      await query('update relay_deliveries set due_at = now() where due_at is not null')
      await clientOf(running.url, KEY).call('relay_list_threads')
      return waiting()
    })
    .toBe(0)

  expect([...new Set(seqs())]).toEqual([1, 2, 3])
  const ids = new Set(
    receiver.got.map(({ body, headers }) => `${body.data.seq} ${headers['webhook-id']}`),
  )
  expect(ids.size).toBe(3)
  expect(before.map(([id]) => [id, receiver.times(id)])).toEqual(before)
  await rpc(clientOf(running.url, KEY), 'events/unsubscribe', subscription)
})

async function killChild(name: string, notice: string): Promise<void> {
  const pid = home
    .children()
    .find((each) => ps('-o', 'args=', '-p', `${each}`).includes(`/${name} `))
  const said = running.printed.length
  process.kill(pid as number, 'SIGKILL')
  await expect.poll(() => running.printed.slice(said)).toContain(notice)
}

async function rpc(relay: ReturnType<typeof clientOf>, method: string, params: object) {
  return (await relay.rpc({ jsonrpc: '2.0', id: 1, method, params })).body
}

async function connect(): Promise<Client> {
  const { connection } = await reachHomeDatabase(home.data)
  const client = new Client(connection)
  client.on('error', () => {})
  await client.connect()
  return client
}

async function query(sql: string): Promise<Row[]> {
  const client = await connect()
  const { rows } = await client.query(sql)
  await client.end()
  return rows
}

const waiting = async (): Promise<number> =>
  (await query('select from relay_deliveries where due_at is not null')).length

/** Holds the lock that a sender needs. */
async function lockTargets() {
  const client = await connect()
  await client.query('begin; select from relay_targets for update')
  return {
    isWaitedFor: () =>
      expect
        .poll(() =>
          query(
            `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%relay_deliver%'`,
          ),
        )
        .not.toEqual([]),
    // PostgreSQL itself may have been killed.
    [Symbol.asyncDispose]: () => client.end().catch(() => {}),
  }
}
