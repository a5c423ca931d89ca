/** Where the Worker may send requests at home: its own database and the public internet. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { startWorker } from '../../../scripts/local/workerd/worker.ts'

/**
 * A Worker that fetches what it is told, as the relay fetches addresses that strangers choose, or the
 * database.
 */
const FETCHER = `export default {
  async fetch(request, env) {
    try {
      const [service, url] = (await request.text()).split(' ')
      const answer = await (service === 'database' ? env.DATABASE : globalThis).fetch(url)
      return new Response(await answer.text())
    } catch (error) {
      return new Response('refused: ' + error.message)
    }
  }
}`

async function startFetcher(supabaseUrl: string, onLine: (line: string) => void = () => {}) {
  const worker = await startWorker({
    bundle: {
      source: FETCHER,
      compatibilityDate: '2026-10-23',
      compatibilityFlags: [],
      rateLimits: [],
    },
    bindings: { SUPABASE_URL: supabaseUrl },
    onLine,
  })
  const ask = async (body: string) => (await fetch(worker.url, { method: 'POST', body })).text()
  return {
    reach: (url: string) => ask(`internet ${url}`),
    reachDatabase: (url: string) => ask(`database ${url}`),
    [Symbol.asyncDispose]: worker.stop,
  }
}

/** A server of this machine that says its name, and counts who comes. */
async function startServer(name: string, host = '127.0.0.1', listener?: RequestListener) {
  let visits = 0
  const server = createServer((request, response) => {
    visits += 1
    if (listener) listener(request, response)
    else response.end(name)
  }).listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    visits: () => visits,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

test('the database on this machine is reached, and no other port of it', async () => {
  await using database = await startServer('database')
  await using other = await startServer('other')
  await using fetcher = await startFetcher(database.url)
  expect(await fetcher.reachDatabase(`${database.url}/rest/v1/rpc/relay_status`)).toBe('database')
  expect(await fetcher.reachDatabase(other.url)).toBe('database')
  for (const url of [
    database.url,
    other.url,
    `http://localhost:${other.port}`,
    `http://127.0.0.1:${other.port}/${database.url}`,
    `http://0.0.0.0:${other.port}`,
    `http://[::ffff:127.0.0.1]:${other.port}`,
    `http://${new URL(database.url).host}@127.0.0.1:${other.port}`,
  ]) {
    expect(await fetcher.reach(url), url).toMatch(/^refused/)
  }
  expect([database.visits(), other.visits()]).toEqual([2, 0])
})

test('the database does not lead the Worker to another port either', async () => {
  await using other = await startServer('other')
  await using database = await startServer('', '127.0.0.1', (_, response) => {
    response.writeHead(302, { location: other.url }).end()
  })
  await using fetcher = await startFetcher(database.url)
  expect(await fetcher.reachDatabase(database.url)).toMatch(/^refused/)
  expect(database.visits()).toBeGreaterThan(0)
  expect(other.visits()).toBe(0)
})

/** The addresses of this machine on the network around it. */
const LAN = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4')
  .map(({ address }) => address)

test.each(['https://abcdefghijklmnopqrst.supabase.co', 'http://10.255.255.1:54321'])(
  'with the project at %s, neither this machine nor the network around it is reached',
  async (project) => {
    await using fetcher = await startFetcher(project)
    for (const host of ['127.0.0.1', ...LAN]) {
      await using server = await startServer('here', host)
      expect(await fetcher.reach(server.url), host).toMatch(/^refused/)
      expect(server.visits()).toBe(0)
    }
  },
)

test('addresses that are public by their form only are not connected to', async () => {
  const lines: string[] = []
  await using fetcher = await startFetcher('http://127.0.0.1:1', (line) => lines.push(line))
  for (const host of [
    '0.1.2.3',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '[::a00:1]',
    '[::ffff:0:a00:1]',
    '[64:ff9b::a00:1]',
    '[64:ff9b:1::1]',
    '[100::1]',
    '[2001::1]',
    '[2001:db8::1]',
    '[2002:a00:1::1]',
    '[3fff::1]',
    '[5f00::1]',
    '[fec0::1]',
    '[ff02::1]',
  ]) {
    expect(await fetcher.reach(`http://${host}:9`), host).toMatch(/^refused/)
    // workerd refuses before it opens a connection.
    const refusal = `connecting to ${host.replace(/[[\]]/g, '')}:9 is not allowed`
    await expect.poll(() => lines.join('\n')).toContain(refusal)
  }
})
