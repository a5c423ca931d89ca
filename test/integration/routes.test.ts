/** The URL table, and who may ask. */
import { request } from 'node:http'
import { expect, test } from 'vitest'
import { VERSION } from '../../src/mcp/protocol.ts'
import { startFaults } from '../support/faults.ts'
import { createTestRelay } from '../support/relay.ts'

test('/health answers anyone, without the database', async () => {
  await using relay = await createTestRelay()
  const response = await relay.fetch('/health')
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ ok: true, service: 'relay-mcp', version: VERSION })
  expect(relay.gateway.requests.size).toBe(0)
})

test('/ greets anyone, and is an endpoint as it was in 0.1.0', async () => {
  await using relay = await createTestRelay()
  const hello = await relay.fetch('/')
  expect(await hello.json()).toMatchObject({ service: 'relay-mcp', endpoint: '/mcp' })
  const init = { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }) }
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${relay.key}` }
  expect((await relay.fetch('/', { ...init, headers })).status).toBe(200)
  expect((await relay.fetch('/', init)).status).toBe(401)
})

test.each([
  ['/mcp/', 404],
  ['/nothing', 404],
  ['/.well-known/openid-configuration', 404],
  ['/.well-known/oauth-authorization-server/mcp', 404],
  ['/MCP', 404],
  ['//mcp', 404],
])('%s is %i as JSON', async (path, status) => {
  await using relay = await createTestRelay()
  const response = await fetch(relay.url + path)
  expect(response.status).toBe(status)
  expect(await response.json()).toMatchObject({ error: 'not_found' })
})

test('/mcp/ says where the endpoint is', async () => {
  await using relay = await createTestRelay()
  const response = await relay.fetch('/mcp/', { method: 'POST' })
  expect(await response.json()).toMatchObject({ message: expect.stringContaining('/mcp, ') })
})

test('HEAD is GET without a body', async () => {
  await using relay = await createTestRelay()
  const response = await relay.fetch('/health', { method: 'HEAD' })
  expect([response.status, await response.text()]).toEqual([200, ''])
})

test('a foreign host name is refused before anything else', async () => {
  await using relay = await createTestRelay()
  const { port } = new URL(relay.url)
  const statuses: Record<string, number | undefined> = {}
  for (const host of ['evil.example', 'localhost.evil.example', `localhost:${port}`, '127.0.0.1']) {
    statuses[host] = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host, authorization: `Bearer ${relay.key}` }
      request({ port, host: '127.0.0.1', path: '/health', headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end()
    })
  }
  expect(statuses).toEqual({
    'evil.example': 421,
    'localhost.evil.example': 421,
    [`localhost:${port}`]: 200,
    '127.0.0.1': 200,
  })
})

test('a path that is not ours is not written to the log', async () => {
  await using relay = await createTestRelay()
  await relay.fetch(`/mcp/${relay.key}?key=${relay.key}`)
  await relay.log()
  expect(JSON.stringify(relay.logs)).not.toContain(relay.key)
})

test('the daily call reaches the database, and its failure is an error', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  await relay.runScheduled()
  expect(await relay.log()).toMatchObject({ event: 'scheduled', outcome: 'ok' })
  expect(relay.gateway.requests.get('relay_status')).toBe(1)

  await faults.always('html-502')
  await relay.runScheduled()
  expect(await relay.log((line) => line.outcome === 'failed')).toMatchObject({
    event: 'scheduled',
    error_code: 'database_unreachable',
  })
})
