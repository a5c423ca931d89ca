/** The client of AI SDK, which has an author of its own, against npm start: webhooks on this machine. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import {
  createMCPClient,
  type Experimental_MCPEvent as Event,
  experimental_createMCPEventWebhook,
  type Experimental_MCPEventStore as Store,
  type Experimental_MCPEventSubscription as Subscription,
} from '@ai-sdk/mcp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHome, KEY } from '../../support/home.ts'
import { clientOf, type RelayClient } from '../../support/relay.ts'

const home = createHome()
let relay: RelayClient
let url: string
let receiver: Awaited<ReturnType<typeof startReceiver>>
let agentPort: number

beforeAll(async () => {
  receiver = await startReceiver()
  agentPort = await findFreePort()
  const hosts = [receiver.url, `http://127.0.0.1:${agentPort}`]
  const started = await home.start({ RELAY_EVENT_HOSTS: hosts.join(',') })
  url = await started.up
  relay = clientOf(url, KEY)
})
afterAll(async () => {
  await home[Symbol.asyncDispose]()
  receiver.close()
})

const post = (to: string) =>
  relay.call('relay_post_message', {
    thread_name: 'release',
    surface: 'code',
    content: 'Is the build green?',
    reader_tag: 'laptop',
    to,
  })

test('it subscribes, proves itself, gets events, renews with another secret, and unsubscribes', async () => {
  const client = await createMCPClient({
    transport: { type: 'http', url: `${url}/mcp`, headers: { Authorization: `Bearer ${KEY}` } },
    experimental_events: { store: receiver.store },
  })
  const events = client.experimental_events
  expect((await events.list()).events).toMatchObject([{ name: 'message.posted' }])
  const { id } = await events.subscribe({
    name: 'message.posted',
    arguments: { reader_tag: 'agent' },
    delivery: { mode: 'webhook', url: receiver.url, allowInsecureLocalhost: true },
  })
  await post('agent')
  await post('someone-else')
  await expect.poll(() => receiver.events).toMatchObject([{ data: { seq: 1, to: 'agent' } }])

  const [kept] = receiver.kept.values()
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const { key, delivery } = kept as Subscription
  await receiver.store.update(key, { delivery: { ...delivery, secret } })
  await events.refresh({ id })
  await post('agent')
  await expect.poll(() => receiver.events).toHaveLength(2)
  expect(receiver.events[1]).toMatchObject({ data: { seq: 3 } })

  await events.unsubscribe({ id })
  await post('agent')
  await relay.call('relay_list_threads')
  expect(receiver.events).toHaveLength(2)
  expect(receiver.statuses).toEqual([200, 204, 204])
  await client.close()
})

test('the agent of the docs wakes up', async () => {
  const docs = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8')
  const [, code = ''] = /```js\n(.*?)```/s.exec(docs) ?? []
  const agent = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    env: {
      ...process.env,
      RELAY_URL: url,
      RELAY_KEY: KEY,
      OWN_URL: `http://127.0.0.1:${agentPort}`,
    },
  })
  try {
    const printed = read(agent)
    await expect
      .poll(async () => (await manage('list_targets')).targets)
      .toMatchObject([{ reader_tag: 'planner', host: `127.0.0.1:${agentPort}` }])
    await post('planner')
    await expect.poll(printed).toMatch(/Run the agent for \{[^}]*thread_name: 'release'/)
  } finally {
    agent.kill()
  }
})

test('nothing else on this machine is a receiver', async () => {
  const client = await createMCPClient({
    transport: { type: 'http', url: `${url}/mcp`, headers: { Authorization: `Bearer ${KEY}` } },
    experimental_events: { store: receiver.store },
  })
  const other = await startReceiver()
  for (const address of [other.url, receiver.url.replace('127.0.0.1', '[::1]')]) {
    const delivery = { mode: 'webhook', url: address, allowInsecureLocalhost: true } as const
    const subscribing = client.experimental_events.subscribe({ name: 'message.posted', delivery })
    await expect(subscribing).rejects.toMatchObject({ code: -32602 })
  }
  expect(other.statuses).toEqual([])
  other.close()
  await client.close()
})

async function manage(action: string) {
  const response = await relay.fetch('/manage', {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ action }),
  })
  return (await response.json()) as { targets: object[] }
}

/** The receiving half of the library, on a port of this machine. */
async function startReceiver() {
  const kept = new Map<string, Subscription>()
  const store: Store = {
    get: async (key) => kept.get(key),
    getById: async (id) => [...kept.values()].find((each) => each.id === id),
    set: async (each) => void kept.set(each.key, each),
    update: async (key, patch) =>
      void kept.set(key, { ...(kept.get(key) as Subscription), ...patch }),
    delete: async (key) => void kept.delete(key),
  }
  const events: Event[] = []
  const statuses: number[] = []
  const receive = experimental_createMCPEventWebhook({
    store,
    onEvent: async ({ event }) => void events.push(event),
  })
  const server = createServer(async (request, response) => {
    const init = { method: 'POST', headers: request.headers as Record<string, string> }
    const body = new Uint8Array(await buffer(request))
    const own = new URL(request.url ?? '', 'http://receiver')
    const answer = await receive(new Request(own, { ...init, body }))
    statuses.push(answer.status)
    response.writeHead(answer.status).end(await answer.text())
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    kept,
    store,
    events,
    statuses,
    close: () => server.close(),
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  server.close()
  return port
}

/** The output of a process so far. */
function read(child: ChildProcess): () => string {
  let printed = ''
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (chunk) => {
      printed += chunk
    })
  }
  return () => printed
}
