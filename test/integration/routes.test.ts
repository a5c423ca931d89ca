/** The URL table, and who may ask. */
import { request } from 'node:http'
import { expect, test } from 'vitest'
import { VERSION } from '../../src/mcp/protocol.ts'
import { startFaults } from '../support/faults.ts'
import { sendAs } from '../support/oauth.ts'
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
  ['/nothing', 404],
  ['/.well-known/openid-configuration', 404],
  ['/.well-known/oauth-authorization-server/mcp', 404],
  ['/MCP', 404],
])('%s is %i as JSON', async (path, status) => {
  await using relay = await createTestRelay()
  const response = await fetch(relay.url + path)
  expect(response.status).toBe(status)
  expect(await response.json()).toMatchObject({ error: 'not_found' })
})

test.each(['/mcp', '/mcp/', '//mcp', '//mcp/', '/mcp//', '/', '//'])(
  'POST %s is the MCP endpoint',
  async (path) => {
    await using relay = await createTestRelay()
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${relay.key}` }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
    const response = await fetch(relay.url + path, { method: 'POST', headers, body })
    expect([response.status, response.redirected]).toEqual([200, false])
    expect((await fetch(relay.url + path, { method: 'POST', body })).status).toBe(401)
  },
)

test.each(['/mcp', '/mcp/', '//mcp', '/', '//'])(
  'a client that looks for a stream at %s learns that there is not one',
  async (path) => {
    await using relay = await createTestRelay()
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${relay.key}` }
    for (const accept of ['text/event-stream', 'application/json, text/event-stream']) {
      const response = await fetch(relay.url + path, { headers: { ...headers, accept } })
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
    }
  },
)

test('a browser gets a page where there is nothing, everything else JSON', async () => {
  await using relay = await createTestRelay()
  const page = await relay.fetch('/nothing', { headers: { accept: 'text/html,*/*' } })
  expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
  const posted = await relay.fetch('/nothing', { method: 'POST', headers: { accept: 'text/html' } })
  expect(await posted.json()).toMatchObject({ error: 'not_found' })
})

test('on Cloudflare, plain http reaches nothing that takes a key', async () => {
  await using relay = await createTestRelay({ bindings: { RELAY_HOSTS: undefined } })
  const headers = { authorization: `Bearer ${relay.key}`, accept: 'text/html' }
  const paths = ['/mcp', '/', '/health', '/token', '/authorize', '/register']
  for (const path of paths) {
    const answer = await sendAs('relay.example', relay, path, { method: 'POST', headers })
    expect.soft([path, answer.status, answer.body.error]).toEqual([path, 403, 'https_required'])
    const got = await sendAs('relay.example', relay, path, { headers })
    expect.soft([path, got.status, got.headers.get('location')]).toEqual([path, 403, null])
  }
  const visit = await sendAs('relay.example', relay, '/authorize?x=1', {
    headers: { accept: 'text/html' },
  })
  expect(visit.status).toBe(301)
  expect(visit.headers.get('location')).toBe('https://relay.example/authorize?x=1')
  // wrangler dev, on this machine.
  expect((await sendAs('localhost', relay, '/health')).status).toBe(200)
})

test('the operator finds the refused host in the log, and no one else learns of it', async () => {
  await using relay = await createTestRelay({})
  const answer = await sendAs('evil.example', relay, '/mcp')
  expect(answer.status).toBe(421)
  expect(JSON.stringify(answer.body)).not.toContain('evil.example')
  const line = await relay.log((each) => each.status === 421)
  expect(line).toMatchObject({ error_code: 'wrong_host' })
  expect(line.reason).toContain('evil.example')
  expect(line.reason).toContain('RELAY_PUBLIC_URL')
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

test('the run of the cron trigger reaches the database, and its failure is an error', async () => {
  await using faults = await startFaults()
  await using relay = await createTestRelay({ faults })
  await relay.runScheduled()
  expect(await relay.log()).toMatchObject({ event: 'scheduled', outcome: 'ok' })
  expect(relay.gateway.requests.get('relay_scheduled')).toBe(1)

  await faults.always('html-502')
  await relay.runScheduled()
  expect(await relay.log((line) => line.outcome === 'failed')).toMatchObject({
    event: 'scheduled',
    error_code: 'database_unreachable',
  })
})

test('the board is served behind a proxy that ends TLS, or that drops the port', async () => {
  for (const [publicUrl, hosts] of [
    ['https://relay.test', ['relay.test']],
    ['https://relay.test:8443', ['relay.test:8443', 'relay.test']],
  ] as const) {
    await using relay = await createTestRelay({
      bindings: { RELAY_PUBLIC_URL: publicUrl, RELAY_HOSTS: 'relay.test,127.0.0.1' },
    })
    for (const host of hosts) {
      const board = await sendAs(host, relay, '/board/')
      expect([board.status, board.headers.get('x-robots-tag')]).toEqual([200, 'noindex'])
      // The board calls the relay from the public origin.
      const headers = { origin: publicUrl, authorization: `Bearer ${relay.key}` }
      expect((await sendAs(host, relay, '/mcp', { method: 'GET', headers })).status).toBe(405)
    }
    const elsewhere = await sendAs('127.0.0.1', relay, '/board/')
    expect(elsewhere.headers.get('location')).toBe(`${publicUrl}/board/`)
  }
})

test.each(['/', '/nothing'])('no search engine lists the page at %s', async (path) => {
  await using relay = await createTestRelay()
  const page = await relay.fetch(path, { headers: { accept: 'text/html' } })
  expect(page.headers.get('x-robots-tag')).toBe('noindex')
})

test('the log names the host of a request that is refused for it', async () => {
  await using relay = await createTestRelay({})
  await sendAs('other.example', relay, '/mcp', { method: 'POST' })
  expect(await relay.log()).toMatchObject({ status: 421, refused_host: 'other.example' })
})
