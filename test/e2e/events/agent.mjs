import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { createMCPClient, experimental_createMCPEventWebhook } from '@ai-sdk/mcp'

const { RELAY_URL, RELAY_KEY, OWN_URL = 'http://127.0.0.1:9000' } = process.env
const kept = new Map() // In a database, if the agent is to survive a restart.
const store = {
  get: async (key) => kept.get(key),
  getById: async (id) => kept.values().find((each) => each.id === id),
  set: async (each) => void kept.set(each.key, each),
  update: async (key, change) => void kept.set(key, { ...kept.get(key), ...change }),
  delete: async (key) => void kept.delete(key),
}
const onEvent = async ({ event }) => console.log('Wake up:', event.data) // Run your agent here.
const receive = experimental_createMCPEventWebhook({ store, onEvent })
createServer(async (request, response) => {
  const { url, method, headers } = request
  const body = method === 'POST' ? await buffer(request) : undefined
  const answer = await receive(new Request(new URL(url, OWN_URL), { method, headers, body }))
  response.writeHead(answer.status).end(await answer.text())
}).listen(new URL(OWN_URL).port)

const headers = { Authorization: `Bearer ${RELAY_KEY}` }
const transport = { type: 'http', url: `${RELAY_URL}/mcp`, headers }
const { experimental_events: events } = await createMCPClient({
  transport,
  experimental_events: { store },
})
const { id, refreshBefore } = await events.subscribe({
  name: 'message.posted',
  arguments: { reader_tag: 'agent' },
  delivery: { mode: 'webhook', url: OWN_URL, allowInsecureLocalhost: true },
})
setInterval(() => events.refresh({ id }), Date.parse(refreshBefore) - Date.now())
